"""Waiting for something to be so, instead of for some time to pass."""

import threading
import time
from collections.abc import Callable


def stands_still(count: Callable[[], int], for_s: float = 0.5) -> int:
    """What is counted, once it has not changed for so long."""
    seen, since = count(), time.monotonic()

    def has_stood() -> bool:
        nonlocal seen, since
        if count() != seen:
            seen, since = count(), time.monotonic()
        return time.monotonic() - since >= for_s

    until(has_stood, "a count that stands still")
    return seen


def until(ready: Callable[[], bool], what: str, within_s: float = 60.0, look_every_s: float = 0.02) -> None:
    """Returns as soon as it is so, and fails by name when it never is."""
    end = time.monotonic() + within_s
    pause = threading.Event()
    while not ready():
        assert time.monotonic() < end, f"{what}: not within {within_s:.0f} s"
        pause.wait(look_every_s)
