"""edge/store.py without Firestore: its queries, and what of an event is looked at. With Firestore: tests/emulator."""

from typing import Any

import pytest
from firebase_functions.core import Change
from firebase_functions.firestore_fn import Event
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tests.support import queries
from tests.unit.core.calls import at
from webrtc_lite.core.errors import WebRTCLiteError
from webrtc_lite.edge import store

CLIENT = firestore.Client(project="demo-webrtc-lite-tests", credentials=AnonymousCredentials())


@pytest.mark.parametrize("query", store.QUERIES, ids=lambda query: str(query.filters))
def test_every_query_is_on_the_list_that_the_indexes_are_held_against(query: store.Query) -> None:
    equal = frozenset(path for path, operator in query.filters if operator in {"==", "in"})
    ranged = {path for path, operator in query.filters if operator not in {"==", "in"}}
    assert ranged <= set(query.order)
    assert (query.collection, equal, query.order) in {
        (each.collection, each.equal, (each.ordered,) if each.ordered else ()) for each in queries.QUERIES
    }


def test_a_query_asks_what_it_says() -> None:
    asked = store.OVERDUE.of(CLIENT, "connected", at(0))._to_protobuf()
    filters = asked.where.composite_filter.filters
    assert [each.field_filter.field.field_path for each in filters] == ["status", "deadline"]
    assert [each.field.field_path for each in asked.order_by] == ["deadline"]


def event(before: dict[str, Any] | None, after: dict[str, Any] | None) -> store.SessionEvent:
    def snapshot(document: dict[str, Any] | None) -> Any:  # noqa: ANN401
        reference = CLIENT.collection(store.SESSIONS).document("0123456789abcdef")
        return document and firestore.DocumentSnapshot(reference, document, True, at(9), at(0), at(5))  # noqa: FBT003

    return Event(
        specversion="1.0", id="1", source="s", type="t", subject=None, time=at(9),
        data=Change(snapshot(before), snapshot(after)),
        location="us-central1", project="p", database="(default)", namespace="(default)", document="d", params={},
    )  # fmt: skip


def test_an_event_is_the_session_as_it_was_after_it() -> None:
    seen = store.written(event({"status": "pending"}, {"status": "offered", "deadline": at(1)}))
    assert seen is not None
    assert (seen.session_id, seen.document["status"], seen.update_time) == ("0123456789abcdef", "offered", at(5))


@pytest.mark.parametrize("after", [None, {"status": "ended"}])
def test_what_has_ended_or_is_gone_is_not_looked_at(after: dict[str, Any] | None) -> None:
    assert store.written(event({"status": "connected"}, after)) is None


@pytest.mark.parametrize("status", ["pending", "over", 7, None])
def test_whatever_else_was_written_is_looked_at(status: object) -> None:
    assert store.written(event(None, {"status": status})) is not None


def test_no_text_of_a_snapshot_holds_its_document() -> None:
    seen = store.written(event(None, {"status": "pending", "offer": {"sdp": "c4n4ry"}}))
    assert "c4n4ry" not in repr(seen)


def test_fields_that_are_left_out_are_logged_by_name_only(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"caller_id": "a", "callee_id": "b", "status": "pending", "created_at": at(0), "offer": "c4n4ry"}
    seen = store.written(event(None, document))
    assert seen is not None
    assert seen.session().offer is None
    logged = "".join(capsys.readouterr())
    assert '"offer"' in logged
    assert "c4n4ry" not in logged


def test_what_firestore_refuses_with_is_no_error_of_ours() -> None:
    assert not any(issubclass(each, WebRTCLiteError) for each in store.REFUSALS)
