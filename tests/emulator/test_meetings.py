"""Calls that meet: busy, glare, superseding and several devices, written under the rules and settled by the trigger.

Deliveries that come at the same moment are held back first: the emulator tells of one commit after the other.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tests.support.backend import SESSIONS, Backend, Delivery
from tests.support.calls import Call, ago, answer, connected, dialled, hangup
from tests.support.phones import Phone
from tests.support.threads import together

type Order = Callable[[Backend, Sequence[Delivery]], object]

CALLERS = 8


def deliver_together(backend: Backend, deliveries: Sequence[Delivery]) -> None:
    together(*(partial(backend.wire.deliver, each) for each in deliveries))


def deliver_in_order(backend: Backend, deliveries: Sequence[Delivery]) -> None:
    for each in deliveries:
        backend.wire.deliver(each)


def deliver_backwards(backend: Backend, deliveries: Sequence[Delivery]) -> None:
    deliver_in_order(backend, deliveries[::-1])


def deliver_twice_together(backend: Backend, deliveries: Sequence[Delivery]) -> None:
    deliver_together(backend, [*deliveries, *deliveries])


def only_sweep(backend: Backend, _deliveries: Sequence[Delivery]) -> None:
    backend.sweep()


ORDERS: dict[str, Order] = {
    "in order": deliver_in_order,
    "backwards": deliver_backwards,
    "at once": deliver_together,
    "twice at once": deliver_twice_together,
    "never": only_sweep,
}
in_any_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)


def unheard(backend: Backend, *acts: Callable[[], Call]) -> tuple[list[Call], list[Delivery]]:
    """Calls that are dialled at the same moment, and the deliveries of that, which nobody has heard of yet."""
    with backend.wire.losing():
        calls = together(*acts)
        backend.quiet()
    return calls, [each for each in backend.wire.deliveries if each.path.startswith(SESSIONS)]


def states(calls: Sequence[Call]) -> list[str]:
    """Of each its end, or where it stands."""
    stand = [call.now() for call in calls]
    return [each.get("end_reason", each["status"]) for each in stand]


def commit_of(call: Call) -> Any:  # noqa: ANN401 (a moment of Firestore)
    """When the session was last written."""
    return call.document.get().update_time


def recorded_in_commit_of(call: Call) -> Any:  # noqa: ANN401
    return call.record.get().create_time


def talk(alice: Phone, bob: Phone) -> Call:
    """A call of the two that has connected."""
    call = alice.dial(bob.uid)
    call.becomes("offered")
    assert bob.answers(call)
    call.becomes("answered")
    assert alice.reports(call)
    call.becomes("connected")
    return call


def ring(alice: Phone, bob: Phone) -> Call:
    call = alice.dial(bob.uid)
    call.becomes("offered")
    return call


def pick_up(alice: Phone, bob: Phone) -> Call:
    call = ring(alice, bob)
    assert bob.answers(call)
    call.becomes("answered")
    return call


UNDER_WAY = {"offered": ring, "answered": pick_up, "connected": talk}
however_far = pytest.mark.parametrize("get_there", UNDER_WAY.values(), ids=UNDER_WAY)


# --- busy


@pytest.mark.parametrize("round_", range(3))
def test_of_eight_who_call_one_person_at_the_same_moment_one_rings(backend: Backend, round_: int) -> None:
    callers = [Phone(backend, f"caller-{number}-{round_}") for number in range(CALLERS)]
    calls, deliveries = unheard(backend, *(partial(each.dial, "bob") for each in callers))
    deliver_together(backend, deliveries)
    backend.quiet()

    assert sorted(states(calls)) == ["busy"] * (CALLERS - 1) + ["offered"]
    assert sorted(len(call.recordings) for call in calls) == [0] + [1] * (CALLERS - 1)
    assert all(call.history is None or commit_of(call) == recorded_in_commit_of(call) for call in calls)


@in_any_order
def test_a_person_who_dials_two_others_from_two_devices_at_once_reaches_one(backend: Backend, order: Order) -> None:
    phone, tablet = Phone(backend, "alice"), Phone(backend, "alice", "tablet")
    calls, deliveries = unheard(backend, partial(phone.dial, "bob"), partial(tablet.dial, "carol"))
    order(backend, deliveries)
    backend.quiet()

    assert sorted(states(calls)) == ["busy", "offered"]


@in_any_order
def test_of_a_ring_of_three_who_call_each_other_in_a_circle_one_call_rings(backend: Backend, order: Order) -> None:
    people = ["alice", "bob", "carol", "alice"]
    dials = [partial(Phone(backend, one).dial, next_) for one, next_ in pairwise(people)]
    calls, deliveries = unheard(backend, *dials)
    order(backend, deliveries)
    backend.quiet()

    assert sorted(states(calls)) == ["busy", "busy", "offered"]


@however_far
@pytest.mark.parametrize("engaged", [("bob", "dave"), ("dave", "bob")], ids=["calls", "is called"])
def test_who_is_engaged_is_busy_to_others(
    backend: Backend, get_there: Callable[[Phone, Phone], Call], engaged: tuple[str, str]
) -> None:
    other = get_there(*(Phone(backend, uid) for uid in engaged))
    call = Phone(backend, "alice").dial("bob")
    call.becomes("ended")

    assert states([call, other]) == ["busy", other.now()["status"]]


def test_who_has_hung_up_is_free_again(backend: Backend) -> None:
    call = talk(Phone(backend, "bob"), Phone(backend, "dave"))
    assert Phone(backend, "dave").hangs_up(call)

    assert ring(Phone(backend, "alice"), Phone(backend, "bob")).now()["status"] == "offered"


OVER: dict[str, tuple[dict[str, Any], str]] = {
    "hung up": (connected(hangup=hangup("callee")), "hangup"),
    "cancelled": (dialled(status="offered", deadline=ago(-600), hangup=hangup("caller", "cancel")), "cancelled"),
    "never picked up": (dialled(status="offered", deadline=ago(1)), "missed"),
    "never connected": (dialled(status="answered", answer=answer(), deadline=ago(1)), "failed"),
    "gave up": (connected(ice_state={"caller": "failed", "callee": "failed"}), "failed"),
    "silent": (connected(connected_at=ago(1000), deadline=ago(1)), "expired"),
}


@pytest.mark.parametrize(("over", "reason"), OVER.values(), ids=OVER)
def test_what_is_over_and_unsettled_makes_nobody_busy_and_ends_in_the_same_commit(
    backend: Backend, over: dict[str, Any], reason: str
) -> None:
    with backend.wire.losing():
        old = Call.new(backend, over | {"caller_id": "bob", "callee_id": "dave"})
        backend.quiet()
    call = ring(Phone(backend, "alice"), Phone(backend, "bob"))

    assert states([old, call]) == [reason, "offered"]
    assert commit_of(old) == recorded_in_commit_of(old) == commit_of(call)


@pytest.mark.parametrize("unreadable", [{"created_at": "noon"}, {"status": "ringing"}, {"caller_id": 7}], ids=str)
def test_a_session_that_cannot_be_read_stops_nobody(backend: Backend, unreadable: dict[str, Any]) -> None:
    stands = connected(caller_id="dave", callee_id="bob", deadline=ago(-100))
    with backend.wire.losing():
        Call.new(backend, stands | unreadable)
        backend.quiet()

    assert ring(Phone(backend, "alice"), Phone(backend, "bob")).now()["status"] == "offered"


# --- glare


@in_any_order
def test_of_two_who_call_each_other_the_same_call_lives_whatever_the_interleaving(
    backend: Backend, order: Order
) -> None:
    alice, bob = Phone(backend, "alice"), Phone(backend, "bob")
    with backend.wire.losing():
        survivor, loser = alice.dial("bob"), bob.dial("alice")
        backend.quiet()
    order(backend, [*survivor.deliveries, *loser.deliveries])
    backend.quiet()

    assert states([survivor, loser]) == ["offered", "glare"]
    assert loser.now()["superseded_by"] == survivor.id
    assert commit_of(loser) == recorded_in_commit_of(loser)
    assert bob.answers(survivor)  # what the loser's app does at once
    survivor.becomes("answered")


@pytest.mark.parametrize("round_", range(4))
def test_both_find_the_same_survivor_when_all_happens_at_once(backend: Backend, round_: int) -> None:
    one, other = f"alice-{round_}", f"bob-{round_}"
    dials = [partial(Phone(backend, one).dial, other), partial(Phone(backend, other).dial, one)]
    calls, deliveries = unheard(backend, *dials)
    deliver_twice_together(backend, deliveries)
    backend.quiet()

    survivor, loser = sorted(calls, key=lambda call: (call.now()["created_at"], call.id))
    assert states([survivor, loser]) == ["offered", "glare"]
    assert loser.now()["superseded_by"] == survivor.id


@however_far
def test_a_call_that_rings_lives_even_if_the_other_one_was_dialled_first(
    backend: Backend, get_there: Callable[[Phone, Phone], Call]
) -> None:
    """Without an offer a call is nothing to anybody."""
    alice, bob = Phone(backend, "alice"), Phone(backend, "bob")
    first = bob.dial("alice", sdp=None)
    survivor = get_there(alice, bob)
    stood = survivor.now()["status"]
    assert bob.offers(first)
    first.becomes("ended")

    assert states([survivor, first]) == [stood, "glare"]
    assert first.now()["superseded_by"] == survivor.id


# --- superseding


def ends_superseded(old: Call, new: Call) -> None:
    new.becomes("offered")
    assert old.now()["end_reason"] == "superseded"
    assert old.now()["superseded_by"] == new.id
    assert old.history is not None
    assert old.history["end_reason"] == "superseded"
    assert commit_of(old) == recorded_in_commit_of(old) == commit_of(new)


@however_far
@pytest.mark.parametrize("device", ["phone", "tablet"])
def test_who_crashed_calls_again_at_once(
    backend: Backend, get_there: Callable[[Phone, Phone], Call], device: str
) -> None:
    old = get_there(Phone(backend, "alice"), Phone(backend, "bob"))
    ends_superseded(old, Phone(backend, "alice", device).dial("bob"))


@pytest.mark.parametrize("get_there", [pick_up, talk], ids=["answered", "connected"])
def test_who_answered_and_crashed_calls_back_at_once(
    backend: Backend, get_there: Callable[[Phone, Phone], Call]
) -> None:
    old = get_there(Phone(backend, "alice"), Phone(backend, "bob"))
    ends_superseded(old, Phone(backend, "bob").dial("alice"))


@however_far
def test_a_device_that_calls_somebody_else_leaves_the_call_that_it_placed(
    backend: Backend, get_there: Callable[[Phone, Phone], Call]
) -> None:
    old = get_there(Phone(backend, "alice"), Phone(backend, "bob"))
    ends_superseded(old, Phone(backend, "alice").dial("carol"))


def test_a_device_that_calls_somebody_else_leaves_the_call_that_it_answered(backend: Backend) -> None:
    old = talk(Phone(backend, "alice"), Phone(backend, "bob", "tablet"))
    ends_superseded(old, Phone(backend, "bob", "tablet").dial("carol"))


@however_far
def test_a_tablet_does_not_end_the_call_of_the_phone(
    backend: Backend, get_there: Callable[[Phone, Phone], Call]
) -> None:
    old = get_there(Phone(backend, "alice"), Phone(backend, "bob"))
    stood = old.now()["status"]
    new = Phone(backend, "alice", "tablet").dial("carol")
    new.becomes("ended")

    assert states([old, new]) == [stood, "busy"]


def test_a_tablet_does_not_end_the_call_that_the_phone_answered(backend: Backend) -> None:
    old = talk(Phone(backend, "alice"), Phone(backend, "bob"))
    new = Phone(backend, "bob", "tablet").dial("carol")
    new.becomes("ended")

    assert states([old, new]) == ["connected", "busy"]


@in_any_order
def test_of_one_device_that_dials_three_times_the_last_call_rings(backend: Backend, order: Order) -> None:
    alice = Phone(backend, "alice")
    with backend.wire.losing():
        calls = [alice.dial("bob"), alice.dial("carol"), alice.dial("bob")]
        backend.quiet()
    order(backend, [each for call in calls for each in call.deliveries])
    backend.quiet()

    assert states(calls) == ["superseded", "superseded", "offered"]
    assert [len(call.recordings) for call in calls] == [1, 1, 0]


# --- several devices


def test_of_two_devices_that_answer_at_once_one_has_the_call(backend: Backend) -> None:
    call = ring(Phone(backend, "alice"), Phone(backend, "bob"))
    devices = [Phone(backend, "bob", "phone"), Phone(backend, "bob", "tablet")]
    let = together(*(partial(each.answers, call) for each in devices))
    call.becomes("answered")

    assert sorted(let) == [False, True]
    (first,) = (device for device, was_let in zip(devices, let, strict=True) if was_let)
    assert call.now()["answer"]["device_id"] == first.device_id


def test_no_device_stops_the_call_that_another_one_answered(backend: Backend) -> None:
    call = pick_up(Phone(backend, "alice"), Phone(backend, "bob"))

    assert not Phone(backend, "bob", "tablet").hangs_up(call, "decline")
    assert not Phone(backend, "alice", "tablet").hangs_up(call, "cancel")
    assert call.now()["status"] == "answered"


@pytest.mark.parametrize("round_", range(4))
def test_an_answer_and_a_cancel_at_once_are_one_or_the_other(backend: Backend, round_: int) -> None:
    """A client whose cancel is refused writes hangup."""
    alice, bob = Phone(backend, f"alice-{round_}"), Phone(backend, f"bob-{round_}")
    call = ring(alice, bob)
    answered, cancelled = together(partial(bob.answers, call), partial(alice.hangs_up, call, "cancel"))

    assert [answered, cancelled].count(True) == 1
    assert cancelled or alice.hangs_up(call, "hangup")
    call.becomes("ended")
    assert states([call]) == ["cancelled" if cancelled else "hangup"]
    assert (call.history or {})["ended_at"] - call.now()["created_at"] < timedelta(seconds=30)
