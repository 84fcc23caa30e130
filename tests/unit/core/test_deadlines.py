from dataclasses import replace

import pytest

from tests.unit.core.calls import ANSWERED, CONNECTED, DIALLED, LIVE, NOON, OFFERED, PENDING, USUAL, at
from webrtc_lite.core.deadlines import due, leased_until, may_be_purged
from webrtc_lite.core.machine import CALLEE, CALLER, Status
from webrtc_lite.core.records import Session


def test_a_call_without_an_offer_is_due_half_a_minute_after_it_was_made() -> None:
    assert due(PENDING, USUAL) == at(30)


def test_a_call_with_an_offer_waits_two_minutes_for_a_server() -> None:
    assert due(DIALLED, USUAL) == at(120)


@pytest.mark.parametrize("session", [OFFERED, ANSWERED], ids=lambda session: session.status)
def test_past_pending_the_deadline_in_the_document_counts(session: Session) -> None:
    assert due(session, USUAL) == session.deadline


@pytest.mark.parametrize(
    ("session", "seconds"), [(OFFERED, 0), (ANSWERED, 0), (CONNECTED, 906)], ids=["offered", "answered", "connected"]
)
def test_a_call_whose_deadline_somebody_removed_still_ends(session: Session, seconds: float) -> None:
    assert due(replace(session, deadline=None), USUAL) == at(seconds)


def test_a_lease_runs_from_the_connection_while_nobody_was_heard_of() -> None:
    assert leased_until(CONNECTED, USUAL) == at(6 + 900)


def test_a_lease_runs_from_the_side_that_was_heard_of_longest_ago() -> None:
    both = replace(CONNECTED, alive_at={CALLER: at(600), CALLEE: at(610)})
    one = replace(CONNECTED, alive_at={CALLEE: at(610)})

    assert leased_until(both, USUAL) == at(600 + 900)
    assert leased_until(one, USUAL) == at(6 + 900)


def test_a_connected_call_without_a_time_of_connection_is_leased_from_its_beginning() -> None:
    assert leased_until(replace(CONNECTED, connected_at=None), USUAL) == at(900)


def test_a_connected_call_is_due_at_the_later_of_its_deadline_and_its_lease() -> None:
    fresher = replace(CONNECTED, alive_at={CALLER: at(600), CALLEE: at(600)})
    older = replace(CONNECTED, deadline=at(5000))

    assert due(fresher, USUAL) == at(1500)
    assert due(older, USUAL) == at(5000)


@pytest.mark.parametrize("session", LIVE.values(), ids=LIVE)
def test_a_live_call_is_never_purged_however_old(session: Session) -> None:
    assert not may_be_purged(replace(session, expires_at=NOON), at(10**9))


def test_an_ended_call_is_purged_when_its_time_is_up_and_not_a_moment_before() -> None:
    ended = replace(CONNECTED, status=Status.ENDED, expires_at=at(3600))

    assert not may_be_purged(ended, at(3599.999))
    assert may_be_purged(ended, at(3600))


def test_an_ended_call_that_says_no_time_stays() -> None:
    assert not may_be_purged(replace(CONNECTED, status=Status.ENDED), at(10**9))
