"""Calls for the tests of the core, told in seconds after noon."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from webrtc_lite.core.deadlines import Durations
from webrtc_lite.core.machine import CALLEE, CALLER, Actor, Status
from webrtc_lite.core.records import Accepted, Description, Hangup, IceState, Session
from webrtc_lite.core.session import settle

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
USUAL = Durations()

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
    f"a=fingerprint:{FINGERPRINT}\r\na=setup:%s\r\na=mid:0\r\na=sctp-port:5000\r\n"
)
OFFER_SDP, ANSWER_SDP = SDP % "actpass", SDP % "active"
BAD_SDP = "v=0\r\n"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def offer(revision: int = 1, by: Actor = CALLER, sdp: str = OFFER_SDP) -> Description:
    return Description(sdp, revision, by)


def answer(revision: int = 1, by: Actor = CALLEE, sdp: str = ANSWER_SDP) -> Description:
    return Description(sdp, revision, by, device_id="phone")


def hangup(by: Actor, seconds: float, reason: str = "hangup") -> Hangup:
    return Hangup(by, reason, at(seconds))


PENDING = Session(
    id="0123456789abcdef", caller_id="alice", callee_id="bob", media="audio", status=Status.PENDING, created_at=NOON
)
DIALLED = replace(PENDING, offer=offer())
OFFERED = replace(DIALLED, status=Status.OFFERED, offered_at=at(1), deadline=at(31), updated_at=at(1))
PICKED_UP = replace(OFFERED, answer=answer())
ANSWERED = replace(
    PICKED_UP, status=Status.ANSWERED, answered_at=at(5), deadline=at(35), accepted=Accepted(1, 1), updated_at=at(5)
)
CONNECTED = replace(
    ANSWERED,
    status=Status.CONNECTED,
    ice_state={CALLER: IceState.CONNECTED},
    connected_at=at(6),
    deadline=at(6 + 900),
    updated_at=at(6),
)
LIVE = {session.status: session for session in (DIALLED, OFFERED, ANSWERED, CONNECTED)}


def settled(session: Session, seconds: float) -> Session:
    """The session after settling, which is the session itself where nothing is due."""
    change = settle(session, (), at(seconds), USUAL)
    return change.after if change else session
