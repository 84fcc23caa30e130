"""Calls through the trigger, the sweep and the history, in the functions' own servers: SPEC section 2.

What a client writes is written by the owner here: what it may write is the business of tests/rules.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.support.backend import Backend
from tests.support.calls import ANSWER, OFFER, Call, ago, answer, dialled, ended, hangup, offer

BROKEN = "v=0\r\nfull of secrets\r\n"


def whole_call(call: Call) -> None:
    call.dial()
    call.becomes("offered")
    call.answer()
    call.becomes("answered")
    call.report("caller")
    call.becomes("connected")
    call.report("callee")
    call.hang_up("callee")
    call.becomes("ended")


# --- a plain call


def test_a_call_goes_all_the_way_and_leaves_its_history(backend: Backend) -> None:
    call = Call.new(backend)
    whole_call(call)

    session, history = call.now(), call.history
    assert session["end_reason"] == "hangup"
    assert session["accepted"] == {"offer": 1, "answer": 1}
    moments = [session[name] for name in ("created_at", "offered_at", "answered_at", "connected_at", "ended_at")]
    assert moments == sorted(moments)
    assert (session["expires_at"] - session["ended_at"]).total_seconds() == 3600
    assert history is not None
    assert history == {
        "participants": ["alice", "bob"],
        "caller_id": "alice",
        "callee_id": "bob",
        "media": "video",
        "end_reason": "hangup",
        "created_at": session["created_at"],
        "answered_at": session["answered_at"],
        "connected_at": session["connected_at"],
        "ended_at": session["ended_at"],
        "duration_s": int((session["ended_at"] - session["connected_at"]).total_seconds()),
        "updated_at": session["ended_at"],
        "expires_at": history["expires_at"],
    }
    assert (history["expires_at"] - session["ended_at"]).days == 90


def test_the_server_writes_five_times_in_a_plain_call(backend: Backend) -> None:
    """offered, answered, connected, ended, history: the emulator tells of every commit, also of one without effect."""
    call = Call.new(backend)
    whole_call(call)
    backend.quiet()

    after = [each.after or {} for each in call.deliveries]
    stamps = [each.get("updated_at") for each in after]  # every write of the server sets it, and no other
    by_server = [
        document["status"] for document, (before, now) in zip(after[1:], pairwise(stamps), strict=True) if before != now
    ]
    assert by_server == ["offered", "answered", "connected", "ended"]
    assert len(after) == len(by_server) + len(["dial", "answer", "report", "report", "hang up"])
    assert len(call.recordings) == 1


def test_what_the_participants_wrote_stays_as_it_is_byte_for_byte(backend: Backend) -> None:
    call = Call.new(backend)
    whole_call(call)

    session = call.now()
    assert (session["offer"], session["answer"]) == (offer(OFFER), answer(ANSWER))
    assert session["ice_state"] == {"caller": "connected", "callee": "connected"}


def test_an_answer_and_an_ice_report_written_back_to_back_end_in_connected(backend: Backend) -> None:
    call = Call.new(backend)
    with backend.wire.losing():  # the server stamps nothing before all is there
        call.dial()
        call.answer()
        backend.quiet()
    call.report("callee")
    call.becomes("connected")

    assert {"offered_at", "answered_at", "connected_at"} <= call.now().keys()


def test_a_lease_that_is_kept_moves_the_deadline(backend: Backend) -> None:
    call = Call.new(backend)
    call.dial()
    call.answer()
    call.report("caller")
    call.becomes("connected")
    before = call.now()["deadline"]

    call.document.update({"alive_at": {"caller": ago(-60), "callee": ago(-60)}})
    backend.quiet()

    assert call.now()["deadline"] > before


# --- its ends


@pytest.mark.parametrize(
    ("by", "reason", "end_reason"), [("caller", "cancel", "cancelled"), ("callee", "decline", "declined")]
)
def test_a_call_that_nobody_answered_is_cancelled_or_declined(
    backend: Backend, by: str, reason: str, end_reason: str
) -> None:
    call = Call.new(backend)
    call.dial()
    call.becomes("offered")
    call.hang_up(by, reason)
    call.becomes("ended")

    assert call.now()["end_reason"] == end_reason
    assert call.history is not None
    assert (call.history["end_reason"], call.history["duration_s"]) == (end_reason, 0)
    assert not {"answered_at", "connected_at"} & call.history.keys()


@pytest.mark.parametrize("reason", ["hangup", "failed"])
def test_a_call_that_was_answered_says_whether_it_failed(backend: Backend, reason: str) -> None:
    call = Call.new(backend)
    call.dial()
    call.answer()
    call.becomes("answered")
    call.hang_up("caller", reason)
    call.becomes("ended")

    assert call.now()["end_reason"] == reason


@pytest.mark.parametrize(("field", "reason"), [("offer", "invalid_offer"), ("answer", "invalid_answer")])
def test_a_bad_description_ends_the_call_and_says_why_without_a_word_of_it(
    backend: Backend, field: str, reason: str
) -> None:
    call = Call.new(backend)
    if field == "offer":
        call.dial(offer=offer(BROKEN))
    else:
        call.dial()
        call.answer(BROKEN)
    call.becomes("ended")

    session = call.now()
    assert session["end_reason"] == reason
    assert session["error"].keys() == {"code", "message", "field", "revision"}
    assert session["error"]["code"].startswith("sdp_")
    assert (session["error"]["field"], session["error"]["revision"]) == (f"{field}.sdp", 1)
    assert session["error"]["code"] in backend.trigger.output()
    assert "secrets" not in f"{session['error']}{backend.trigger.output()}"


def test_a_session_that_cannot_be_read_is_ended_and_has_no_history(backend: Backend) -> None:
    call = Call.new(backend, dialled(caller_id=7))
    call.becomes("ended")

    session = call.now()
    assert (session["end_reason"], session["error"]["code"]) == ("expired", "session_unreadable")
    assert session["error"]["field"] == "caller_id"
    assert session["expires_at"] > session["ended_at"]
    assert call.history is None


def test_one_bad_field_that_no_rule_lets_through_stops_no_call(backend: Backend) -> None:
    call = Call.new(backend, dialled(alive_at="now", caller_device_id=7))
    call.becomes("offered")

    assert "caller_device_id" in backend.trigger.output()


def test_a_session_that_has_ended_is_left_alone(backend: Backend) -> None:
    call = Call.new(backend, ended(offer=offer(BROKEN)))
    call.document.update({"hangup": hangup("caller")})
    backend.quiet()
    backend.sweep()
    backend.quiet()

    assert len(call.deliveries) == 2
    assert call.history is None


# --- events that are lost, doubled, reordered

STEPS: list[Callable[[Call], None]] = [
    Call.dial,
    Call.answer,
    lambda call: call.report("caller"),
    lambda call: call.hang_up("callee"),
]
LOST = [{0}, {1}, {2}, {3}, {0, 1}, {2, 3}, {0, 1, 2}, {0, 1, 2, 3}]


@pytest.mark.parametrize("lost", LOST, ids=str)
def test_a_sweep_brings_a_call_with_lost_events_to_the_end_it_would_have_had(backend: Backend, lost: set[int]) -> None:
    call = Call.new(backend)
    for number, step in enumerate(STEPS):
        backend.wire.cut = number in lost
        step(call)
        backend.quiet()
    backend.wire.cut = True
    backend.sweep()
    backend.wire.cut = False

    assert (call.now()["status"], call.now()["end_reason"]) == ("ended", "hangup")
    assert call.history is not None
    assert call.history["end_reason"] == "hangup"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_sweep_takes_a_call_to_where_its_events_would_have_taken_it(backend: Backend, steps: int) -> None:
    call = Call.new(backend)
    with backend.wire.losing():
        for step in STEPS[:steps]:
            step(call)
        backend.sweep()
        backend.quiet()

    assert call.now()["status"] == ["offered", "answered", "connected"][steps - 1]


def test_a_call_outlives_the_process_that_was_killed_in_the_middle_of_it(backend: Backend) -> None:
    call = Call.new(backend)
    call.dial()
    call.becomes("offered")
    backend.trigger.kill()
    try:
        call.answer()
        call.report("callee")
        backend.quiet()
        assert call.now()["status"] == "offered"
        backend.sweep()
        assert call.now()["status"] == "connected"
    finally:
        backend.trigger.start()
    call.hang_up("caller")
    call.becomes("ended")

    assert call.history is not None


def test_doubled_and_reordered_events_change_nothing_more(backend: Backend) -> None:
    call = Call.new(backend)
    whole_call(call)
    backend.quiet()
    deliveries, session, history = call.deliveries, call.now(), call.history

    for delivery in [*reversed(deliveries), *deliveries]:
        backend.wire.deliver(delivery)
    backend.quiet()

    assert (call.now(), call.history) == (session, history)
    assert len(call.deliveries) == len(deliveries)


def test_one_event_delivered_eight_times_at_once_is_settled_once(backend: Backend) -> None:
    call = Call.new(backend)
    with backend.wire.losing():
        call.dial()
        call.hang_up("caller", "cancel")
        backend.quiet()
    (_, last) = call.deliveries

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(backend.wire.deliver, [last] * 8))
    backend.quiet()

    assert call.now()["end_reason"] == "cancelled"
    assert len(call.deliveries) == 3
    assert len(call.recordings) == 1


def test_an_old_event_is_judged_by_the_session_as_it_is_now(backend: Backend) -> None:
    """The event of the dialling arrives when the call has been cancelled: nobody's phone rings."""
    call = Call.new(backend)
    with backend.wire.losing():
        call.dial()
        call.hang_up("caller", "cancel")
        backend.quiet()
    (first, _) = call.deliveries

    backend.wire.deliver(first)
    backend.quiet()

    assert call.now()["end_reason"] == "cancelled"
    assert "offered_at" not in call.now()


def test_an_event_of_a_session_that_is_gone_is_nothing(backend: Backend) -> None:
    call = Call.new(backend)
    with backend.wire.losing():
        call.dial()
        backend.quiet()
    (first,) = call.deliveries
    call.document.delete()

    backend.wire.deliver(first)
    backend.quiet()

    assert call.now() == {}
    assert "Traceback" not in backend.trigger.output()
