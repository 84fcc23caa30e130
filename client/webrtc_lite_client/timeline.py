"""When each step of a call was done, in milliseconds since it was dialled, by one clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SIDES = ("caller", "callee")


@dataclass(frozen=True)
class Mark:
    side: str
    step: str
    at_ms: float


class Timeline:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self.marks: list[Mark] = []

    def mark(self, side: str, step: str) -> None:
        self.marks.append(Mark(side, step, (self._clock() - self._start) * 1000))

    def side(self, side: str) -> Callable[[str], None]:
        """What one side of the call gets, to mark its steps."""
        return lambda step: self.mark(side, step)


def table(marks: Sequence[Mark]) -> str:
    """A line for each step, a column for each side."""
    width = max((len(mark.step) for mark in marks), default=0)
    lines = [f"{'ms':>7}   {SIDES[0]:<{width}}   {SIDES[1]}"]
    for mark in sorted(marks, key=lambda mark: mark.at_ms):
        caller, callee = (mark.step if mark.side == side else "" for side in SIDES)
        lines.append(f"{mark.at_ms:7.0f}   {caller:<{width}}   {callee}".rstrip())
    return "\n".join(lines)
