"""STABLE → RECONNECTING → FAILED, by a clock that the test turns."""

import math

from webrtc_lite_client.reconnection import AFTER_S, ATTEMPT_S, LOOK_S, PATIENCE_S, Reconnection, State


def played(*, ready: bool = True, until: float = 300.0) -> tuple[list[float], State]:
    """When the attempts are made, of a connection that is lost at 0 and never comes back; and how that ends."""
    state, now, attempts = Reconnection().lost(0.0), 0.0, []
    while (now := state.due) <= until:
        state, attempt = state.look(now, ready=ready)
        attempts += [now] if attempt else []
    return attempts, state.state


def test_three_attempts_come_1_and_2_and_4_seconds_after_what_went_before() -> None:
    first, second, third = AFTER_S
    assert (first, second, third) == (1.0, 2.0, 4.0)

    attempts, state = played()

    assert attempts == [1.0, 1.0 + ATTEMPT_S + 2.0, 1.0 + 2 * ATTEMPT_S + 6.0]
    assert state is State.FAILED


def test_while_there_is_no_way_out_no_attempt_is_spent_for_two_minutes_at_most() -> None:
    assert played(ready=False) == ([], State.FAILED)

    waiting = Reconnection().lost(0.0)
    looked, attempt = waiting.look(1.0, ready=False)
    assert (looked.due, attempt) == (1.0 + LOOK_S, False)
    assert looked.look(1.0 + LOOK_S, ready=True)[1]
    assert looked.look(PATIENCE_S - 0.1, ready=False)[0].state is State.RECONNECTING
    assert looked.look(PATIENCE_S, ready=False)[0].state is State.FAILED


def test_before_it_is_due_nothing_follows() -> None:
    lost = Reconnection().lost(0.0)

    assert lost.look(0.5, ready=True) == (lost, False)
    assert not lost.is_due(0.5)


def test_what_is_lost_again_meanwhile_starts_nothing_anew() -> None:
    lost = Reconnection().lost(0.0)

    assert lost.lost(0.9) == lost


def test_a_connection_from_whichever_side_ends_it_also_after_giving_up() -> None:
    gave_up = Reconnection(State.FAILED, 3)

    assert gave_up.connected() == Reconnection() == Reconnection().lost(0.0).connected()
    assert Reconnection().due == math.inf
    assert gave_up.lost(0.0) == gave_up
