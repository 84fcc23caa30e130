"""firestore.rules: what the two of a call may say in it, and when (SPEC 3.1, the updates; section 2)."""

from typing import Any

import pytest

from tests.rules.attempts import Attempt, Differences, beside, check, granted
from tests.rules.calls import (
    ALICE,
    BOB,
    EVE,
    EVERY,
    LIVE,
    SDP,
    SDP_MAX,
    SESSION,
    SIDES,
    answer,
    answered,
    connected,
    ended,
    hangup,
    offer,
    offered,
    pending,
)
from tests.support.documents import ABSENT, SERVER_TIME, Documents, ago, ahead


def says(by: str, stored: dict[str, Any], **said: object) -> Attempt:
    return Attempt("update", SESSION, by, said, stored=stored)


OTHER = {"caller": "callee", "callee": "caller"}
OTHER_USER = {ALICE: BOB, BOB: ALICE}

# A call while somebody's second offer is in flight, and once that has its answer.
REOFFERED = {by: connected(offer=offer(2, side)) for by, side in SIDES.items()}
REANSWERED = {by: connected(offer=offer(2, side), answer=answer(2, OTHER[side])) for by, side in SIDES.items()}

FIRST_OFFER = says(ALICE, pending(), offer=offer())
REOFFERS = {by: says(by, connected(), offer=offer(2, side)) for by, side in SIDES.items()}
FIRST_ANSWER = says(BOB, offered(), answer=answer())
REANSWERS = {
    ALICE: says(ALICE, REOFFERED[BOB], answer=answer(2, "caller")),
    BOB: says(BOB, REOFFERED[ALICE], answer=answer(2, "callee")),
}
ICE = {by: says(by, answered(), **{f"ice_state.{side}": "connected"}) for by, side in SIDES.items()}
ALIVE = {by: says(by, connected(), **{f"alive_at.{side}": SERVER_TIME}) for by, side in SIDES.items()}
HANGUPS = {by: says(by, connected(), hangup=hangup(side)) for by, side in SIDES.items()}
CANCEL = says(ALICE, offered(), hangup=hangup("caller", "cancel"))
DECLINE = says(BOB, offered(), hangup=hangup("callee", "decline"))

SENTENCES = {
    "first offer": FIRST_OFFER,
    "caller's re-offer": REOFFERS[ALICE],
    "callee's re-offer": REOFFERS[BOB],
    "first answer": FIRST_ANSWER,
    "caller's re-answer": REANSWERS[ALICE],
    "callee's re-answer": REANSWERS[BOB],
    "caller's ice_state": ICE[ALICE],
    "callee's ice_state": ICE[BOB],
    "caller's alive_at": ALIVE[ALICE],
    "callee's alive_at": ALIVE[BOB],
    "caller's hangup": HANGUPS[ALICE],
    "callee's hangup": HANGUPS[BOB],
    "cancel": CANCEL,
    "decline": DECLINE,
}
every_sentence = pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)


# ---- Whoever says anything ----


@every_sentence
@pytest.mark.parametrize("by", [None, EVE, "other side"])
def test_a_side_speaks_for_itself_and_nobody_else_speaks(documents: Documents, sentence: Attempt, by: str) -> None:
    other_side = ALICE if sentence.by == BOB else BOB

    check(documents, sentence.but("by", other_side if by == "other side" else by), sentence)


@every_sentence
def test_nothing_is_said_in_a_call_that_has_ended(documents: Documents, sentence: Attempt) -> None:
    check(documents, sentence.but("stored/status", "ended"), sentence)


@every_sentence
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_nothing_is_said_after_a_hangup(documents: Documents, sentence: Attempt, side: str) -> None:
    check(documents, sentence.but("stored/hangup", hangup(side, at=ago(seconds=1))), sentence)


SET_AT_CREATE = ["caller_id", "callee_id", "caller_device_id", "media", "status", "created_at"]
SET_BY_THE_SERVER = [
    *("accepted", "deadline", "expires_at", "updated_at", "offered_at", "rung_at", "answered_at", "connected_at"),
    *("ended_at", "end_reason", "superseded_by", "error"),
]


@pytest.mark.parametrize("name", [*SET_AT_CREATE, *SET_BY_THE_SERVER, "anything"])
@pytest.mark.parametrize("by", [ALICE, BOB])
def test_no_other_field_is_written_beside_what_may_be_said(documents: Documents, by: str, name: str) -> None:
    check(documents, ICE[by].but(f"write/{name}", "said"), ICE[by])


@pytest.mark.parametrize("name", ["caller_id", "created_at", "accepted", "deadline", "offer", "answer", "ice_state"])
@pytest.mark.parametrize("by", [ALICE, BOB])
def test_no_field_is_taken_away(documents: Documents, by: str, name: str) -> None:
    check(documents, HANGUPS[by].but(f"write/{name}", ABSENT), HANGUPS[by])


@pytest.mark.parametrize("stored", LIVE.values(), ids=LIVE)
@pytest.mark.parametrize("by", [ALICE, BOB])
def test_saying_again_what_stands_is_no_offence(documents: Documents, by: str, stored: dict[str, Any]) -> None:
    """A client may not know that its write arrived."""
    again = Attempt("update", SESSION, by, {"media": "video", "caller_id": ALICE}, stored=stored)

    check(documents, again.but("write/media", "audio"), again)


# ---- Offers ----

FORM_OF_A_DESCRIPTION: Differences = {
    "sdp": [None, 1, ABSENT, ["v=0"]],
    "type": ["pranswer", "rollback", "", None, 1, ABSENT],
    "other": [1],
}


def form_of(name: str, **more: list[Any]) -> Differences:
    return {f"write/{name}/{key}": values for key, values in (FORM_OF_A_DESCRIPTION | more).items()}


@beside(
    FIRST_OFFER,
    form_of("offer", revision=[0, 2, -1, 1.0, "1", None, ABSENT], device_id=["phone"])
    | {"write/offer": [None, "offer", [], {}], "write/offer/from": ["callee", ABSENT]},
)
def test_a_first_offer_is_the_callers_and_of_revision_1(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@beside(FIRST_OFFER, {"stored/status": ["offered", "answered", "connected"]})
def test_a_first_offer_belongs_to_a_pending_call(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


def test_a_callee_does_not_make_the_first_offer(documents: Documents) -> None:
    check(documents, FIRST_OFFER.but("by", BOB).but("write/offer/from", "callee"), FIRST_OFFER)


@beside(
    REOFFERS[BOB],
    form_of("offer", revision=[0, 1, 3, 2.0, "2", None, ABSENT], device_id=["phone"])
    | {"write/offer": [None, "offer", {}, ABSENT], "write/offer/from": ["caller", ABSENT]},
)
def test_a_reoffer_has_the_next_revision(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("status", ["pending", "offered"])
def test_a_reoffer_belongs_to_a_call_that_was_answered(documents: Documents, by: str, status: str) -> None:
    check(documents, REOFFERS[by].but("stored/status", status), REOFFERS[by])


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("stored", [answered(), connected()], ids=["answered", "connected"])
def test_either_side_offers_again_before_and_after_ice_connects(
    documents: Documents, by: str, stored: dict[str, Any]
) -> None:
    assert REOFFERS[by].but("stored", stored).is_allowed(documents)


@pytest.mark.parametrize("stored", [pending(offer=offer()), offered(), offered(answer=answer())])
def test_a_first_offer_stands(documents: Documents, stored: dict[str, Any]) -> None:
    """Whatever revision its replacement names."""
    check(documents, REOFFERS[ALICE].but("stored", stored), REOFFERS[ALICE])
    assert not FIRST_OFFER.but("stored", stored).but("write/offer/sdp", SDP + "s=-").is_allowed(documents)


@pytest.mark.parametrize(("by", "others"), [(ALICE, REOFFERED[BOB]), (BOB, REOFFERED[ALICE]), (BOB, REANSWERED[ALICE])])
def test_nobody_offers_while_the_others_offer_is_in_flight(
    documents: Documents, by: str, others: dict[str, Any]
) -> None:
    """Not even once it is answered: the server may still refuse that answer."""
    third = says(by, others, offer=offer(3, SIDES[by]))

    check(documents, third, third.but("stored/accepted/answer", 2))


@pytest.mark.parametrize(("by", "others"), [(ALICE, REOFFERED[BOB]), (BOB, REOFFERED[ALICE]), (BOB, REANSWERED[ALICE])])
def test_a_round_that_the_server_has_refused_is_no_longer_in_flight(
    documents: Documents, by: str, others: dict[str, Any]
) -> None:
    """Or a side that writes nonsense and leaves would keep the other from mending the connection."""
    third = says(by, others | {"error": {"code": "sdp_empty", "revision": 2}}, offer=offer(3, SIDES[by]))

    check(documents, third.but("stored/error/revision", 1), third)


def test_a_call_has_a_thousand_rounds(documents: Documents) -> None:
    """Each may bring fifty batches of candidates a side."""
    thousandth = says(ALICE, connected(offer=offer(999), accepted={"offer": 999, "answer": 999}), offer=offer(1000))
    next_one = says(ALICE, connected(offer=offer(1000), accepted={"offer": 1000, "answer": 1000}), offer=offer(1001))

    check(documents, next_one, thousandth)


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_of_two_simultaneous_offers_the_rules_let_one_through(documents: Documents, by: str) -> None:
    assert REOFFERS[by].is_allowed(documents)
    assert not documents.update(SESSION, {"offer": offer(2, OTHER[SIDES[by]])}, OTHER_USER[by])


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("flight", [REOFFERED, REANSWERED], ids=["unanswered", "answered"])
def test_a_side_replaces_its_own_offer(documents: Documents, by: str, flight: dict[str, Any]) -> None:
    """Also one whose answer has not been accepted: if that answer was bad, nothing else could follow it."""
    third = says(by, flight[by], offer=offer(3, SIDES[by]))

    check(documents, third.but("stored/offer/from", SIDES[OTHER_USER[by]]), third)


# ---- Answers ----


@beside(
    FIRST_ANSWER,
    form_of("answer", revision=[0, 2, -1, 1.0, "1", None, ABSENT], device_id=["d" * 129, None, 1, ["d"]])
    | {"write/answer": [None, "answer", [], {}], "write/answer/from": ["caller", ABSENT]},
)
def test_an_answer_is_the_other_sides_and_of_the_offers_revision(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@granted(
    from_a_device=FIRST_ANSWER.but("write/answer/device_id", "d" * 128),
    largest=FIRST_ANSWER.but("write/answer/sdp", SDP.ljust(SDP_MAX)),
    shortest=FIRST_ANSWER.but("write/answer/sdp", "v=0"),
)
def test_an_answer_may_name_its_device(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


def test_a_caller_does_not_answer_its_own_offer(documents: Documents) -> None:
    check(documents, FIRST_ANSWER.but("by", ALICE).but("write/answer/from", "caller"), FIRST_ANSWER)


@beside(
    FIRST_ANSWER,
    {
        "stored/status": ["pending", "answered", "connected"],
        "stored/deadline": [ago(seconds=1), ABSENT],
        "stored/offer": [ABSENT],
        "stored/answer": [answer() | {"device_id": "another"}],
    },
)
def test_a_first_answer_is_one_to_a_ringing_call_before_its_deadline(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_a_reoffer_is_answered_by_the_other_side_alone(documents: Documents, by: str) -> None:
    check(documents, REANSWERS[by].but("stored", REOFFERED[by]), REANSWERS[by])


@beside(
    REANSWERS[ALICE],
    form_of("answer", revision=[0, 1, 3, 2.0, ABSENT])
    | {
        "write/answer/from": ["callee", ABSENT],
        "write/answer": [ABSENT],
        "stored/answer": [answer(2, "caller") | {"sdp": SDP + "s=-"}],
        "stored/offer/from": ["caller"],
    },
)
def test_each_offer_is_answered_once(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


def test_an_answer_to_a_reoffer_has_no_deadline(documents: Documents) -> None:
    assert REANSWERS[BOB].but("stored/deadline", ago(seconds=1)).is_allowed(documents)


# ---- ICE states ----


@pytest.mark.parametrize(("by", "side"), SIDES.items())
@pytest.mark.parametrize("state", ["connected", "disconnected", "failed"])
def test_each_side_reports_its_own_ice_state(documents: Documents, by: str, side: str, state: str) -> None:
    other = OTHER[side]
    mine = says(by, answered(ice_state={other: "connected"}), **{f"ice_state.{side}": state})

    check(documents, mine.but(f"write/ice_state.{other}", state + "?"), mine)


@pytest.mark.parametrize(("by", "side"), SIDES.items())
def test_nobody_touches_the_others_ice_state(documents: Documents, by: str, side: str) -> None:
    other = OTHER[side]
    both = ICE[by].but("stored/ice_state", {other: "connected"})

    check(documents, both.but(f"write/ice_state.{other}", "failed"), both)
    check(documents, both.but(f"write/ice_state.{other}", ABSENT), both)
    check(documents, both.but("write", {f"ice_state.{other}": "failed"}), both)


@pytest.mark.parametrize(("by", "side"), SIDES.items())
@pytest.mark.parametrize("state", ["checking", "Connected", "", None, 1, True, ["connected"], ABSENT])
def test_an_ice_state_is_one_of_three(documents: Documents, by: str, side: str, state: object) -> None:
    known = ICE[by].but("stored/ice_state", {side: "disconnected"})

    check(documents, known.but(f"write/ice_state.{side}", state), known)


@pytest.mark.parametrize("value", [None, "connected", {}, []])
def test_ice_states_are_told_by_side(documents: Documents, value: object) -> None:
    told = Attempt("update", SESSION, ALICE, {"ice_state": {"caller": "connected"}}, stored=answered())

    check(documents, told.but("write/ice_state", value), told)


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("stored", [pending(), offered()], ids=["pending", "offered"])
def test_there_is_no_ice_state_before_an_answer_stands(documents: Documents, by: str, stored: dict[str, Any]) -> None:
    early = ICE[by].but("stored", stored)

    check(documents, early, early.but("stored/answer", answer()))


# ---- Leases ----


@pytest.mark.parametrize(("by", "side"), SIDES.items())
def test_a_side_keeps_the_call_alive_every_5_minutes_at_most(documents: Documents, by: str, side: str) -> None:
    again = ALIVE[by].but("stored/alive_at", {side: ago(minutes=5, seconds=1)})

    check(documents, again.but(f"stored/alive_at/{side}", ago(minutes=4)), again)


@pytest.mark.parametrize(("by", "side"), SIDES.items())
def test_the_others_sign_of_life_is_no_hindrance(documents: Documents, by: str, side: str) -> None:
    other = OTHER[side]

    assert ALIVE[by].but("stored/alive_at", {other: ago(seconds=1)}).is_allowed(documents)


@pytest.mark.parametrize(("by", "side"), SIDES.items())
@pytest.mark.parametrize("time", [ago(seconds=1), ahead(minutes=1), None, "now", 0, ABSENT])
def test_a_sign_of_life_is_of_now(documents: Documents, by: str, side: str, time: object) -> None:
    again = ALIVE[by].but("stored/alive_at", {side: ago(minutes=9)})

    check(documents, again.but(f"write/alive_at.{side}", time), again)


@pytest.mark.parametrize(("by", "side"), SIDES.items())
def test_nobody_gives_the_others_sign_of_life(documents: Documents, by: str, side: str) -> None:
    other = OTHER[side]
    mine = ALIVE[by].but("stored/alive_at", {other: ago(minutes=9)})

    check(documents, mine.but(f"write/alive_at.{other}", SERVER_TIME), mine)
    check(documents, mine.but(f"write/alive_at.{other}", ABSENT), mine)
    check(documents, mine.but("write", {f"alive_at.{other}": SERVER_TIME}), mine)


@pytest.mark.parametrize("value", [None, "now", {}, []])
def test_signs_of_life_are_told_by_side(documents: Documents, value: object) -> None:
    told = Attempt("update", SESSION, ALICE, {"alive_at": {"caller": SERVER_TIME}}, stored=connected())

    check(documents, told.but("write/alive_at", value), told)


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("status", ["pending", "offered", "answered"])
def test_only_a_connected_call_is_kept_alive(documents: Documents, by: str, status: str) -> None:
    check(documents, ALIVE[by].but("stored/status", status), ALIVE[by])


# ---- Hanging up ----


@pytest.mark.parametrize(("by", "side"), SIDES.items())
@pytest.mark.parametrize("reason", ["hangup", "failed"])
@pytest.mark.parametrize("status", EVERY)
def test_either_side_hangs_up_any_live_call(documents: Documents, status: str, reason: str, by: str, side: str) -> None:
    said = says(by, EVERY[status], hangup=hangup(side, reason))

    assert said.is_allowed(documents) is (status in LIVE)


@beside(
    HANGUPS[BOB],
    {
        "write/hangup": [None, "hangup", {}, []],
        "write/hangup/by": ["caller", BOB, None, ABSENT],
        "write/hangup/reason": ["busy", "Hangup", "", None, 1, ABSENT],
        "write/hangup/at": [ago(seconds=1), ahead(seconds=1), None, ABSENT],
        "write/hangup/other": [1],
    },
)
def test_a_hangup_says_who_why_and_when(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("stored", [pending(), offered()], ids=["pending", "offered"])
@pytest.mark.parametrize("stop", [CANCEL, DECLINE], ids=["cancel", "decline"])
def test_ringing_is_stopped_before_an_answer_and_not_after(
    documents: Documents, stop: Attempt, stored: dict[str, Any]
) -> None:
    ringing = stop.but("stored", stored)

    check(documents, ringing.but("stored/answer", answer()), ringing)


def test_a_caller_cancels_and_a_callee_declines(documents: Documents) -> None:
    check(documents, CANCEL.but("write/hangup/reason", "decline"), CANCEL)
    check(documents, DECLINE.but("write/hangup/reason", "cancel"), DECLINE)


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_a_hangup_of_a_session_that_is_gone_brings_nothing_back(documents: Documents, by: str) -> None:
    """From an offline queue, hours later."""
    late = Attempt("put", SESSION, by, {"hangup": hangup(SIDES[by])})

    assert not late.is_allowed(documents)


# ---- Several things in one write ----


@granted(
    answer_and_ice=FIRST_ANSWER.but("write/ice_state.callee", "connected"),
    failed_and_hangup=HANGUPS[ALICE].but("write/ice_state.caller", "failed"),
    ice_and_lease=ALIVE[BOB].but("write/ice_state.callee", "connected"),
    reoffer_and_ice=REOFFERS[BOB].but("write/ice_state.callee", "disconnected"),
    everything=REOFFERS[ALICE].but("write/ice_state.caller", "failed").but("write/hangup", hangup()),
)
def test_one_write_may_say_several_things(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@beside(
    FIRST_ANSWER.but("write/ice_state.callee", "connected"),
    {"write/ice_state.callee": ["new"], "write/answer/revision": [2], "write/ice_state.caller": ["connected"]},
)
def test_each_thing_in_a_write_needs_its_own_leave(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


def test_nobody_declines_in_the_write_that_answers(documents: Documents) -> None:
    both = FIRST_ANSWER.but("write/hangup", hangup("callee"))

    check(documents, both.but("write/hangup/reason", "decline"), both)


def test_nobody_answers_an_offer_in_the_write_that_makes_it(documents: Documents) -> None:
    reoffer = REOFFERS[BOB]

    check(documents, reoffer.but("write/answer", answer(2, "callee")), reoffer)


def test_an_answer_and_an_ice_report_go_back_to_back(documents: Documents) -> None:
    """Before the server has stamped anything."""
    assert FIRST_ANSWER.is_allowed(documents)
    assert documents.update(SESSION, {"ice_state.callee": "connected"}, BOB)
    assert documents.update(SESSION, {"ice_state.caller": "connected"}, ALICE)


def test_a_call_that_has_ended_stays_so(documents: Documents) -> None:
    nothing_new = Attempt("update", SESSION, ALICE, {"media": "video"}, stored=ended())

    check(documents, nothing_new, nothing_new.but("stored/status", "connected"))
