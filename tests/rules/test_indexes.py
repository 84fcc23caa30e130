"""firestore.indexes.json: what the queries need, and no more. The emulator never misses an index."""

import json
from typing import Any

import pytest

from tests.support.queries import QUERIES, Query
from tools.provision import ROOT

FILE: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "firestore.indexes.json").read_text())
COMPOSITES = [
    (each["collectionGroup"], tuple((f["fieldPath"], f.get("order") or f["arrayConfig"]) for f in each["fields"]))
    for each in FILE["indexes"]
]
EXEMPT = {(each["collectionGroup"], each["fieldPath"]): each for each in FILE["fieldOverrides"]}
LARGE = {("webrtc_sessions", "offer"), ("webrtc_sessions", "answer"), ("ice_candidates", "candidates")}
EXPIRING = {(name, "expires_at") for name in ("ice_candidates", "call_history", "engagements")}


@pytest.mark.parametrize("query", QUERIES, ids=[each.purpose for each in QUERIES])
def test_every_query_finds_its_index(query: Query) -> None:
    assert not query.composite or (query.collection, query.composite) in COMPOSITES


def test_every_index_has_a_query() -> None:
    needed = {(query.collection, query.composite) for query in QUERIES if query.composite}

    assert sorted(COMPOSITES) == sorted(needed)
    assert {each["queryScope"] for each in FILE["indexes"]} == {"COLLECTION"}


def test_what_is_large_and_what_only_expires_is_not_indexed() -> None:
    """A description or a batch costs an index entry a field; times that only grow make one place of an index hot."""
    assert EXEMPT.keys() == LARGE | EXPIRING
    assert all(each["indexes"] == [] for each in EXEMPT.values())


@pytest.mark.parametrize("query", QUERIES, ids=[each.purpose for each in QUERIES])
def test_no_query_asks_for_a_field_that_is_not_indexed(query: Query) -> None:
    asked = {*query.equal, query.contains, query.ordered} - {None}

    assert not {(query.collection, str(name).partition(".")[0]) for name in asked} & EXEMPT.keys()


def test_a_ttl_stands_behind_the_purge_and_never_before_it() -> None:
    """On sessions it would delete live calls whenever the sweeper is down, and orphan their candidates."""
    assert {where for where, each in EXEMPT.items() if each.get("ttl")} == EXPIRING
