"""Waiting for something to be so, instead of for some time to pass."""

import threading
import time
from collections.abc import Callable


def until(ready: Callable[[], bool], what: str, within_s: float = 60.0, look_every_s: float = 0.02) -> None:
    """Returns as soon as it is so, and fails by name when it never is."""
    end = time.monotonic() + within_s
    pause = threading.Event()
    while not ready():
        assert time.monotonic() < end, f"{what}: not within {within_s:.0f} s"
        pause.wait(look_every_s)
