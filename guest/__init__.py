"""What faces guest programs: the table of calls, headers, compiler, loader, and the Kernel that answers traps."""
