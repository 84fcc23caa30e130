from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.core.calls import ANSWERED, DIALLED, OFFERED, PENDING, USUAL, at, offer
from webrtc_lite.core import allowance
from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.machine import Status
from webrtc_lite.core.records import EndReason, Session, SessionError
from webrtc_lite.core.session import settle


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def account(unanswered: float, last: Session | None = None) -> Ringing:
    """As it stood at noon."""
    return Ringing(seconds(unanswered), at(0), last)


def rang(for_seconds: float) -> Session:
    return replace(OFFERED, status=Status.ENDED, offered_at=at(-100), ended_at=at(for_seconds - 100))


def test_nobody_who_has_never_called_has_anything_on_the_account() -> None:
    assert allowance.by(at(0), None, USUAL) == seconds(0)


@pytest.mark.parametrize(
    ("last", "added"),
    [
        (rang(7), 7),
        (rang(0.1), 2),
        (rang(60), 30),  # it waited for a sweep: nobody rang so long
        (replace(OFFERED, offered_at=at(-11)), 11),  # it rings still, and is about to be superseded
        (replace(ANSWERED, offered_at=at(-100), ended_at=at(-50)), 0),
        (DIALLED, 0),
        (None, 0),
    ],
    ids=["a ring", "a short one", "a late sweep", "one that rings", "an answered one", "one that never rang", "none"],
)
def test_the_last_call_adds_what_it_rang_unless_it_was_answered(last: Session | None, added: float) -> None:
    assert allowance.by(at(0), account(100, last), USUAL) == seconds(100 + added)


def test_it_drains_a_quarter_of_the_time_and_never_below_nothing() -> None:
    assert allowance.by(at(40), account(100), USUAL) == seconds(90)
    assert allowance.by(at(40), account(9, rang(5)), USUAL) == seconds(5)
    assert allowance.by(at(-40), account(100), USUAL) == seconds(100)  # clocks of instances differ


def test_who_has_rung_too_long_finds_nobody_free_and_rings_nobody() -> None:
    change = settle(DIALLED, (), at(0), USUAL, account(571))

    assert change is not None
    assert change.after == replace(
        DIALLED,
        status=Status.ENDED,
        end_reason=EndReason.BUSY,
        ended_at=at(0),
        updated_at=at(0),
        expires_at=at(3600),
        error=SessionError(
            "caller_rung_out",
            "This caller has let others ring unanswered for too long: nobody is rung, and calls go through again in a"
            " while.",
            "caller_id",
            1,
        ),
    )
    assert (change.history is not None, change.ringing) == (True, None)


def test_who_may_still_let_one_more_call_ring_to_its_end_rings() -> None:
    change = settle(DIALLED, (), at(0), USUAL, account(570))

    assert change is not None
    assert change.after.status is Status.OFFERED
    assert change.ringing == account(570, last=change.after)


def test_who_does_not_ring_keeps_the_account_as_it_was() -> None:
    refused = settle(replace(DIALLED, offer=offer(sdp="")), (), at(0), USUAL, account(500))

    assert refused is not None
    assert (refused.after.end_reason, refused.ringing) == (EndReason.INVALID_OFFER, None)


def test_a_call_without_an_offer_costs_nothing() -> None:
    assert settle(PENDING, (), at(0), USUAL, account(9999)) is None


def test_somebody_who_redials_for_ever_takes_no_more_than_a_quarter_of_anybodys_time() -> None:
    """Every call rings to its end; the next is dialled the second after, an hour long."""
    clock, ringing, rung = 0.0, None, 0.0
    while clock < 7200:
        dialled = replace(DIALLED, created_at=at(clock))
        change = settle(dialled, (), at(clock), USUAL, ringing)
        assert change is not None
        if change.ringing:
            clock += 30
            rung += 30
            missed = replace(change.after, status=Status.ENDED, ended_at=at(clock))
            ringing = replace(change.ringing, last=missed)
        clock += 1
    assert 0.25 * 7200 <= rung <= 0.25 * 7200 + 600 + 30
