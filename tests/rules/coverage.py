"""What the emulator saw of the rules: its report is a tree of expressions, with their places and values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

type Span = tuple[int, int]  # of an expression's text, in characters


@dataclass
class Coverage:
    """The truth values of every expression of the rules, over several reports."""

    source: str = ""
    seen: dict[Span, set[object]] = field(default_factory=dict)

    def add(self, report: dict[str, Any]) -> None:
        self.source = report["rules"]["files"][0]["content"]
        for node in nodes(report["report"]):
            place = node["sourcePosition"]
            values = {kind(each["value"]) for each in node.get("values", []) if each["value"].keys() - {"undefined"}}
            start, end = place["currentOffset"], place["endOffset"] + 1
            self.seen.setdefault((start, closed(self.source, start, end)), set()).update(values)

    def conditions(self) -> list[Span]:
        """What was only ever true or false. What was never anything counts, for it was never looked at."""
        return sorted(span for span, values in self.seen.items() if values <= {True, False})

    def undecided(self) -> list[str]:
        """Conditions that were never true or never false."""
        return [
            f"line {self.source.count('\n', 0, start) + 1}, only {self.seen[start, end]}: {self.source[start:end]}"
            for start, end in self.conditions()
            if self.seen[start, end] != {True, False}
        ]


def nodes(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in tree:
        yield node
        yield from nodes(node.get("children", []))


def closed(source: str, start: int, end: int) -> int:
    """The report leaves out the last bracket, and both of a call without arguments."""
    if source.startswith("()", end):
        end += 2
    while any(source.count(left, start, end) > source.count(right, start, end) for left, right in ("()", "[]")):
        end += 1
    return end


def kind(value: dict[str, Any]) -> object:
    """A truth value itself; of anything else, only that it is. What failed has none: `undefined`, or nothing."""
    return value.get("boolValue", "something else")
