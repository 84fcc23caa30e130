"""What the two of a call do in it, under the rules and by the trigger: renegotiation, lease, blocks, disappearing."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.support.backend import Backend
from tests.support.calls import SDP, Call, ago, connected
from tests.support.phones import Phone
from tests.support.threads import together
from webrtc_lite import service
from webrtc_lite.core.deadlines import Durations
from webrtc_lite.edge import logs, store

BROKEN = "v=0\r\n"
USUAL = Durations()


@pytest.fixture
def alice(backend: Backend) -> Phone:
    return Phone(backend, "alice")


@pytest.fixture
def bob(backend: Backend) -> Phone:
    return Phone(backend, "bob")


def captured(name: str) -> str:
    return (SDP / f"{name}.sdp").read_bytes().decode()


def talk(alice: Phone, bob: Phone, case: str = "av-trickle", *, before: str = "") -> Call:
    """A call that has connected, with the descriptions of a captured round."""
    call = alice.dial(bob.uid, captured(f"{case}{before}.offer"))
    call.becomes("offered")
    assert bob.answers(call, captured(f"{case}{before}.answer"))
    assert bob.reports(call)
    call.becomes("connected")
    return call


def sweep_at(backend: Backend, when: datetime) -> None:
    """A sweep by a clock that shows another time."""
    service.sweep(store.Sessions(backend.client), logs, lambda: when, USUAL)


# --- renegotiation


@pytest.mark.parametrize("first", ["caller", "callee"])
def test_the_two_renegotiate_in_turns(alice: Phone, bob: Phone, first: str) -> None:
    call = talk(alice, bob)
    sides = [alice, bob] if first == "caller" else [bob, alice]
    for revision, (one, other) in enumerate([sides, sides[::-1]], 2):
        assert one.offers(call)
        call.shows(accepted={"offer": revision, "answer": revision - 1})
        assert other.answers(call)
        call.shows(accepted={"offer": revision, "answer": revision})

    assert call.now()["status"] == "connected"
    assert "error" not in call.now()


@pytest.mark.parametrize("round_", range(3))
def test_of_two_who_offer_at_once_one_gets_through_and_the_other_answers(alice: Phone, bob: Phone, round_: int) -> None:
    call = talk(alice, bob)
    let = together(partial(alice.offers, call, revision=2), partial(bob.offers, call, revision=2))
    assert sorted(let) == [False, True], round_
    winner, loser = (alice, bob) if let[0] else (bob, alice)

    assert call.now()["offer"]["from"] == winner.side(call)
    assert not winner.answers(call)
    assert loser.answers(call)
    call.shows(accepted={"offer": 2, "answer": 2})


@pytest.mark.parametrize("mender", ["the same side", "the other side"])
def test_a_bad_reoffer_leaves_the_call_up_and_either_side_may_mend_it(alice: Phone, bob: Phone, mender: str) -> None:
    call = talk(alice, bob)
    assert alice.offers(call, BROKEN)
    call.backend.quiet()
    stands = call.now()
    assert (stands["status"], stands["accepted"]) == ("connected", {"offer": 1, "answer": 1})
    assert (stands["error"]["field"], stands["error"]["revision"]) == ("offer.sdp", 2)

    one, other = (alice, bob) if mender == "the same side" else (bob, alice)
    assert one.offers(call)
    assert other.answers(call)
    call.shows(accepted={"offer": 3, "answer": 3})


def test_a_bad_reanswer_leaves_the_call_up_and_either_side_may_mend_it(alice: Phone, bob: Phone) -> None:
    call = talk(alice, bob)
    assert bob.offers(call)
    assert alice.answers(call, BROKEN)
    call.backend.quiet()
    stands = call.now()
    assert (stands["status"], stands["accepted"]) == ("connected", {"offer": 2, "answer": 1})
    assert (stands["error"]["field"], stands["error"]["revision"]) == ("answer.sdp", 2)

    assert alice.offers(call)
    assert bob.answers(call)
    call.shows(accepted={"offer": 3, "answer": 3})


ROUNDS = ["addvideo-full", "icerestart-full", "icerestart-trickle", "stopvideo-full", "hold-full"]


@pytest.mark.parametrize("by", ["caller", "callee"])
@pytest.mark.parametrize("case", ROUNDS)
def test_what_engines_renegotiate_goes_through(alice: Phone, bob: Phone, case: str, by: str) -> None:
    """From audio to video and back, a hold, an ICE restart: by either side."""
    call = talk(alice, bob, case, before=".initial")
    one, other = (alice, bob) if by == "caller" else (bob, alice)
    assert one.offers(call, captured(f"{case}.offer"))
    assert other.answers(call, captured(f"{case}.answer"))
    call.shows(accepted={"offer": 2, "answer": 2})

    assert call.now()["status"] == "connected"
    assert "error" not in call.now()


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_who_lost_the_connection_rejoins_with_a_new_one(alice: Phone, bob: Phone, by: str) -> None:
    """Another description altogether, as a reloaded page makes it."""
    call = talk(alice, bob)
    one, other = (alice, bob) if by == "caller" else (bob, alice)
    assert bob.reports(call, "disconnected")
    assert one.offers(call, captured("av-dc-full.offer"))
    assert other.answers(call, captured("av-dc-full.answer"))
    assert alice.reports(call)
    assert bob.reports(call)
    call.shows(accepted={"offer": 2, "answer": 2})

    assert call.now()["status"] == "connected"


# --- the lease


def aging(backend: Backend, seconds: float) -> Call:
    """A call that connected so long ago, and of which nobody has been heard since."""
    since = ago(seconds)
    return Call.new(backend, connected(connected_at=since, deadline=since + USUAL.lease))


def test_a_lease_that_both_keep_goes_on(backend: Backend, alice: Phone, bob: Phone) -> None:
    call = aging(backend, 890)
    before = call.now()["deadline"]
    assert alice.says_alive(call)
    assert bob.says_alive(call)
    backend.quiet()
    sweep_at(backend, before + timedelta(seconds=1))

    assert call.now()["status"] == "connected"
    assert call.now()["deadline"] == min(call.now()["alive_at"].values()) + USUAL.lease


@pytest.mark.parametrize("alive", ["alice", "bob"])
def test_a_call_of_which_one_side_is_silent_expires(backend: Backend, alive: str) -> None:
    call = aging(backend, 890)
    before = call.now()["deadline"]
    assert Phone(backend, alive).says_alive(call)
    backend.quiet()
    assert call.now()["deadline"] == before
    sweep_at(backend, before)

    assert (call.now()["end_reason"], (call.history or {})["end_reason"]) == ("expired", "expired")
    assert (call.history or {})["duration_s"] == 900


def test_an_orphan_engages_its_people_for_one_lease_and_no_longer(backend: Backend) -> None:
    orphan = aging(backend, 901)
    call = Phone(backend, "carol").dial("bob")
    call.becomes("offered")

    assert orphan.now()["end_reason"] == "expired"


# --- blocks


def test_who_is_blocked_does_not_get_through_until_it_is_unblocked(backend: Backend, alice: Phone, bob: Phone) -> None:
    assert bob.blocks("alice")
    assert not alice.dials(Call.new(backend), "bob")
    assert bob.dial("alice").now()["status"] == "pending"

    assert bob.unblocks("alice")
    assert alice.dials(Call.new(backend), "bob")


def test_a_block_does_not_touch_a_call_that_goes_on(alice: Phone, bob: Phone) -> None:
    call = talk(alice, bob)
    assert bob.blocks("alice")
    assert alice.offers(call)
    assert bob.answers(call)
    call.shows(accepted={"offer": 2, "answer": 2})
    assert alice.hangs_up(call)
    call.becomes("ended")

    assert call.now()["end_reason"] == "hangup"


# --- an account that was deleted: its token is dead, and nothing more is heard of it


def test_who_stays_behind_hangs_up(alice: Phone, bob: Phone) -> None:
    call = talk(alice, bob)
    assert alice.reports(call, "failed")
    call.backend.quiet()
    assert call.now()["status"] == "connected"

    assert alice.hangs_up(call, "failed")
    call.becomes("ended")
    assert (call.history or {})["end_reason"] == "failed"


def test_if_nobody_hangs_up_the_lease_does(backend: Backend, alice: Phone, bob: Phone) -> None:
    call = talk(alice, bob)
    sweep_at(backend, call.now()["deadline"])

    assert call.now()["end_reason"] == "expired"


def test_nobody_picks_up_a_call_to_an_account_that_is_gone(backend: Backend, alice: Phone) -> None:
    call = alice.dial("nobody-any-more")
    call.becomes("offered")
    sweep_at(backend, call.now()["deadline"])

    assert (call.now()["end_reason"], (call.history or {})["end_reason"]) == ("missed", "missed")


# --- a process that is killed


def test_a_hangup_that_nobody_was_there_to_hear_is_found_by_the_next_sweep(
    backend: Backend, alice: Phone, bob: Phone
) -> None:
    call = talk(alice, bob)
    backend.trigger.kill()
    try:
        assert alice.hangs_up(call)
        backend.quiet()
        assert not bob.hangs_up(call)
        backend.sweep()
    finally:
        backend.trigger.start()

    assert (call.now()["end_reason"], (call.history or {})["end_reason"]) == ("hangup", "hangup")
