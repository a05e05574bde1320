"""A gdb server: the remote serial protocol over a machine that a debugger holds (gdb manual, appendix E)."""
