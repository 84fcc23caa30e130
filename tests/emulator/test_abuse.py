"""Somebody who writes what no app writes, and much of it: a denial or an orderly end, and no cost to the other side."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.backend import SESSIONS, Backend
from tests.support.calls import ANSWER, Call, dialled, offer
from tests.support.documents import SERVER_TIME
from tests.support.phones import Phone
from webrtc_lite import service
from webrtc_lite.core.deadlines import Durations
from webrtc_lite.edge import logs, store

USUAL = Durations()
FLOOD = 150
OTHER = f"{ANSWER}a=other\r\n"  # to say again what stands is no write at all


@pytest.fixture
def mallory(backend: Backend) -> Phone:
    return Phone(backend, "mallory")


@pytest.fixture
def bob(backend: Backend) -> Phone:
    return Phone(backend, "bob")


@pytest.fixture
def call(mallory: Phone, bob: Phone) -> Call:
    """A call of Mallory and Bob that has connected."""
    call = mallory.dial("bob")
    call.becomes("offered")
    assert bob.answers(call)
    assert bob.reports(call)
    call.becomes("connected")
    return call


def goes_on(call: Call, bob: Phone) -> None:
    """Whatever was tried: the other side talks on, and hangs up when it likes."""
    call.backend.quiet()
    assert call.now()["status"] == "connected"
    assert bob.offers(call)
    assert bob.hangs_up(call)
    call.becomes("ended")
    assert (call.history or {})["end_reason"] == "hangup"


# --- in a call


@pytest.mark.parametrize("revision", [0, 1, 3, 1000, 2**62])
def test_a_revision_of_another_time_is_refused(mallory: Phone, bob: Phone, call: Call, revision: int) -> None:
    offered = {"type": "offer", "sdp": OTHER, "revision": revision, "from": "caller"}
    answered = {"type": "answer", "sdp": OTHER, "revision": revision, "from": "caller"}
    assert not mallory.says(call, offer=offered)
    assert not mallory.says(call, answer=answered)
    goes_on(call, bob)


def test_an_answer_to_nothing_is_refused(mallory: Phone, bob: Phone, call: Call) -> None:
    assert not mallory.answers(call, OTHER)
    assert not bob.answers(call, OTHER)
    assert bob.offers(call)
    assert not bob.answers(call, OTHER)
    assert mallory.hangs_up(call)


def test_a_call_is_hung_up_once(mallory: Phone, bob: Phone, call: Call) -> None:
    with call.backend.wire.losing():  # the server has not heard of the first one
        assert mallory.hangs_up(call)
        assert not mallory.hangs_up(call, "failed")
        assert not bob.hangs_up(call)
        assert not bob.offers(call)
        assert not bob.reports(call)
        call.backend.quiet()
    call.backend.sweep()
    assert not bob.hangs_up(call)
    assert call.now()["end_reason"] == "hangup"


def test_a_storm_of_being_alive_is_one_write(mallory: Phone, bob: Phone, call: Call) -> None:
    assert [mallory.says_alive(call) for _ in range(10)] == [True] + [False] * 9
    assert bob.says_alive(call)
    goes_on(call, bob)


def test_candidates_come_to_an_end_and_wake_nobody(mallory: Phone, bob: Phone, call: Call) -> None:
    call.backend.quiet()
    told = len(call.deliveries)
    assert [mallory.sends(call, number) for number in range(52)] == [True] * 50 + [False] * 2
    assert not mallory.sends(call, 0)
    assert not mallory.sends(call, 0, revision=2)
    call.backend.quiet()

    assert len(call.deliveries) == told
    goes_on(call, bob)


def test_who_offers_nonsense_again_and_again_stops_neither_the_call_nor_the_other_side(
    mallory: Phone, bob: Phone, call: Call
) -> None:
    for _ in range(5):
        assert mallory.offers(call, "v=0\r\n")
    call.backend.quiet()
    assert call.now()["error"]["revision"] == 6
    assert bob.offers(call)
    assert mallory.answers(call)
    call.shows(accepted={"offer": 7, "answer": 7})


def test_nobody_gets_into_the_call_of_others(backend: Backend, bob: Phone, call: Call) -> None:
    eve = Phone(backend, "eve")
    assert not eve.says(call, hangup={"by": "caller", "reason": "hangup", "at": SERVER_TIME})
    assert not eve.says(call, **{"ice_state.caller": "failed"})
    assert not eve.says(call, callee_id="eve")
    goes_on(call, bob)


# --- in calling


def test_nobody_calls_oneself_or_in_the_name_of_others(backend: Backend, mallory: Phone) -> None:
    assert not mallory.dials(Call.new(backend), "mallory")
    assert not mallory.dials(Call.new(backend), "bob", caller_id="alice")


@pytest.mark.parametrize("id_", ["a" * 1500, "a" * 65, "short", "a b c d e f g h i j", "..", "__aaaaaaaaaaaaaaaa__"])
def test_an_id_that_is_none_is_refused_or_a_call_like_any_other(backend: Backend, mallory: Phone, id_: str) -> None:
    call = Call(backend, id_)
    if id_.startswith("__") or id_ == "..":
        with pytest.raises(AssertionError, match="neither allowed nor denied"):  # Firestore itself refuses the name
            mallory.dials(call, "bob")
    else:
        assert not mallory.dials(call, "bob")
    assert backend.client.collection(SESSIONS).limit(1).get() == []


UIDS = [".", "..", "__bob__", "\N{TELEPHONE RECEIVER}" * 128, "b b", "'\"`", "a.b.c", "\n"]


@pytest.mark.parametrize("uid", UIDS, ids=ascii)
def test_a_callee_of_an_odd_name_is_rung_and_the_call_ends_in_order(backend: Backend, mallory: Phone, uid: str) -> None:
    call = Call.new(backend)
    assert mallory.dials(call, uid)
    call.becomes("offered")
    sweep_at(backend, call.now()["deadline"])

    assert (call.now()["end_reason"], (call.history or {})["end_reason"]) == ("missed", "missed")
    assert "Traceback" not in backend.trigger.output()


@pytest.mark.parametrize("uid", ["a/b", "b" * 129, ""])
def test_a_callee_who_cannot_be_is_refused(backend: Backend, mallory: Phone, uid: str) -> None:
    assert not mallory.dials(Call.new(backend), uid)


# --- in number


def sweep_at(
    backend: Backend, when: datetime, at_most: int = service.SWEEP_MAX, durations: Durations = USUAL
) -> service.Swept:
    return service.sweep(store.Sessions(backend.client), logs, lambda: when, durations, at_most)


def flood(backend: Backend, **fields: Any) -> list[Call]:  # noqa: ANN401
    """As many sessions of one user within a minute: each could be written under the rules."""
    created = datetime.now(UTC)
    calls = [Call.new(backend) for _ in range(FLOOD)]
    batch = backend.client.batch()
    for number, call in enumerate(calls):
        moment = created + timedelta(milliseconds=number)
        batch.create(call.document, dialled(caller_id="mallory", created_at=moment, **fields))
    batch.commit()
    backend.quiet()
    return calls


@pytest.mark.parametrize("said", [None, offer(), offer("v=0\r\n")], ids=["without offers", "with offers", "nonsense"])
def test_after_a_flood_of_one_caller_the_callee_is_reached_by_another(
    backend: Backend, bob: Phone, said: dict[str, Any] | None
) -> None:
    with backend.wire.losing():
        calls = flood(backend, offer=said)
        swept = sweep_at(backend, datetime.now(UTC))
        assert swept.failed == 0
    live = [call for call in calls if call.now()["status"] != "ended"]
    ringing = [call for call in live if call.now()["status"] == "offered"]
    assert len(ringing) == (1 if said == offer() else 0)

    for call in ringing:
        assert bob.hangs_up(call, "decline")
        call.becomes("ended")
    wanted = Phone(backend, "alice").dial("bob")
    wanted.becomes("offered")
    assert bob.answers(wanted)
    wanted.becomes("answered")


def test_what_others_wait_for_ends_in_the_next_sweep_whatever_stands_before_it(backend: Backend) -> None:
    """As a flood of thousands is to a sweep that looks at thousands."""
    with backend.wire.losing():
        flood(backend, offer=None)
        last = Call(backend, "zzzzzzzzzzzzzzzz")
        last.document.create(dialled(caller_id="alice", status="offered", deadline=datetime.now(UTC)))
        backend.quiet()
        swept = sweep_at(backend, datetime.now(UTC), at_most=50)

    assert swept.more
    assert (last.now()["end_reason"], (last.history or {})["end_reason"]) == ("missed", "missed")


def test_a_flood_is_over_when_its_sessions_have_expired(backend: Backend) -> None:
    with backend.wire.losing():
        calls = flood(backend, offer=None)
        swept = sweep_at(backend, calls[-1].now()["created_at"] + USUAL.offer)

    assert (swept.ended, swept.failed, swept.more) == (FLOOD, 0, False)
    assert {(each.to_dict() or {})["status"] for each in backend.client.collection(SESSIONS).stream()} == {"ended"}


def test_who_redials_for_ever_does_not_keep_a_phone_busy_for_ever(backend: Backend, mallory: Phone) -> None:
    """Unanswered ringing adds up; then others get through."""
    now = datetime.now(UTC)
    durations = replace(USUAL, unanswered=timedelta(minutes=1))
    calls = [Call.new(backend) for _ in range(5)]
    with backend.wire.losing():
        for call in calls:
            assert mallory.dials(call, "bob")
            call.document.update({"created_at": now})
            sweep_at(backend, now, durations=durations)
            now += USUAL.ring
            sweep_at(backend, now, durations=durations)
        backend.quiet()
    assert calls[0].now()["end_reason"] == "missed"
    assert (calls[-1].now()["end_reason"], calls[-1].now()["error"]["code"]) == ("busy", "caller_rung_out")

    wanted = Phone(backend, "alice").dial("bob")
    wanted.becomes("offered")
