"""`highmem report`: what a machine's memory looks like, and what a program did to it, as one HTML page.

`collect` reads it out of a kernel and a trace, `page` makes the page, `command` is the word of the command line.
"""
