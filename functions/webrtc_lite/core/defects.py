"""What a check finds, and how it is told.

What is found is a place and nothing else, so no message can quote a candidate, an address or a fingerprint.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

FOUND_MAX = 100  # places of one rule: who broke it more often has read enough, and a verdict stays small


@dataclass(frozen=True)
class Problem:
    code: str
    message: str
    section: int | None = None  # index of the m-section, as in sdpMLineIndex
    line: int | None = None  # from 1, as editors count


class Place(NamedTuple):
    section: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        section = None if self.section is None else f"m-section {self.section}"
        line = None if self.line is None else f"line {self.line}"
        return ", ".join(filter(None, (section, line)))


@dataclass(frozen=True)
class Rule:
    code: str
    sentence: str
    source: str

    def problem(self, place: Place) -> Problem:
        where = str(place)
        return Problem(self.code, f"{where}: {self.sentence}" if where else self.sentence, *place)


@dataclass(frozen=True)
class Check[*Subjects](Rule):
    """A rule, and the function that finds where it is broken."""

    find: Callable[[*Subjects], Iterator[Place]]
