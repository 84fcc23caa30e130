"""Sessions of alice calling bob, as they stand along a call's life (SPEC section 2). Eve is nobody in them."""

from typing import Any

from tests.support.documents import Special, ago, ahead

ALICE, BOB, EVE = "alice", "bob", "eve"
ID = "Session_of-alice-09"
SESSION = f"webrtc_sessions/{ID}"
SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
SDP_MAX = 65_536

SIDES = {ALICE: "caller", BOB: "callee"}

type Session = dict[str, Any]


def offer(revision: int = 1, side: str = "caller") -> Session:
    return {"type": "offer", "sdp": SDP, "revision": revision, "from": side}


def answer(revision: int = 1, side: str = "callee") -> Session:
    return {"type": "answer", "sdp": SDP, "revision": revision, "from": side}


def hangup(side: str = "caller", reason: str = "hangup", at: object = Special.SERVER_TIME) -> Session:
    return {"by": side, "reason": reason, "at": at}


def new(**more: object) -> Session:
    """As the caller creates it."""
    people = {"caller_id": ALICE, "callee_id": BOB, "media": "video"}
    return people | {"status": "pending", "created_at": Special.SERVER_TIME} | more


def pending(**more: object) -> Session:
    return new(created_at=ago(seconds=1)) | more


def offered(**more: object) -> Session:
    stamped = {"status": "offered", "offered_at": ago(seconds=1), "deadline": ahead(minutes=10), "offer": offer()}
    return pending() | stamped | more


def answered(**more: object) -> Session:
    stamped = {"status": "answered", "answered_at": ago(seconds=1), "accepted": {"offer": 1, "answer": 1}}
    return offered(answer=answer()) | stamped | more


def connected(**more: object) -> Session:
    stamped = {"status": "connected", "connected_at": ago(minutes=6), "ice_state": {"caller": "connected"}}
    return answered() | stamped | {"deadline": ahead(minutes=19)} | more


def ended(**more: object) -> Session:
    return connected() | {"status": "ended", "end_reason": "hangup", "ended_at": ago(seconds=1)} | more


LIVE = {"pending": pending(), "offered": offered(), "answered": answered(), "connected": connected()}
EVERY = LIVE | {"ended": ended()}
