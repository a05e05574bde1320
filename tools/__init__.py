"""What a person runs: the command line, the monitor's commands, traces, benchmarks.

Public names: `tools.cli.main` (the `highmem` command), `tools.monitor.Monitor` (run a monitor
command over a kernel, as typed data, text or JSON) and `tools.trace`.
This file and `__main__.py` are read by any Python, however old: no newer syntax here.
"""
