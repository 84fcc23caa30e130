"""For every suite."""

import os
import signal

# A shell that starts the tests in the background has them ignore Ctrl-C, and what a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a `make -j` tells the programs that it starts is meant for its own parts, not for a make that a test starts.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)
