"""For every suite."""

import signal

# A shell that starts the tests in the background has them ignore Ctrl-C, and what a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
