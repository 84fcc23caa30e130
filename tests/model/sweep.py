"""What the sweep sees: the queries that edge/store.py asks, answered from a session instead of by Firestore."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import contains, eq, le
from typing import Any, cast

from google.cloud import firestore

from webrtc_lite.core.records import Session
from webrtc_lite.edge.store import Query, Sessions

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "<=": le,
    "in": lambda found, values: contains(values, found),
}


@dataclass(frozen=True)
class Asked:
    query: Query
    values: tuple[object, ...]

    def finds(self, session: Session) -> bool:
        """A field that is not there is found by no filter on it."""
        filters = zip(self.query.filters, self.values, strict=True)
        return all(
            (found := _field(session, path)) is not None and OPERATORS[operator](found, value)
            for (path, operator), value in filters
        )


class Questions(Sessions):
    """Asks nobody."""

    def __init__(self) -> None:
        super().__init__(cast("firestore.Client", None))

    def _found(self, query: Query, *values: object, only: tuple[str, ...] = ()) -> Iterator[Any]:
        del only
        return iter((Asked(query, values),))

    def _from_anywhere(self, query: Query, *values: object) -> Iterator[Any]:
        return self._found(query, *values)


def is_found(session: Session, now: datetime) -> bool:
    return any(asked.finds(session) for asked in questions(now))


@cache
def questions(now: datetime) -> tuple[Asked, ...]:
    return tuple(asked for found in Questions().due(now) for asked in cast("Iterator[Asked]", found))


def _field(session: Session, path: str) -> object:
    value: object = session
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
