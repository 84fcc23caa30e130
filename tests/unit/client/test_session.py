"""What follows from a session for one side of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from webrtc_lite_client.session import (
    RING_S,
    RING_S_MOST,
    Description,
    Session,
    Side,
    how_it_ended,
    orphans,
    ring_s,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ANSWER = Description("a", 1, "callee", "tablet")
LIVE = Session("id", "connected", "alice", "bob", caller_device_id="phone", answer=ANSWER)


def test_a_document_is_read_with_everything_that_a_call_needs_of_it() -> None:
    session = Session.parse(
        "id",
        {
            "status": "ended",
            "caller_id": "alice",
            "callee_id": "bob",
            "offer": {"type": "offer", "sdp": "o", "revision": 2, "from": "callee"},
            "answer": {"type": "answer", "sdp": "a", "revision": 1, "from": "callee", "device_id": "tablet"},
            "accepted": {"offer": 1, "answer": 1},
            "hangup": {"by": "caller", "reason": "hangup"},
            "end_reason": "failed",
            "error": {"code": "sdp_x", "message": "Mend it.", "revision": 2},
            "offered_at": NOW,
        },
    )

    assert session.offer == Description("o", 2, "callee")
    assert session.answer == ANSWER
    assert (session.accepted_answer, session.hung_up_by, session.is_refused) == (1, "caller", True)
    assert session.end == "failed, sdp_x, Mend it."
    assert session.stamp("offered_at") == NOW
    assert session.stamp("ended_at") is None


@pytest.mark.parametrize(
    ("by", "reason", "answered", "end"),
    [
        ("caller", "cancel", False, "cancelled"),
        ("caller", "failed", False, "cancelled"),
        ("callee", "decline", False, "declined"),
        ("caller", "hangup", True, "hangup"),
        ("callee", "failed", True, "failed"),
    ],
)
def test_the_other_sides_hangup_is_an_end_before_the_server_has_said_so(
    by: Side, reason: str, end: str, *, answered: bool
) -> None:
    session = replace(LIVE, hung_up_by=by, hangup_reason=reason, answer=ANSWER if answered else None)

    assert how_it_ended(session, "callee" if by == "caller" else "caller") == end
    assert how_it_ended(session, "caller" if by == "caller" else "callee") is None


def test_the_servers_word_counts_before_everything() -> None:
    assert how_it_ended(replace(LIVE, status="ended", end_reason="superseded"), "caller") == "superseded"
    assert how_it_ended(LIVE, "caller") is None


@pytest.mark.parametrize(
    ("lasts", "rings"), [(30.0, 30.0), (5.0, 5.0), (-4.0, 0.0), (9999.0, RING_S_MOST), (None, RING_S)]
)
def test_it_rings_as_long_as_the_servers_stamps_are_apart(lasts: float | None, rings: float) -> None:
    stamps = {} if lasts is None else {"offered_at": NOW, "deadline": NOW + timedelta(seconds=lasts)}

    assert ring_s(replace(LIVE, stamps=stamps)) == rings


def test_what_this_device_left_is_hung_up_and_what_another_one_is_in_goes_on() -> None:
    ringing = replace(LIVE, status="offered", answer=None)
    over = replace(LIVE, hung_up_by="callee")

    assert orphans([LIVE, ringing, over], "alice", "phone") == [
        (LIVE, "caller", "hangup"),
        (ringing, "caller", "cancel"),
    ]
    assert orphans([LIVE], "bob", "tablet") == [(LIVE, "callee", "hangup")]
    assert orphans([LIVE], "alice", "laptop") == orphans([ringing], "bob", "tablet") == []
