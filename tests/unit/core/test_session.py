from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.calls import (
    ANSWER_SDP,
    ANSWERED,
    BAD_SDP,
    CONNECTED,
    DIALLED,
    LIVE,
    OFFER_SDP,
    OFFERED,
    PENDING,
    PICKED_UP,
    USUAL,
    answer,
    at,
    hangup,
    offer,
    settled,
)
from webrtc_lite.core.machine import CALLEE, CALLER, TERMINAL, Actor, Status
from webrtc_lite.core.records import Accepted, Description, EndReason, IceState, Session, SessionError
from webrtc_lite.core.session import Change, settle, waits_for_its_check


def ended(session: Session, seconds: float) -> EndReason | None:
    """Why the session has ended by then, with everything that every way into ended has to set."""
    change = settle(session, (), at(seconds), USUAL)
    if change is None or change.after.status is not Status.ENDED:
        return None
    assert change.after.ended_at == change.after.updated_at == at(seconds)
    assert change.after.expires_at == at(seconds + 3600)
    assert change.history is not None
    assert change.history.end_reason is change.after.end_reason
    return change.after.end_reason


# --- pending


def test_a_call_without_an_offer_waits_and_then_expires() -> None:
    assert settle(PENDING, (), at(29.9), USUAL) is None
    assert ended(PENDING, 30) is EndReason.EXPIRED


def test_a_valid_offer_rings_for_half_a_minute_from_when_the_server_saw_it() -> None:
    assert settled(DIALLED, 50) == replace(
        DIALLED, status=Status.OFFERED, offered_at=at(50), deadline=at(80), updated_at=at(50)
    )


def test_nobody_rings_two_minutes_after_a_call_was_made() -> None:
    assert settled(DIALLED, 119.9).status is Status.OFFERED
    assert ended(DIALLED, 120) is EndReason.EXPIRED


def test_an_invalid_offer_ends_the_call_and_names_its_first_defect() -> None:
    broken = replace(PENDING, offer=offer(sdp=BAD_SDP))

    assert ended(broken, 1) is EndReason.INVALID_OFFER
    error = settled(broken, 1).error
    assert error is not None
    assert (error.code, error.field, error.revision) == ("sdp_no_origin", "offer.sdp", 1)
    assert "o=" in error.message


def test_a_call_that_nobody_settled_in_time_expires_even_with_an_invalid_offer() -> None:
    assert ended(replace(PENDING, offer=offer(sdp=BAD_SDP)), 120) is EndReason.EXPIRED


# --- offered


def test_a_valid_answer_connects_within_half_a_minute_and_is_accepted_with_its_offer() -> None:
    assert settled(PICKED_UP, 8) == replace(
        PICKED_UP,
        status=Status.ANSWERED,
        answered_at=at(8),
        deadline=at(38),
        accepted=Accepted(1, 1),
        updated_at=at(8),
    )


def test_a_call_that_nobody_picks_up_is_missed_at_its_deadline() -> None:
    assert settle(OFFERED, (), at(30.9), USUAL) is None
    assert ended(OFFERED, 31) is EndReason.MISSED


def test_an_answer_in_time_counts_even_if_the_sweeper_sees_it_first() -> None:
    assert settled(PICKED_UP, 90).status is Status.ANSWERED


def test_an_invalid_answer_ends_the_call_and_names_its_first_defect() -> None:
    broken = replace(OFFERED, answer=answer(sdp=BAD_SDP))

    assert ended(broken, 8) is EndReason.INVALID_ANSWER
    error = settled(broken, 8).error
    assert error is not None
    assert (error.field, error.revision) == ("answer.sdp", 1)


@pytest.mark.parametrize(
    "to_nothing", [answer(revision=2), answer(revision=0), answer(by=CALLER)], ids=["later", "earlier", "own"]
)
def test_an_answer_to_nothing_is_ignored(to_nothing: Description) -> None:
    assert settle(replace(OFFERED, answer=to_nothing), (), at(8), USUAL) is None


def test_an_answer_without_an_offer_is_ignored() -> None:
    assert settle(replace(OFFERED, offer=None, answer=answer()), (), at(8), USUAL) is None


# --- answered


@pytest.mark.parametrize("side", [CALLER, CALLEE])
def test_either_side_that_reports_a_connection_connects_the_call(side: Actor) -> None:
    connected = replace(ANSWERED, ice_state={side: IceState.CONNECTED})

    assert settled(connected, 10) == replace(
        connected, status=Status.CONNECTED, connected_at=at(10), deadline=at(910), updated_at=at(10)
    )


@pytest.mark.parametrize("state", [IceState.DISCONNECTED, IceState.FAILED])
def test_no_other_report_connects_a_call(state: IceState) -> None:
    assert settle(replace(ANSWERED, ice_state={CALLER: state, CALLEE: state}), (), at(10), USUAL) is None


def test_a_call_that_finds_no_way_fails_at_its_deadline() -> None:
    assert settle(ANSWERED, (), at(34.9), USUAL) is None
    assert ended(ANSWERED, 35) is EndReason.FAILED


def test_a_connection_counts_even_if_the_sweeper_sees_it_first() -> None:
    assert settled(replace(ANSWERED, ice_state={CALLEE: IceState.CONNECTED}), 90).status is Status.CONNECTED


# --- several steps in one


def test_an_answer_and_an_ice_report_before_the_server_looks_end_in_connected() -> None:
    back_to_back = replace(PICKED_UP, ice_state={CALLEE: IceState.CONNECTED})
    after = settled(back_to_back, 8)

    assert after.status is Status.CONNECTED
    assert after.answered_at == after.connected_at == at(8)


def test_everything_at_once_before_the_server_looks_ends_in_connected() -> None:
    everything = replace(DIALLED, answer=answer(), ice_state={CALLER: IceState.CONNECTED})

    assert settled(everything, 8).status is Status.CONNECTED


# --- connected


def test_a_connected_call_goes_on_for_its_lease_and_expires_with_it() -> None:
    assert settle(CONNECTED, (), at(905.9), USUAL) is None
    assert ended(CONNECTED, 906) is EndReason.EXPIRED


def test_the_lease_goes_on_only_when_both_sides_were_heard_of() -> None:
    one = replace(CONNECTED, alive_at={CALLER: at(600)})
    both = replace(CONNECTED, alive_at={CALLER: at(600), CALLEE: at(610)})

    assert settle(one, (), at(620), USUAL) is None
    assert settled(both, 620) == replace(both, deadline=at(1500), updated_at=at(620))


def test_a_lease_that_was_kept_counts_even_if_the_sweeper_sees_it_first() -> None:
    both = replace(CONNECTED, alive_at={CALLER: at(600), CALLEE: at(610)})

    assert settled(both, 1000).status is Status.CONNECTED
    assert ended(both, 1500) is EndReason.EXPIRED


def test_a_deadline_never_moves_back() -> None:
    assert settle(replace(CONNECTED, deadline=at(5000)), (), at(1000), USUAL) is None


def test_a_connected_call_without_a_deadline_gets_one() -> None:
    assert settled(replace(CONNECTED, deadline=None), 10).deadline == at(906)


def test_a_call_fails_when_both_sides_gave_up_and_not_when_one_did() -> None:
    one = replace(CONNECTED, ice_state={CALLER: IceState.FAILED, CALLEE: IceState.DISCONNECTED})
    both = replace(CONNECTED, ice_state={CALLER: IceState.FAILED, CALLEE: IceState.FAILED})

    assert settle(one, (), at(20), USUAL) is None
    assert ended(both, 20) is EndReason.FAILED


# --- renegotiation

REOFFERED = replace(CONNECTED, offer=offer(2, CALLEE))


def refused() -> Session:
    """After a re-offer that was none."""
    return settled(replace(CONNECTED, offer=offer(2, sdp=BAD_SDP)), 20)


@pytest.mark.parametrize("session", [ANSWERED, CONNECTED], ids=lambda session: session.status)
@pytest.mark.parametrize("by", [CALLER, CALLEE])
def test_a_reoffer_of_either_side_and_its_answer_are_accepted_one_after_the_other(session: Session, by: Actor) -> None:
    other = CALLER if by is CALLEE else CALLEE
    offered = settled(replace(session, offer=offer(2, by)), 20)
    assert offered.accepted == Accepted(2, 1)

    answered = settled(replace(offered, answer=answer(2, other)), 21)
    assert answered.accepted == Accepted(2, 2)
    assert answered.status is session.status


def test_a_reoffer_and_its_answer_are_accepted_together_when_an_event_was_lost() -> None:
    assert settled(replace(REOFFERED, answer=answer(2, CALLER)), 20).accepted == Accepted(2, 2)


def test_an_invalid_reoffer_is_reported_once_and_leaves_the_call_up() -> None:
    after = refused()

    assert after.status is Status.CONNECTED
    assert after.accepted == Accepted(1, 1)
    assert after.error is not None
    assert (after.error.field, after.error.revision) == ("offer.sdp", 2)
    assert settle(after, (), at(21), USUAL) is None


def test_an_answer_to_an_invalid_reoffer_is_one_to_nothing() -> None:
    assert settle(replace(refused(), answer=answer(2)), (), at(21), USUAL) is None


def test_a_reoffer_that_replaces_an_invalid_one_is_accepted() -> None:
    assert settled(replace(refused(), offer=offer(3)), 21).accepted == Accepted(3, 1)


def test_an_invalid_reanswer_is_reported_once_and_leaves_the_call_up() -> None:
    after = settled(replace(REOFFERED, answer=answer(2, CALLER, BAD_SDP)), 20)

    assert (after.status, after.accepted) == (Status.CONNECTED, Accepted(2, 1))
    assert after.error is not None
    assert (after.error.field, after.error.revision) == ("answer.sdp", 2)
    assert settle(after, (), at(21), USUAL) is None


def test_a_call_that_was_never_accepted_is_not_renegotiated() -> None:
    assert settle(replace(REOFFERED, answer=answer(2, CALLER), accepted=None), (), at(20), USUAL) is None
    assert settle(replace(CONNECTED, offer=None), (), at(20), USUAL) is None


# --- what a re-offer is held against

MOVED_SDP = OFFER_SDP.replace("a=mid:0", "a=mid:1")
NEW_CONNECTION_SDP = MOVED_SDP.replace("sha-256 AB", "sha-256 CD").replace("abcd", "bcde").replace("abcdef", "bcdefg")


def agreed_call() -> Session:
    """Connected, as settling itself has brought it there."""
    answered = settled(replace(PICKED_UP), 8)
    return settled(replace(answered, ice_state={CALLER: IceState.CONNECTED}), 9)


@pytest.mark.parametrize("by", [CALLER, CALLEE])
def test_a_reoffer_of_the_same_connection_keeps_what_was_agreed(by: Actor) -> None:
    after = settled(replace(agreed_call(), offer=offer(2, by, MOVED_SDP)), 20)
    assert after.accepted == Accepted(1, 1)
    assert after.error is not None
    assert (after.error.code, after.error.revision) == ("sdp_section_replaced", 2)
    assert settle(after, (), at(21), USUAL) is None


@pytest.mark.parametrize("by", [CALLER, CALLEE])
def test_a_reoffer_of_a_new_connection_is_held_against_nothing(by: Actor) -> None:
    after = settled(replace(agreed_call(), offer=offer(2, by, NEW_CONNECTION_SDP)), 20)
    assert (after.accepted, after.error) == (Accepted(2, 1), None)


def test_each_accepted_answer_is_what_the_next_offer_is_held_against() -> None:
    other = CALLEE
    restarted = settled(replace(agreed_call(), offer=offer(2, CALLER, NEW_CONNECTION_SDP)), 20)
    fresh_answer = NEW_CONNECTION_SDP.replace("actpass", "active")
    answered = settled(replace(restarted, answer=answer(2, other, fresh_answer)), 21)
    assert answered.accepted == Accepted(2, 2)
    back = settled(replace(answered, offer=offer(3, CALLER, NEW_CONNECTION_SDP.replace("a=mid:1", "a=mid:0"))), 22)
    assert back.error is not None
    assert back.error.code == "sdp_section_replaced"


def test_a_reoffer_waits_for_its_check_until_it_was_accepted_or_reported() -> None:
    waiting = replace(agreed_call(), offer=offer(2, CALLER))
    assert waits_for_its_check(waiting)
    assert not waits_for_its_check(settled(waiting, 20))
    assert not waits_for_its_check(settled(replace(waiting, offer=offer(2, sdp=BAD_SDP)), 20))
    for before in (PENDING, DIALLED, OFFERED, agreed_call(), replace(agreed_call(), offer=None)):
        assert not waits_for_its_check(before)
    assert not waits_for_its_check(replace(waiting, status=Status.ENDED))


def test_an_audio_call_does_not_begin_with_video() -> None:
    video = OFFER_SDP.replace(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux"
    )
    refused = settled(replace(PENDING, offer=offer(sdp=video)), 1)
    assert refused.error is not None
    assert (refused.end_reason, refused.error.code) == (EndReason.INVALID_OFFER, "sdp_video_in_audio_call")
    assert settled(replace(PENDING, media="video", offer=offer(sdp=video)), 1).status is Status.OFFERED


# --- checks that only warn


LENIENT = replace(USUAL, warn_only=frozenset({"sdp_no_setup", "sdp_section_replaced"}))
NO_SETUP_SDP = OFFER_SDP.replace("a=setup:actpass\r\n", "")


def changed(session: Session, seconds: float) -> Change:
    change = settle(session, (), at(seconds), LENIENT)
    assert change is not None
    return change


def test_what_only_warns_refuses_nothing_and_is_kept_for_the_log() -> None:
    offered = changed(replace(DIALLED, offer=offer(sdp=NO_SETUP_SDP)), 1)
    assert offered.after.status is Status.OFFERED
    assert [warning.code for warning in offered.warnings] == ["sdp_no_setup"]

    answered = changed(replace(offered.after, answer=answer(sdp=NO_SETUP_SDP)), 2)
    assert answered.after.status is Status.ANSWERED
    assert [warning.code for warning in answered.warnings] == ["sdp_no_setup"]

    reoffered = changed(replace(answered.after, offer=offer(2, sdp=MOVED_SDP)), 3)
    assert reoffered.after.accepted == Accepted(2, 1)
    assert [warning.code for warning in reoffered.warnings] == ["sdp_section_replaced"]

    reanswered = changed(replace(reoffered.after, answer=answer(2, sdp=MOVED_SDP.replace("actpass", "active"))), 4)
    assert reanswered.after.accepted == Accepted(2, 2)
    assert reanswered.warnings == ()


def test_what_was_accepted_before_is_not_warned_of_again() -> None:
    picked_up = replace(settled(replace(DIALLED, offer=offer()), 1), answer=answer())
    assert changed(picked_up, 2).warnings == ()
    assert settle(DIALLED, (), at(1), USUAL).warnings == ()  # type: ignore[union-attr]


# --- what was negotiated


def test_the_change_that_accepts_an_answer_says_what_was_negotiated() -> None:
    change = settle(PICKED_UP, (), at(8), USUAL)
    assert change is not None
    assert change.negotiated is not None
    assert change.negotiated.dtls == ("passive", "active")
    assert [section.kind for section in change.negotiated.sections] == ["application"]
    later = settle(replace(change.after, ice_state={CALLER: IceState.CONNECTED}), (), at(9), USUAL)
    assert later is not None
    assert later.negotiated is None
    first = settle(DIALLED, (), at(1), USUAL)
    assert first is not None
    assert first.negotiated is None


# --- hanging up


@pytest.mark.parametrize("session", [PENDING, DIALLED, OFFERED], ids=["pending", "dialled", "offered"])
@pytest.mark.parametrize("reason", ["hangup", "decline", "cancel", "failed"])
def test_without_an_answer_it_counts_who_hung_up_whatever_the_reason(session: Session, reason: str) -> None:
    assert ended(replace(session, hangup=hangup(CALLER, 3, reason)), 4) is EndReason.CANCELLED
    assert ended(replace(session, hangup=hangup(CALLEE, 3, reason)), 4) is EndReason.DECLINED


@pytest.mark.parametrize("session", [PICKED_UP, ANSWERED, CONNECTED], ids=["picked up", "answered", "connected"])
@pytest.mark.parametrize("by", [CALLER, CALLEE])
def test_with_an_answer_it_counts_whether_the_call_had_failed(session: Session, by: Actor) -> None:
    assert ended(replace(session, hangup=hangup(by, 7, "failed")), 8) is EndReason.FAILED
    for reason in ("hangup", "decline", "cancel"):
        assert ended(replace(session, hangup=hangup(by, 7, reason)), 8) is EndReason.HANGUP


def test_a_hangup_before_the_deadline_counts_even_if_the_sweeper_sees_it_later() -> None:
    assert ended(replace(OFFERED, hangup=hangup(CALLER, 30.9)), 90) is EndReason.CANCELLED


def test_a_hangup_after_the_deadline_comes_too_late() -> None:
    assert ended(replace(OFFERED, hangup=hangup(CALLER, 31)), 90) is EndReason.MISSED
    assert ended(replace(PENDING, hangup=hangup(CALLER, 30)), 90) is EndReason.EXPIRED
    assert ended(replace(CONNECTED, hangup=hangup(CALLER, 906)), 990) is EndReason.EXPIRED


def test_a_hangup_after_an_answer_that_was_seen_late_ends_an_answered_call() -> None:
    assert ended(replace(PICKED_UP, hangup=hangup(CALLER, 40)), 90) is EndReason.HANGUP


def test_a_hangup_ends_a_call_whose_answer_and_connection_the_server_sees_only_now() -> None:
    after = settled(replace(PICKED_UP, ice_state={CALLER: IceState.CONNECTED}, hangup=hangup(CALLEE, 9)), 10)

    assert after.end_reason is EndReason.HANGUP
    assert after.answered_at == after.connected_at == at(10)


def test_a_hangup_beats_an_answer_that_is_none() -> None:
    both = replace(OFFERED, answer=answer(sdp=BAD_SDP), hangup=hangup(CALLEE, 9))

    assert ended(both, 10) is EndReason.HANGUP
    assert settled(both, 10).error is None


# --- what follows from every call


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_no_live_call_can_outlive_the_clock(status: Status) -> None:
    session = LIVE[status]
    for _ in Status:
        session = settled(session, 10**9)
    assert session.status is Status.ENDED


def test_a_call_that_has_ended_settles_to_nothing_whatever_stands_in_it() -> None:
    over = replace(CONNECTED, status=Status.ENDED, offer=offer(7), answer=answer(7), hangup=hangup(CALLER, 7))

    assert settle(over, (), at(10**9), USUAL) is None


def test_the_history_says_who_called_whom_when_and_for_how_long() -> None:
    change = settle(replace(CONNECTED, hangup=hangup(CALLEE, 66)), (), at(67.9), USUAL)

    assert change is not None
    assert change.history is not None
    record = change.history
    assert (record.session_id, record.caller_id, record.callee_id) == (PENDING.id, "alice", "bob")
    assert record.media == "audio"
    assert (record.created_at, record.answered_at, record.connected_at) == (at(0), at(5), at(6))
    assert (record.ended_at, record.updated_at) == (at(67.9), at(67.9))
    assert record.duration_s == 61
    assert record.expires_at == at(67.9) + timedelta(days=90)
    assert record.end_reason is EndReason.HANGUP


def test_a_call_lasts_no_less_than_no_time_whatever_the_clocks_say() -> None:
    change = settle(replace(CONNECTED, connected_at=at(70), hangup=hangup(CALLEE, 66)), (), at(67), USUAL)

    assert change is not None
    assert change.history is not None
    assert change.history.duration_s == 0


def test_a_call_that_never_connected_lasted_no_time() -> None:
    change = settle(OFFERED, (), at(31), USUAL)

    assert change is not None
    assert change.history is not None
    assert change.history.duration_s == 0


def test_a_call_that_goes_on_leaves_no_history() -> None:
    change = settle(DIALLED, (), at(1), USUAL)

    assert change is not None
    assert change.history is None


def test_a_change_names_just_the_fields_that_differ() -> None:
    change = settle(DIALLED, (), at(1), USUAL)

    assert change is not None
    assert change.names == {"status", "offered_at", "deadline", "updated_at"}


# Any document: what the rules could let through, and what they could not.
moments = st.integers(-100, 2000).map(at)
sides = st.sampled_from([CALLER, CALLEE])
revisions = st.integers(0, 4)
texts = st.sampled_from([ANSWER_SDP, BAD_SDP, "", "v=0\u2028m=audio"])
descriptions = st.none() | st.builds(offer, revisions, sides, texts)
sessions = st.builds(
    Session,
    id=st.just("0123456789abcdef"),
    caller_id=st.just("alice"),
    callee_id=st.just("bob"),
    media=st.just("audio"),
    status=st.sampled_from(Status),
    created_at=moments,
    offer=descriptions,
    answer=descriptions,
    ice_state=st.dictionaries(sides, st.sampled_from(IceState)),
    alive_at=st.dictionaries(sides, moments),
    hangup=st.none() | st.builds(hangup, sides, st.integers(-100, 2000), st.sampled_from(["hangup", "failed", "?"])),
    accepted=st.none() | st.builds(Accepted, revisions, revisions),
    deadline=st.none() | moments,
    connected_at=st.none() | moments,
    error=st.none() | st.builds(SessionError, st.just("sdp_"), st.just(""), st.just("offer.sdp"), revisions),
)
SAID = {"offer", "answer", "hangup", "ice_state", "alive_at", "created_at", "caller_id", "callee_id", "media", "id"}


@settings(deadline=None)
@given(sessions, moments)
def test_any_document_settles_to_a_fixed_point_at_once(session: Session, now: datetime) -> None:
    change = settle(session, (), now, USUAL)

    assert change is None or settle(change.after, (), now, USUAL) is None


@settings(deadline=None)
@given(sessions, moments)
def test_what_the_participants_said_is_never_changed(session: Session, now: datetime) -> None:
    change = settle(session, (), now, USUAL)

    assert change is None or not change.names & SAID
