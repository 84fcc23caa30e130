"""What went wrong, for a person who can act on it."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818  it reads as what it says
    """The message says what went wrong, the hint what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
