import pytest

from webrtc_lite.core.machine import (
    CALLEE,
    CALLER,
    SERVER,
    TERMINAL,
    TRANSITIONS,
    Actor,
    Event,
    ForbiddenTransitionError,
    Status,
    advance,
)


def test_every_status_has_its_rows_and_only_ended_has_none() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {Status.ENDED} == TERMINAL


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("event", Event)
def test_nothing_moves_a_call_that_has_ended(actor: Actor, event: Event) -> None:
    with pytest.raises(ForbiddenTransitionError, match=f"no {event} by the {actor} moves a call that is ended"):
        advance(Status.ENDED, actor, event)


def test_the_caller_cannot_answer_its_own_offer() -> None:
    with pytest.raises(ForbiddenTransitionError):
        advance(Status.OFFERED, CALLER, Event.ANSWER)


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_either_side_can_hang_up_a_live_call_and_the_clock_can_end_it(status: Status) -> None:
    assert advance(status, CALLER, Event.HANG_UP) is Status.ENDED
    assert advance(status, CALLEE, Event.HANG_UP) is Status.ENDED
    assert advance(status, SERVER, Event.EXPIRE) is Status.ENDED


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_no_call_goes_back(status: Status) -> None:
    order = list(Status)

    assert all(order.index(after) > order.index(status) for after in TRANSITIONS[status].values())


def test_a_call_can_only_connect_after_it_was_answered() -> None:
    assert advance(Status.PENDING, CALLER, Event.OFFER) is Status.OFFERED
    assert advance(Status.OFFERED, CALLEE, Event.ANSWER) is Status.ANSWERED
    for side in (CALLER, CALLEE):
        assert advance(Status.ANSWERED, side, Event.CONNECT) is Status.CONNECTED
        with pytest.raises(ForbiddenTransitionError):
            advance(Status.OFFERED, side, Event.CONNECT)
