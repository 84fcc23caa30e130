"""Every query that somebody makes of Firestore, and the composite index that it needs, if any.

The emulator answers without an index; production does not. tests/rules/test_indexes.py compares the file with this.
"""

from dataclasses import dataclass
from typing import Literal

type Field = tuple[str, Literal["ASCENDING", "CONTAINS"]]

LIVE_BEFORE_CONNECTED = ("pending", "offered", "answered")


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


QUERIES = [
    # The server.
    Query("sweep: what is not connected yet, by name, in pages", "webrtc_sessions", equal=frozenset({"status"})),
    Query(
        "sweep: connected and hung up (status == connected, hangup.by in [caller, callee])",
        "webrtc_sessions",
        equal=frozenset({"status", "hangup.by"}),
    ),
    Query(
        "sweep: connected past its deadline, the longest overdue first",
        "webrtc_sessions",
        equal=frozenset({"status"}),
        ordered="deadline",
    ),
    Query("settle: others of a person as caller", "webrtc_sessions", equal=frozenset({"caller_id", "status"})),
    Query("settle: others of a person as callee", "webrtc_sessions", equal=frozenset({"callee_id", "status"})),
    Query("purge: expires_at <= now, the longest expired first", "webrtc_sessions", ordered="expires_at"),
    Query("ring: the most recently updated devices of a user", "devices", ordered="updated_at"),
    # Apps (SPEC sections 2 and 3.4).
    Query("my ringing calls", "webrtc_sessions", equal=frozenset({"callee_id", "status"})),
    Query("my live calls, placed", "webrtc_sessions", equal=frozenset({"caller_id", "status"})),
    Query("my live calls, received", "webrtc_sessions", equal=frozenset({"callee_id", "status"})),
    Query("my history since a time", "call_history", contains="participants", ordered="updated_at"),
]
