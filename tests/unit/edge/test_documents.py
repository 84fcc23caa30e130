"""edge/documents.py."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.calls import (
    ANSWERED,
    BAD_SDP,
    CONNECTED,
    DIALLED,
    LIVE,
    OFFER_SDP,
    PENDING,
    PICKED_UP,
    USUAL,
    at,
    hangup,
    offer,
)
from webrtc_lite.core.deadlines import may_be_purged
from webrtc_lite.core.machine import CALLEE, CALLER, Status
from webrtc_lite.core.records import Accepted, Description, IceState, Session, SessionError
from webrtc_lite.core.session import Change, settle
from webrtc_lite.edge import documents

ESSENTIALS = ("caller_id", "callee_id", "status", "created_at")
CANARY = "c4n4ry"

# A session with everything in it, as Firestore hands it out.
WHOLE: dict[str, Any] = {
    "caller_id": "alice",
    "callee_id": "bob",
    "caller_device_id": "desk",
    "media": "video",
    "status": "connected",
    "created_at": at(0),
    "offer": {"type": "offer", "sdp": OFFER_SDP, "revision": 2, "from": "callee"},
    "answer": {"type": "answer", "sdp": "text", "revision": 1, "from": "caller", "device_id": "tablet"},
    "ice_state": {"caller": "connected", "callee": "disconnected"},
    "alive_at": {"caller": at(7), "callee": at(8)},
    "hangup": {"by": "callee", "reason": "failed", "at": at(9)},
    "accepted": {"offer": 2, "answer": 1},
    "deadline": at(900),
    "expires_at": at(4000),
    "updated_at": at(9),
    "offered_at": at(1),
    "rung_at": at(2),
    "answered_at": at(3),
    "connected_at": at(4),
    "ended_at": at(10),
    "end_reason": "hangup",
    "superseded_by": "fedcba9876543210",
    "error": {"code": "sdp_x", "message": "A sentence.", "field": "offer.sdp", "revision": 2},
}
OPTIONAL = sorted(WHOLE.keys() - set(ESSENTIALS))


def read(**changes: Any) -> tuple[Session, tuple[str, ...]]:  # noqa: ANN401 (whatever a document holds)
    return documents.session("0123456789abcdef", WHOLE | changes)


# --- from Firestore


def test_every_field_arrives_in_its_place() -> None:
    session, ignored = read()
    assert ignored == ()
    assert session == Session(
        id="0123456789abcdef",
        caller_id="alice",
        callee_id="bob",
        media="video",
        status=Status.CONNECTED,
        created_at=at(0),
        caller_device_id="desk",
        offer=Description(OFFER_SDP, 2, CALLEE),
        answer=Description("text", 1, CALLER, "tablet"),
        ice_state={CALLER: IceState.CONNECTED, CALLEE: IceState.DISCONNECTED},
        alive_at={CALLER: at(7), CALLEE: at(8)},
        hangup=replace(hangup(CALLEE, 9), reason="failed"),
        accepted=Accepted(2, 1),
        deadline=at(900),
        expires_at=at(4000),
        updated_at=at(9),
        offered_at=at(1),
        rung_at=at(2),
        answered_at=at(3),
        connected_at=at(4),
        ended_at=at(10),
        end_reason=session.end_reason,
        superseded_by="fedcba9876543210",
        error=SessionError("sdp_x", "A sentence.", "offer.sdp", 2),
    )
    assert session.end_reason == "hangup"


def test_no_field_of_a_session_is_forgotten() -> None:
    assert {each.name for each in fields(Session)} - {"id", "agreed"} == documents.SessionDocument.model_fields.keys()
    assert WHOLE.keys() == documents.SessionDocument.model_fields.keys()


def test_the_essentials_are_enough() -> None:
    session, ignored = documents.session(PENDING.id, {name: WHOLE[name] for name in ESSENTIALS})
    assert session == replace(PENDING, status=Status.CONNECTED)
    assert ignored == ()


def test_a_timestamp_of_firestore_is_a_moment() -> None:
    moment = DatetimeWithNanoseconds(2026, 11, 20, 12, nanosecond=1_000, tzinfo=UTC)
    assert read(created_at=moment)[0].created_at == moment


WRONG: list[Any] = [None, True, 7, 1.5, "", "text", b"bytes", [], {}, datetime(2026, 1, 1), datetime.max]  # noqa: DTZ001, DTZ901


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_an_optional_field_that_cannot_be_read_is_absent_and_named(name: str, wrong: object) -> None:
    if name in {"ice_state", "alive_at"} and wrong == {}:
        return
    if name in {"caller_device_id", "superseded_by"} and isinstance(wrong, str):
        return
    session, ignored = read(**{name: wrong})
    absent = documents.session(session.id, {key: value for key, value in WHOLE.items() if key != name})[0]
    assert session == absent
    assert ignored == (() if wrong is None else (name,))


@pytest.mark.parametrize("name", ESSENTIALS)
@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if wrong != "text"], ids=repr)
def test_a_session_without_an_essential_cannot_be_read(name: str, wrong: object) -> None:
    with pytest.raises(documents.UnreadableDocumentError) as raised:
        read(**{name: wrong})
    assert raised.value.names == (name,)


def test_every_missing_essential_is_named() -> None:
    with pytest.raises(documents.UnreadableDocumentError) as raised:
        documents.session("id", {})
    assert raised.value.names == ESSENTIALS


@pytest.mark.parametrize(
    ("field", "broken"),
    [
        ("offer", {"sdp": 7}), ("offer", {"revision": "1"}), ("offer", {"revision": 1.0}), ("offer", {"from": "bob"}),
        ("offer", {"type": "pranswer"}), ("answer", {"sdp": None}), ("hangup", {"by": "server"}),
        ("hangup", {"reason": "boredom"}), ("hangup", {"at": "now"}),
        ("hangup", {"at": datetime.max.replace(tzinfo=UTC)}),
        ("accepted", {"offer": True}), ("error", {"code": 1}),
    ],
)  # fmt: skip
def test_a_map_with_a_bad_part_is_absent(field: str, broken: dict[str, Any]) -> None:
    session, ignored = read(**{field: WHOLE[field] | broken})
    assert getattr(session, field) is None
    assert ignored == (field,)


def test_of_a_map_by_side_only_the_bad_key_is_absent() -> None:
    session, ignored = read(
        ice_state={"caller": "checking", "callee": "failed", "server": "connected"},
        alive_at={"caller": "now", "callee": at(3)},
    )
    assert session.ice_state == {CALLEE: IceState.FAILED}
    assert session.alive_at == {CALLEE: at(3)}
    assert ignored == ("caller", "caller")


def test_a_device_that_cannot_be_read_costs_no_answer() -> None:
    session, ignored = read(answer=WHOLE["answer"] | {"device_id": 7})
    assert session.answer == Description("text", 1, CALLER)
    assert ignored == ("device_id",)


def test_unknown_fields_and_keys_are_left_alone() -> None:
    assert read(later="more", offer=WHOLE["offer"] | {"later": 1}) == read()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.datetimes() | st.datetimes(timezones=st.just(UTC)) | st.sampled_from(["caller", "connected", "offer"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["caller", "callee", "sdp", "from", "at", "by"]) | st.text(), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(WHOLE, ANYTHING)))
def test_any_document_is_read_or_refused_and_any_session_settles(document: dict[str, Any]) -> None:
    for read_as in (document, WHOLE | document):
        try:
            session, _ = documents.session("id", read_as)
        except documents.UnreadableDocumentError as error:
            assert set(error.names) <= set(ESSENTIALS)  # noqa: PT017 (either end is right)
        else:
            change = settle(session, (), at(10), USUAL)
            if change:
                documents.update(change)
        documents.remains("id", read_as)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONAL, ANYTHING)), st.sampled_from(sorted(Status)))
def test_no_document_whose_essentials_stand_is_refused(document: dict[str, Any], status: Status) -> None:
    essentials = {name: WHOLE[name] for name in ESSENTIALS} | {"status": status.value}
    session, _ = documents.session("id", document | essentials)
    assert settle(session, (), at(10), USUAL) is None or status is not Status.ENDED


def test_no_error_quotes_or_carries_what_stands_in_a_document() -> None:
    with pytest.raises(documents.UnreadableDocumentError) as raised:
        read(caller_id={"sdp": CANARY}, status=CANARY)
    assert CANARY not in f"{raised.value!r}{raised.value}"
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_no_text_of_a_session_holds_its_descriptions() -> None:
    assert "a=fingerprint" not in repr(read()[0])
    assert "a=fingerprint" not in repr(documents.SessionDocument.model_validate(WHOLE, context=[]))


# --- what the purge reads


@pytest.mark.parametrize(
    ("document", "due"),
    [
        ({"status": "ended", "expires_at": at(0)}, True),
        ({"status": "ended", "expires_at": at(1)}, False),
        ({"status": "ended"}, False),
        ({"status": "ended", "expires_at": "noon"}, False),
        ({"status": "connected", "expires_at": at(0)}, False),
        ({"status": "over", "expires_at": at(0)}, False),
        ({"expires_at": at(0)}, False),
    ],
)
def test_what_remains_of_a_session_says_whether_it_may_go(document: dict[str, Any], due: bool) -> None:  # noqa: FBT001
    remains = documents.remains("id", document)
    assert (remains is not None and may_be_purged(remains, at(0))) is due


# --- to Firestore


def changed(session: Session, seconds: float) -> Change:
    change = settle(session, (), at(seconds), USUAL)
    assert change is not None
    return change


def test_an_update_holds_what_differs_and_nothing_else() -> None:
    assert documents.update(changed(DIALLED, 1)) == {
        "status": "offered", "offered_at": at(1), "deadline": at(31), "updated_at": at(1),
    }  # fmt: skip


def test_a_map_is_written_whole() -> None:
    assert documents.update(changed(PICKED_UP, 5))["accepted"] == {"offer": 1, "answer": 1}
    error = documents.update(changed(replace(PENDING, offer=offer(sdp=BAD_SDP)), 1))["error"]
    assert error.keys() == {"code", "message", "field", "revision"}


def test_texts_are_texts_and_no_enums() -> None:
    for session in LIVE.values():
        for value in documents.update(changed(session, 5000)).values():
            assert type(value) in {str, dict, datetime}


def test_what_is_gone_is_told_as_none() -> None:
    assert documents.update(Change(ANSWERED, replace(ANSWERED, deadline=None), None)) == {"deadline": None}


@pytest.mark.parametrize("field", ["caller_id", "offer", "hangup", "created_at"])
def test_what_the_participants_say_is_never_written(field: str) -> None:
    other = {"caller_id": "mallory", "offer": None, "hangup": hangup(CALLER, 1), "created_at": at(5)}
    with pytest.raises(ValueError, match=field):
        documents.update(Change(ANSWERED, replace(ANSWERED, **{field: other[field]}), None))  # type: ignore[arg-type]


def test_what_was_written_reads_as_what_was_decided() -> None:
    change = changed(PICKED_UP, 5)
    written = {name: WHOLE[name] for name in ESSENTIALS} | {"media": "audio", "status": "offered"}
    written |= {"offered_at": at(1), "deadline": at(31), "updated_at": at(1)}
    before, _ = documents.session(PENDING.id, written)
    after, _ = documents.session(PENDING.id, written | documents.update(change))
    assert replace(before, offer=PICKED_UP.offer, answer=PICKED_UP.answer) == PICKED_UP
    assert replace(after, offer=PICKED_UP.offer, answer=PICKED_UP.answer) == change.after


def test_what_was_agreed_is_a_document_of_its_own_and_reads_as_it_was() -> None:
    change = changed(PICKED_UP, 5)
    agreed = change.after.agreed
    assert agreed is not None
    assert "agreed" not in documents.update(change)
    written = documents.agreed_document(agreed)
    assert written["sections"] == [{"kind": "application", "mid": "0", "live": True}]
    assert written["callee"]["roles"] == ["active"]
    assert documents.agreed(written) == agreed


@pytest.mark.parametrize("spoilt", [{}, {"sections": []}, {"sections": [{}], "caller": {}, "callee": {}}])
def test_what_was_agreed_and_cannot_be_read_is_nothing(spoilt: dict[str, Any]) -> None:
    assert documents.agreed(spoilt) is None


def test_a_record_has_the_names_of_the_specification_and_no_empty_places() -> None:
    record = changed(replace(CONNECTED, hangup=hangup(CALLER, 66)), 66.5).history
    assert record is not None
    assert documents.history(record) == {
        "participants": ["alice", "bob"],
        "caller_id": "alice",
        "callee_id": "bob",
        "media": "audio",
        "end_reason": "hangup",
        "created_at": at(0),
        "answered_at": at(5),
        "connected_at": at(6),
        "ended_at": at(66.5),
        "duration_s": 60,
        "updated_at": at(66.5),
        "expires_at": at(66.5) + timedelta(days=90),
    }
    missed = changed(LIVE[Status.OFFERED], 31).history
    assert missed is not None
    assert not {"answered_at", "connected_at"} & documents.history(missed).keys()


@pytest.mark.parametrize("status", LIVE)
def test_every_record_is_one_of_the_contract(status: Status) -> None:
    record = changed(LIVE[status], 5000).history
    assert record is not None
    written = documents.history(record)
    assert documents.HistoryDocument.model_validate(written).model_dump(exclude_none=True) == written


def test_the_end_of_what_cannot_be_read_takes_it_out_of_sight_and_into_the_purge() -> None:
    end = documents.end_of_unreadable(("caller_id", "status"), at(0), timedelta(hours=1))
    assert end.keys() <= documents.WRITTEN_BY_THE_SERVER
    assert (end["status"], end["end_reason"], end["ended_at"], end["expires_at"]) == (
        "ended",
        "expired",
        at(0),
        at(3600),
    )
    assert end["error"]["code"] == "session_unreadable"
    assert "caller_id, status" in end["error"]["message"]
    remains = documents.remains("id", end)
    assert remains is not None
    assert may_be_purged(remains, at(3600))
