"""firestore.rules: who reads which sessions and which history (SPEC 3.1, 3.4), and the queries that apps need."""

from typing import Any

import pytest

from tests.rules.attempts import Attempt, check
from tests.rules.calls import ALICE, BOB, EVE, EVERY, SESSION, Session, ended, offered
from tests.support.documents import Documents, ago, value

RECORD = "call_history/Session_of-alice-09"
HISTORY = {"participants": [ALICE, BOB], "caller_id": ALICE, "callee_id": BOB, "updated_at": ago(days=1)}
type Condition = tuple[str, str, object]

LIVE_STATUSES = ["pending", "offered", "answered", "connected"]


def query(collection: str, *conditions: Condition, everywhere: bool = False) -> dict[str, Any]:
    filters = [
        {"fieldFilter": {"field": {"fieldPath": name}, "op": operator, "value": value(wanted)}}
        for name, operator, wanted in conditions
    ]
    where = {"where": {"compositeFilter": {"op": "AND", "filters": filters}}} if filters else {}
    return {"from": [{"collectionId": collection, "allDescendants": everywhere}]} | where


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("stored", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("stranger", [EVE, None])
def test_a_session_is_read_by_the_two_of_it(
    documents: Documents, by: str, stored: Session, stranger: str | None
) -> None:
    reading = Attempt("get", SESSION, by, stored=stored)

    check(documents, reading.but("by", stranger), reading)


def test_nobody_learns_whether_there_is_a_record_that_is_not_theirs(documents: Documents) -> None:
    there = Attempt("get", RECORD, EVE, stored=offered() | HISTORY)

    assert not there.is_allowed(documents)
    assert not there.but("stored", None).is_allowed(documents)


@pytest.mark.parametrize("by", [ALICE, EVE])
def test_a_session_that_is_not_there_may_be_looked_for_by_who_is_signed_in(documents: Documents, by: str) -> None:
    looking = Attempt("get", SESSION, by, stored=None)

    check(documents, looking.but("by", None), looking)


LIVE_ONLY = ("status", "IN", LIVE_STATUSES)
SEARCHES: dict[str, tuple[str, Condition, list[Condition]]] = {
    "my ringing calls": ("webrtc_sessions", ("callee_id", "EQUAL", BOB), [("status", "EQUAL", "offered")]),
    "my live calls, placed": ("webrtc_sessions", ("caller_id", "EQUAL", BOB), [LIVE_ONLY]),
    "my live calls, received": ("webrtc_sessions", ("callee_id", "EQUAL", BOB), [LIVE_ONLY]),
    "all my calls": ("webrtc_sessions", ("callee_id", "EQUAL", BOB), []),
    "my history": ("call_history", ("participants", "ARRAY_CONTAINS", BOB), []),
    "my history since a time": (
        "call_history",
        ("participants", "ARRAY_CONTAINS", BOB),
        [("updated_at", "GREATER_THAN_OR_EQUAL", ago(days=2))],
    ),
}


@pytest.mark.parametrize(("collection", "mine", "narrower"), SEARCHES.values(), ids=SEARCHES)
def test_a_user_finds_its_own_and_nobody_elses(
    documents: Documents, collection: str, mine: Condition, narrower: list[Condition]
) -> None:
    documents.seed({SESSION: offered(), RECORD: HISTORY})

    assert documents.query(query(collection, mine, *narrower), BOB)
    assert not documents.query(query(collection, *narrower), BOB)
    assert not documents.query(query(collection, mine, *narrower, everywhere=True), BOB)
    for somebody in (ALICE, EVE, None):
        assert not documents.query(query(collection, mine, *narrower), somebody)


def test_the_calls_of_two_others_are_not_found_by_naming_both(documents: Documents) -> None:
    documents.seed({SESSION: offered()})
    both = query("webrtc_sessions", ("caller_id", "EQUAL", ALICE), ("callee_id", "EQUAL", BOB))

    assert documents.query(both, ALICE)
    assert not documents.query(both, EVE)


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("stranger", [EVE, None])
def test_a_record_is_read_by_the_two_of_it(documents: Documents, by: str, stranger: str | None) -> None:
    reading = Attempt("get", RECORD, by, stored=HISTORY)

    check(documents, reading.but("by", stranger), reading)


@pytest.mark.parametrize("by", [ALICE, EVE, None])
@pytest.mark.parametrize("operation", ["create", "update", "put", "delete"])
def test_only_the_server_writes_history(documents: Documents, operation: str, by: str | None) -> None:
    stored = None if operation == "create" else HISTORY
    writing = Attempt(operation, RECORD, by, ended() | HISTORY, stored=stored)

    check(documents, writing, writing.but("by", "owner"))
