"""What a side does next in the rounds of offer and answer."""

from dataclasses import replace

import pytest

from webrtc_lite_client.rounds import MOST, NOTHING, Rounds, Step, next_step
from webrtc_lite_client.session import Description, Session, Side

OFFER = Description("the offer", 1, "caller")
ANSWER = Description("the answer", 1, "callee")
RINGING = Session("id", "offered", "alice", "bob", offer=OFFER)
TALKING = replace(RINGING, status="connected", answer=ANSWER, accepted_answer=1)
AGREED = Rounds(settled=1)


def described(revision: int, side: Side) -> Description:
    return Description(f"offer {revision}", revision, side)


def test_the_callee_answers_and_the_caller_completes_with_the_answer() -> None:
    assert next_step(RINGING, "callee", Rounds(), mend=False) == Step("answer", 1, "the offer")
    assert next_step(TALKING, "caller", Rounds(mine=1), mend=False) == Step("complete", 1, "the answer")


@pytest.mark.parametrize(
    ("session", "side", "rounds"),
    [
        (RINGING, "caller", Rounds(mine=1)),
        (RINGING, "callee", AGREED),
        (TALKING, "callee", AGREED),
        (TALKING, "caller", AGREED),
        (replace(RINGING, offer=None, status="pending"), "callee", Rounds()),
        (replace(RINGING, hung_up_by="caller"), "callee", Rounds()),
        (replace(RINGING, status="ended"), "callee", Rounds()),
        (replace(TALKING, hung_up_by="callee"), "caller", Rounds(mine=1)),
    ],
    ids=[
        "waits",
        "has answered a moment ago",
        "answered",
        "completed",
        "no offer",
        "hung up",
        "ended",
        "hung up later",
    ],
)
def test_otherwise_there_is_nothing_to_do(session: Session, side: Side, rounds: Rounds) -> None:
    assert next_step(session, side, rounds, mend=False) is NOTHING


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_offers_a_new_connection_when_nothing_is_in_flight(side: Side) -> None:
    assert next_step(TALKING, side, AGREED, mend=True) == Step("offer", 2)


def test_while_the_other_sides_offer_is_in_flight_it_is_answered_instead() -> None:
    offered = replace(TALKING, offer=described(2, "caller"))

    assert next_step(offered, "callee", AGREED, mend=True) == Step("answer", 2, "offer 2")


def test_an_own_offer_that_nobody_answers_is_replaced_by_the_next_attempt() -> None:
    offered = replace(TALKING, offer=described(2, "caller"))

    assert next_step(offered, "caller", Rounds(1, mine=2), mend=False) is NOTHING
    assert next_step(offered, "caller", Rounds(1, mine=2), mend=True) == Step("offer", 3)


def test_of_two_offers_the_one_that_the_rules_let_through_is_answered_and_the_other_given_up() -> None:
    theirs = replace(TALKING, offer=described(2, "callee"))

    assert next_step(theirs, "caller", Rounds(1, mine=2), mend=False) == Step("answer", 2, "offer 2")
    beyond = replace(TALKING, offer=described(3, "callee"), answer=Description("a", 3, "caller"), accepted_answer=3)
    assert next_step(beyond, "caller", Rounds(3, mine=2), mend=False) == Step("give up")


def test_an_own_offer_that_the_server_has_refused_is_given_up_and_either_side_may_offer_again() -> None:
    refused = replace(TALKING, offer=described(2, "caller"), error_revision=2)

    assert next_step(refused, "caller", Rounds(1, mine=2), mend=False) == Step("give up")
    assert next_step(refused, "callee", AGREED, mend=True) == Step("offer", 3)


@pytest.mark.parametrize("status", ["pending", "offered"])
def test_before_there_is_an_answer_nobody_offers_anew(status: str) -> None:
    assert next_step(replace(RINGING, status=status), "caller", Rounds(mine=1), mend=True) is NOTHING


def test_a_call_has_a_thousand_rounds() -> None:
    last = replace(
        TALKING, offer=described(MOST, "caller"), answer=Description("a", MOST, "callee"), accepted_answer=MOST
    )

    assert next_step(last, "caller", Rounds(MOST), mend=True) is NOTHING
