"""What the back end decides: pure functions of their arguments, on the standard library alone."""
