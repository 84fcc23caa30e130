"""What a call meets: calls of Alice and Bob, and of whoever else they are in a call with, settled beside each other."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.unit.core.calls import (
    ANSWERED,
    BAD_SDP,
    CONNECTED,
    DIALLED,
    OFFERED,
    PENDING,
    PICKED_UP,
    USUAL,
    answer,
    at,
    hangup,
    offer,
)
from webrtc_lite.core.machine import CALLEE, CALLER, Status
from webrtc_lite.core.others import supersedes, survivor_of_glare
from webrtc_lite.core.records import EndReason, IceState, Session
from webrtc_lite.core.session import Change, settle

LATER = 60.0  # a minute into whatever went on before


def call(caller: str, callee: str, created: float = LATER, device: str | None = None, name: str = "") -> Session:
    """A call that has just been dialled."""
    return replace(
        DIALLED,
        id=name or f"{caller}-to-{callee}",
        caller_id=caller,
        callee_id=callee,
        caller_device_id=device,
        created_at=at(created),
    )


def between(old: Session, caller: str, callee: str, device: str | None = None) -> Session:
    """An older call of these two, as far as the given one has come."""
    return replace(old, id=f"{caller}-to-{callee}-before", caller_id=caller, callee_id=callee, caller_device_id=device)


def meeting(session: Session, *others: Session, seconds: float = LATER + 1) -> Change:
    change = settle(session, others, at(seconds), USUAL)
    assert change is not None
    return change


def ends(change: Change) -> dict[str, EndReason | None]:
    return {each.after.id: each.after.end_reason for each in change.others}


RINGING = replace(OFFERED, offered_at=at(50), deadline=at(80))
TALKING = replace(CONNECTED, connected_at=at(50), answered_at=at(49), deadline=at(950))
ABOUT_TO = replace(ANSWERED, answered_at=at(50), deadline=at(80))
ENGAGING = [RINGING, ABOUT_TO, TALKING]


def by_status(sessions: Iterable[Session]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stands", sessions, ids=lambda session: session.status.value)


# --- busy


@by_status(ENGAGING)
@pytest.mark.parametrize("engaged", [("alice", "dave"), ("dave", "alice"), ("bob", "dave"), ("dave", "bob")])
def test_a_call_of_somebody_engaged_ends_busy(engaged: tuple[str, str], stands: Session) -> None:
    change = meeting(call("alice", "bob"), between(stands, *engaged))

    assert (change.after.status, change.after.end_reason) == (Status.ENDED, EndReason.BUSY)
    assert change.after.ended_at == change.after.updated_at == at(LATER + 1)
    assert change.history is not None
    assert change.history.end_reason is EndReason.BUSY
    assert change.others == ()


@by_status(ENGAGING)
def test_a_call_of_others_is_nobody_s_business(stands: Session) -> None:
    assert meeting(call("alice", "bob"), between(stands, "carol", "dave")).after.status is Status.OFFERED


@pytest.mark.parametrize("dialled", [PENDING, DIALLED], ids=["without an offer", "with one"])
def test_what_is_only_dialled_engages_nobody(dialled: Session) -> None:
    for caller, callee in (("dave", "bob"), ("dave", "alice"), ("bob", "dave"), ("alice", "dave")):
        other = replace(dialled, id="d", caller_id=caller, callee_id=callee, created_at=at(55))
        assert meeting(call("alice", "bob"), other).after.status is Status.OFFERED


def test_a_call_without_an_offer_meets_no_busy() -> None:
    dialled = replace(call("alice", "bob"), offer=None)

    assert settle(dialled, [between(TALKING, "bob", "dave")], at(LATER + 1), USUAL) is None


OVER = {
    "a hangup that nobody settled": replace(TALKING, hangup=hangup(CALLEE, 55)),
    "a lease that nobody settled": replace(TALKING, connected_at=at(-900), deadline=at(0)),
    "a ring that nobody settled": replace(RINGING, deadline=at(60.9)),
    "two that gave up": replace(TALKING, ice_state={CALLER: IceState.FAILED, CALLEE: IceState.FAILED}),
    "an answer that is none": replace(RINGING, answer=answer(sdp=BAD_SDP)),
}


@pytest.mark.parametrize("over", OVER.values(), ids=OVER.keys())
def test_what_is_over_and_not_settled_makes_nobody_busy_and_ends_in_the_same_commit(over: Session) -> None:
    other = between(over, "bob", "dave")
    change = meeting(call("alice", "bob"), other)
    alone = settle(other, (), at(LATER + 1), USUAL)

    assert change.after.status is Status.OFFERED
    assert change.others == (alone,)


def test_a_lease_that_was_renewed_and_not_settled_goes_on() -> None:
    alive_at = {CALLER: at(600), CALLEE: at(700)}
    stands = replace(TALKING, deadline=at(950), alive_at=alive_at)

    assert meeting(call("alice", "bob", 1000), between(stands, "bob", "dave"), seconds=1001).after.end_reason is (
        EndReason.BUSY
    )


def test_a_ring_that_was_answered_in_time_and_not_settled_goes_on() -> None:
    stands = replace(PICKED_UP, deadline=at(31))

    assert meeting(call("alice", "bob"), between(stands, "bob", "dave")).after.end_reason is EndReason.BUSY


def test_a_session_does_not_meet_itself() -> None:
    ringing = replace(call("alice", "bob"), status=Status.OFFERED, deadline=at(90))

    assert meeting(call("alice", "bob"), ringing).after.status is Status.OFFERED


def test_no_call_is_newer_than_itself() -> None:
    mine = call("alice", "bob")

    assert not supersedes(mine, mine)
    assert survivor_of_glare(mine, [replace(mine, caller_id="bob", callee_id="alice")]) is None


# --- glare


def test_of_two_that_call_each_other_the_older_call_lives_whichever_is_settled_first() -> None:
    mine, yours = call("alice", "bob", 60), call("bob", "alice", 60.1)
    lost = meeting(yours, mine)

    assert (lost.after.end_reason, lost.after.superseded_by) == (EndReason.GLARE, mine.id)
    assert (lost.after.status, lost.others) == (Status.ENDED, ())
    assert meeting(mine, yours).after.status is Status.OFFERED
    assert meeting(mine, lost.after).after.status is Status.OFFERED


def test_of_two_calls_of_the_same_moment_the_one_with_the_smaller_id_lives() -> None:
    mine, yours = call("alice", "bob", name="b"), call("bob", "alice", name="a")

    assert meeting(mine, yours).after.end_reason is EndReason.GLARE
    assert meeting(yours, mine).after.status is Status.OFFERED


@by_status(ENGAGING)
def test_a_call_that_is_past_pending_lives_even_if_it_is_the_newer_one(stands: Session) -> None:
    mine = call("alice", "bob", 40)
    yours = replace(between(stands, "bob", "alice"), created_at=at(45))
    lost = meeting(mine, yours)

    assert (lost.after.end_reason, lost.after.superseded_by) == (EndReason.GLARE, yours.id)
    assert lost.others == ()


@pytest.mark.parametrize(
    "gone",
    [
        replace(DIALLED, hangup=hangup(CALLER, 55)),
        replace(DIALLED, offer=None),
        replace(DIALLED, offer=offer(sdp=BAD_SDP)),
        replace(DIALLED, created_at=at(-60)),
    ],
    ids=["hung up", "without an offer", "with a bad offer", "overdue"],
)
def test_a_call_that_will_never_ring_wins_no_glare(gone: Session) -> None:
    assert meeting(call("alice", "bob"), between(gone, "bob", "alice")).after.status is Status.OFFERED


def test_a_call_without_an_offer_loses_no_glare() -> None:
    dialled = replace(call("alice", "bob"), offer=None)

    assert settle(dialled, [call("bob", "alice", 50)], at(LATER + 1), USUAL) is None


def test_glare_is_judged_before_busy() -> None:
    change = meeting(call("alice", "bob"), call("bob", "alice", 50), between(TALKING, "bob", "dave"))
    assert change.after.end_reason is EndReason.GLARE


def test_an_invalid_offer_is_judged_before_glare() -> None:
    broken = replace(call("alice", "bob"), offer=offer(sdp=BAD_SDP))
    assert meeting(broken, call("bob", "alice", 50)).after.end_reason is EndReason.INVALID_OFFER


def test_glare_is_judged_before_superseding() -> None:
    change = meeting(call("alice", "bob"), call("bob", "alice", 50), call("alice", "bob", 62, name="again"))
    assert change.after.end_reason is EndReason.GLARE


def test_the_survivor_of_several_is_the_one_that_rings_then_the_newest() -> None:
    older, newer = call("bob", "alice", 50, name="older"), call("bob", "alice", 55, name="newer")
    ringing = replace(between(RINGING, "bob", "alice"), created_at=at(40))
    mine = call("alice", "bob")

    assert meeting(mine, older, newer).after.superseded_by == "newer"
    assert meeting(mine, newer, older).after.superseded_by == "newer"
    assert meeting(mine, newer, ringing, older).after.superseded_by == ringing.id


# --- superseding


@by_status(ENGAGING)
def test_a_new_call_to_the_same_person_ends_the_older_one_in_the_same_commit(stands: Session) -> None:
    old = between(stands, "alice", "bob")
    change = meeting(call("alice", "bob"), old)

    assert change.after.status is Status.OFFERED
    assert ends(change) == {old.id: EndReason.SUPERSEDED}
    (end,) = change.others
    assert (end.before, end.after.superseded_by) == (old, change.after.id)
    assert end.after.ended_at == end.after.updated_at == at(LATER + 1)
    assert end.history is not None
    assert end.history.end_reason is EndReason.SUPERSEDED


@by_status([ABOUT_TO, TALKING])
def test_a_new_call_by_the_other_of_the_two_ends_the_one_that_was_answered_before(stands: Session) -> None:
    old = between(stands, "bob", "alice")
    change = meeting(call("alice", "bob"), old)

    assert change.after.status is Status.OFFERED
    assert ends(change) == {old.id: EndReason.SUPERSEDED}


def test_what_was_dialled_before_the_answer_to_the_other_call_is_glare_and_ends_nothing() -> None:
    old = between(TALKING, "bob", "alice")

    at_once = meeting(call("alice", "bob", created=49), old)
    assert (at_once.after.end_reason, at_once.others) == (EndReason.GLARE, ())
    assert meeting(call("alice", "bob", created=49.1), old).after.status is Status.OFFERED


@by_status(ENGAGING)
def test_a_new_call_from_the_device_that_placed_the_older_one_ends_it(stands: Session) -> None:
    old = between(stands, "alice", "carol", device="phone")
    change = meeting(call("alice", "bob", device="phone"), old)

    assert change.after.status is Status.OFFERED
    assert ends(change) == {old.id: EndReason.SUPERSEDED}


@by_status([ABOUT_TO, TALKING])
def test_a_new_call_from_the_device_that_answered_the_older_one_ends_it(stands: Session) -> None:
    old = between(stands, "carol", "alice")  # its answer is of the device "phone"
    change = meeting(call("alice", "bob", device="phone"), old)

    assert change.after.status is Status.OFFERED
    assert ends(change) == {old.id: EndReason.SUPERSEDED}


@by_status(ENGAGING)
@pytest.mark.parametrize("direction", [("alice", "carol"), ("carol", "alice")], ids=["placed", "answered"])
@pytest.mark.parametrize("device", ["tablet", None])
def test_a_call_from_another_device_is_busy_and_ends_nothing(
    device: str | None, direction: tuple[str, str], stands: Session
) -> None:
    change = meeting(call("alice", "bob", device=device), between(stands, *direction, device="phone"))

    assert (change.after.end_reason, change.others) == (EndReason.BUSY, ())


def test_devices_without_an_id_are_not_the_same_device() -> None:
    placed = between(TALKING, "alice", "carol", device=None)
    answered = between(replace(TALKING, answer=replace(answer(), device_id=None)), "carol", "alice")

    assert meeting(call("alice", "bob", device=None), placed).after.end_reason is EndReason.BUSY
    assert meeting(call("alice", "bob", device=None), answered).after.end_reason is EndReason.BUSY


def test_the_same_device_of_somebody_else_is_another_device() -> None:
    """Bob's phone and Alice's phone: both call themselves "phone"."""
    change = meeting(call("alice", "bob", device="phone"), between(TALKING, "bob", "carol", device="phone"))
    assert (change.after.end_reason, change.others) == (EndReason.BUSY, ())


def test_a_device_that_was_called_and_did_not_answer_is_not_in_that_call() -> None:
    ringing = replace(RINGING, answer=None)
    change = meeting(call("alice", "bob", device="phone"), between(ringing, "carol", "alice"))
    assert (change.after.end_reason, change.others) == (EndReason.BUSY, ())


def test_what_a_device_dialled_before_it_answered_another_call_is_busy() -> None:
    stands = between(TALKING, "carol", "alice")
    change = meeting(call("alice", "bob", device="phone", created=49), stands)
    assert (change.after.end_reason, change.others) == (EndReason.BUSY, ())


@pytest.mark.parametrize(
    "newer",
    [call("alice", "bob", 62, name="newer"), call("alice", "carol", 62, device="phone", name="newer")],
    ids=["to the same person", "from the same device"],
)
def test_a_call_that_was_settled_after_its_successor_was_dialled_is_superseded_by_it(newer: Session) -> None:
    late = meeting(call("alice", "bob", device="phone"), newer, seconds=63)

    assert (late.after.end_reason, late.after.superseded_by, late.others) == (EndReason.SUPERSEDED, "newer", ())
    assert late.history is not None


@by_status(ENGAGING)
def test_nor_does_it_end_a_successor_that_was_settled_before_it(stands: Session) -> None:
    newer = replace(between(stands, "alice", "bob"), created_at=at(62))
    late = meeting(call("alice", "bob"), newer, seconds=63)

    assert (late.after.end_reason, late.after.superseded_by, late.others) == (EndReason.SUPERSEDED, newer.id, ())


def test_a_call_without_an_offer_is_superseded_by_nobody_and_supersedes_nobody() -> None:
    only_announced = replace(call("alice", "bob"), offer=None)

    assert settle(only_announced, [call("alice", "bob", 62, name="newer")], at(63), USUAL) is None
    assert settle(only_announced, [between(TALKING, "alice", "bob")], at(63), USUAL) is None
    assert meeting(call("alice", "bob", 62, name="newer"), only_announced).others == ()


def test_of_several_the_newest_supersedes() -> None:
    newer, newest = call("alice", "bob", 62, name="newer"), call("alice", "bob", 63, name="newest")

    for others in ([newer, newest], [newest, newer]):
        assert meeting(call("alice", "bob"), *others, seconds=64).after.superseded_by == "newest"


def test_what_was_dialled_before_and_not_settled_ends_with_its_successor() -> None:
    earlier = call("alice", "bob", 59, name="earlier")
    change = meeting(call("alice", "bob"), earlier)

    assert change.after.status is Status.OFFERED
    assert ends(change) == {"earlier": EndReason.SUPERSEDED}


def test_superseding_is_judged_before_busy_so_the_older_call_ends_even_if_the_callee_is_engaged() -> None:
    """One device has one call: whoever dials from it has left the one before."""
    old = between(TALKING, "alice", "carol", device="phone")
    change = meeting(call("alice", "bob", device="phone"), old, between(TALKING, "bob", "dave"))

    assert change.after.end_reason is EndReason.BUSY
    assert ends(change) == {old.id: EndReason.SUPERSEDED}


def test_a_call_that_ends_for_another_reason_ends_no_other() -> None:
    old = between(TALKING, "alice", "bob")
    broken = replace(call("alice", "bob"), offer=offer(sdp=BAD_SDP))
    hung_up = replace(call("alice", "bob"), hangup=hangup(CALLER, 60.5))

    assert meeting(broken, old).others == meeting(hung_up, old).others == ()


def test_a_superseded_call_that_had_connected_keeps_its_duration() -> None:
    change = meeting(call("alice", "bob"), between(TALKING, "alice", "bob"))
    (end,) = change.others
    assert end.history is not None
    assert end.history.duration_s == 11


def test_a_superseded_call_whose_answer_was_not_settled_was_answered_all_the_same() -> None:
    (end,) = meeting(call("alice", "bob"), between(replace(PICKED_UP, deadline=at(80)), "alice", "bob")).others

    assert end.after.answered_at == at(LATER + 1)
    assert end.after.end_reason is EndReason.SUPERSEDED


@by_status(ENGAGING)
def test_a_call_that_rings_already_looks_at_no_others(stands: Session) -> None:
    others = [call("alice", "bob", 62, name="newer"), between(TALKING, "bob", "dave")]

    assert settle(stands, others, at(LATER + 1), USUAL) is None


def test_settling_again_with_the_same_others_is_nothing() -> None:
    old, over = between(TALKING, "alice", "bob"), between(OVER["a hangup that nobody settled"], "bob", "dave")
    change = meeting(call("alice", "bob"), old, over)

    assert len(change.others) == 2
    after = [each.after for each in change.others]
    assert settle(change.after, after, at(LATER + 1), USUAL) is None
    assert all(settle(each, [change.after], at(LATER + 1), USUAL) is None for each in after)
