"""`python3 -m tools WORD ...`: the highmem command from a checkout, which sets itself up at first use.

Every Python from 2.7 on can read this file, so that a too old one gets one clear line.
"""
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "highmem: error: Python 3.11 or newer is needed, and this is Python %d.%d (%s)\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(125)

from tools.bootstrap import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
