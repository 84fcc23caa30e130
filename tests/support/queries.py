"""Every query that somebody makes of Firestore, and the composite index that it needs, if any.

The emulator answers without an index; production does not. tests/rules/test_indexes.py compares the file with this.
"""

from dataclasses import dataclass
from typing import Literal

from webrtc_lite.edge import store

type Field = tuple[str, Literal["ASCENDING", "CONTAINS"]]


@dataclass(frozen=True)
class Query:
    """Ascending, in collections (not collection groups). An order by name needs nothing, and is not told."""

    purpose: str
    collection: str
    equal: frozenset[str] = frozenset()  # == and in, which is several of ==
    contains: str | None = None
    ordered: str | None = None  # by this field, with or without a range on it

    @property
    def composite(self) -> tuple[Field, ...]:
        """Firestore merges single-field indexes for any number of equalities, not for an order of another field."""
        filters: list[Field] = [(name, "ASCENDING") for name in sorted(self.equal)]
        filters += [(self.contains, "CONTAINS")] if self.contains else []
        return (*filters, (self.ordered, "ASCENDING")) if filters and self.ordered else ()


def asked_by_the_server(query: store.Query) -> Query:
    equal = frozenset(path for path, operator in query.filters if operator in {"==", "in"})
    ranges = {path for path, operator in query.filters if operator not in {"==", "in"}}
    assert len(query.order) <= 1, "more than Query above can tell"
    assert ranges <= set(query.order), "what is not asked in order of its range has that order all the same: say so"
    purpose = ", ".join(f"{path} {operator}" for path, operator in query.filters)
    return Query(f"{query.collection}: {purpose}", query.collection, equal, ordered=next(iter(query.order), None))


# What apps ask (SPEC sections 2 and 3.4).
ASKED_BY_APPS = [
    Query("my ringing calls", "webrtc_sessions", equal=frozenset({"callee_id", "status"})),
    Query("my live calls, placed", "webrtc_sessions", equal=frozenset({"caller_id", "status"})),
    Query("my live calls, received", "webrtc_sessions", equal=frozenset({"callee_id", "status"})),
    Query("my history since a time", "call_history", contains="participants", ordered="updated_at"),
]
QUERIES = [*map(asked_by_the_server, store.QUERIES), *ASKED_BY_APPS]
