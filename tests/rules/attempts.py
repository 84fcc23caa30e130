"""Two attempts that differ in one thing, of which the rules allow one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.support.documents import ABSENT, Data, Documents

type Differences = dict[str, list[Any]]

ALLOWED: set[str] = set()  # what these rules have been seen to allow: many refusals stand next to the same attempt


@dataclass(frozen=True)
class Attempt:
    """What somebody tries to do with one document, and what is there before."""

    operation: str  # create, update, put, delete or get
    path: str
    by: str | None
    write: Data = field(default_factory=dict)
    stored: Data | None = None  # the document itself
    beside: Mapping[str, Data] = field(default_factory=dict)  # others, by their path
    session: Data | None = None  # the one that a batch of candidates lies below

    def but(self, where: str, value: Any) -> "Attempt":  # noqa: ANN401 (of any field)
        """The same attempt with another value at `write/offer/revision`, `stored/status`, `by` and so on."""
        name, *keys = where.split("/")
        if not keys:
            return replace(self, **{name: value})
        content = deepcopy(getattr(self, name))
        place = content
        for key in keys[:-1]:
            place = place[int(key) if isinstance(place, list) else key]
        if isinstance(place, list):
            place[int(keys[-1])] = value
        elif value is ABSENT and name == "stored":
            del place[keys[-1]]
        else:
            place[keys[-1]] = value
        return replace(self, **{name: content})

    def seeds(self) -> dict[str, Data]:
        seeds = dict(self.beside)
        if self.stored is not None:
            seeds[self.path] = self.stored
        if self.session is not None:
            seeds[self.path.partition("/ice_candidates/")[0]] = self.session
        return seeds

    def is_allowed(self, documents: Documents) -> bool:
        documents.seed(self.seeds())
        match self.operation:
            case "create":
                return documents.create(self.path, self.write, self.by)
            case "update":
                return documents.update(self.path, self.write, self.by)
            case "put":
                return documents.put(self.path, self.write, self.by)
            case "delete":
                return documents.delete(self.path, self.by)
            case "get":
                return documents.get(self.path, self.by)
            case _:
                raise ValueError(self.operation)


def granted(**attempts: Attempt) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attempt", attempts.values(), ids=[name.replace("_", " ") for name in attempts])


def beside(attempt: Attempt, differences: Differences) -> pytest.MarkDecorator:
    """For each of these values in its place: the attempt with it, to be refused, next to the attempt as it is."""
    pairs = [(attempt.but(where, value), attempt) for where, value in each(differences)]
    names = [f"{where}={short(value)}" for where, value in each(differences)]
    return pytest.mark.parametrize(("refused", "allowed"), pairs, ids=names)


def forget() -> None:
    """For other rules."""
    ALLOWED.clear()


def each(differences: Differences) -> Iterator[tuple[str, Any]]:
    for where, values in differences.items():
        for value in values:
            yield where, value


def short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:24]}...({len(text)})"


def check(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    assert not refused.is_allowed(documents)
    if repr(allowed) not in ALLOWED:
        assert allowed.is_allowed(documents)
        ALLOWED.add(repr(allowed))
