"""`highmem test` and the pytest plugin: guest programs as tests. `guest.testing` runs and judges them.

`settings` reads how a test is to be run, `folders` finds a folder's programs, `plugin` makes pytest collect
and report them, `command` is the word.
"""
