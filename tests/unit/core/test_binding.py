"""core/binding.py."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.unit.core.calls import ANSWERED, CONNECTED, DIALLED, LIVE, OFFERED, PENDING, PICKED_UP, USUAL, at, hangup
from webrtc_lite.core.binding import check, goes_on
from webrtc_lite.core.deadlines import due
from webrtc_lite.core.errors import NotAParticipantError, SessionEndedError
from webrtc_lite.core.machine import CALLEE, CALLER, Actor, Status
from webrtc_lite.core.records import IceState, Session

EVERY_LIVE = [PENDING, *LIVE.values()]


@pytest.mark.parametrize("uid", ["alice", "bob"])
@pytest.mark.parametrize("session", EVERY_LIVE, ids=lambda session: session.status)
def test_both_sides_of_a_call_that_goes_on_may(uid: str, session: Session) -> None:
    check(uid, session, at(6), USUAL)


def test_a_stranger_hears_the_same_as_of_a_session_that_does_not_exist() -> None:
    heard = []
    for session in (PENDING, replace(PENDING, status=Status.ENDED), None):
        with pytest.raises(NotAParticipantError) as raised:
            check("mallory", session, at(6), USUAL)
        heard.append((raised.value.message, raised.value.field, raised.value.hint))
    assert set(heard) == {
        (
            "The session_id is not that of a call of yours.",
            "session_id",
            "Only the caller and the callee of a session that exists get credentials for it.",
        )
    }


@pytest.mark.parametrize("uid", ["alice", "bob"])
def test_of_a_call_that_has_ended_both_hear_so(uid: str) -> None:
    with pytest.raises(SessionEndedError) as raised:
        check(uid, replace(CONNECTED, status=Status.ENDED), at(6), USUAL)
    assert (raised.value.message, raised.value.field) == ("The call has ended.", "session_id")
    assert raised.value.hint == "A new call is a new session with a new id."


@pytest.mark.parametrize("session", EVERY_LIVE, ids=lambda session: session.status)
@pytest.mark.parametrize("by", [CALLER, CALLEE])
def test_a_hangup_counts_before_any_server_has_seen_it(session: Session, by: Actor) -> None:
    assert not goes_on(replace(session, hangup=hangup(by, 6)), at(6), USUAL)


@pytest.mark.parametrize("session", EVERY_LIVE, ids=lambda session: session.status)
def test_a_deadline_counts_before_any_sweep_has_seen_it(session: Session) -> None:
    until = due(session, USUAL)
    assert goes_on(session, until.replace(microsecond=0) - (at(1) - at(0)), USUAL)
    assert not goes_on(session, until, USUAL)


@pytest.mark.parametrize(
    ("session", "goes"),
    [
        (PICKED_UP, True),
        (OFFERED, False),
        (replace(ANSWERED, ice_state={CALLEE: IceState.CONNECTED}), True),
        (replace(ANSWERED, ice_state={CALLER: IceState.FAILED}), False),
        (replace(DIALLED, answer=PICKED_UP.answer), False),
        (CONNECTED, False),
    ],
    ids=["answered unseen", "unanswered", "connected unseen", "never connected", "not yet offered", "lease over"],
)
def test_evidence_that_no_event_has_told_yet_counts_before_the_clock(session: Session, *, goes: bool) -> None:
    late: datetime = at(10_000)
    assert goes_on(session, late, USUAL) is goes
