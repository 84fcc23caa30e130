"""firestore.rules a second time, as predicates: what a side may write into a session as it stands (SPEC 2 and 3.1).

A statement beside the real one, to be read against it. test_rules.py holds the two together: for hundreds of pairs of a
session and a write the emulator, with the real rules, has to say what `allows` says.

Only what a well-formed write depends on stands here. Malformed ones (types, sizes, foreign keys) are the business of
tests/rules: none of them gets through, so none of them makes a state.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.model.moments import altered
from webrtc_lite.core.machine import CALLEE, Actor, Status
from webrtc_lite.core.records import Description, Hangup, IceState, Session

KEPT_ALIVE_APART = timedelta(minutes=5)
REVISIONS_MAX = 1000
DECLINE, CANCEL, HANGUP, FAILED = "decline", "cancel", "hangup", "failed"

TALKING = frozenset({Status.ANSWERED, Status.CONNECTED})


@dataclass(frozen=True)
class Offer:
    side: Actor
    revision: int
    sdp: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    side: Actor
    revision: int
    sdp: str = field(repr=False)
    device_id: str | None = None


@dataclass(frozen=True)
class Report:
    side: Actor
    state: IceState


@dataclass(frozen=True)
class KeepAlive:
    side: Actor


@dataclass(frozen=True)
class HangUp:
    side: Actor
    reason: str


type Write = Offer | Answer | Report | KeepAlive | HangUp


def said(session: Session, write: Write, now: datetime) -> Session:
    """The session with this written into it, allowed or not."""
    match write:
        case Offer():
            return altered(session, offer=Description(write.sdp, write.revision, write.side))
        case Answer():
            return altered(session, answer=Description(write.sdp, write.revision, write.side, write.device_id))
        case Report():
            return altered(session, ice_state={**session.ice_state, write.side: write.state})
        case KeepAlive():
            return altered(session, alive_at={**session.alive_at, write.side: now})
        case HangUp():
            return altered(session, hangup=Hangup(write.side, write.reason, now))


def allows(session: Session, write: Write, now: datetime) -> bool:
    return is_live(session) and (_may(session, write, now) or _says_again(session, write))


def is_live(session: Session) -> bool:
    return session.status is not Status.ENDED and session.hangup is None


def _says_again(session: Session, write: Write) -> bool:
    """What stands already: nothing is touched. A server timestamp is never the same."""
    match write:
        case Offer():
            return session.offer == Description(write.sdp, write.revision, write.side)
        case Answer():
            return session.answer == Description(write.sdp, write.revision, write.side, write.device_id)
        case Report():
            return session.ice_state.get(write.side) is write.state
        case _:
            return False


def _may(session: Session, write: Write, now: datetime) -> bool:
    match write:
        case Offer():
            return _offers(session, write)
        case Answer():
            return _answers(session, write, now)
        case Report():
            return session.answer is not None
        case KeepAlive():
            was = session.alive_at.get(write.side)
            return session.status is Status.CONNECTED and (was is None or was + KEPT_ALIVE_APART <= now)
        case HangUp():
            stops_ringing = DECLINE if write.side is CALLEE else CANCEL
            return write.reason in {HANGUP, FAILED} or (write.reason == stops_ringing and session.answer is None)


def _offers(session: Session, write: Offer) -> bool:
    stored, accepted, error = session.offer, session.accepted, session.error
    if stored is None:
        return write.side is not CALLEE and write.revision == 1 and session.status is Status.PENDING
    if session.status not in TALKING or write.revision != stored.revision + 1 or stored.revision >= REVISIONS_MAX:
        return False
    nothing_in_flight = accepted is not None and accepted.answer == stored.revision
    refused = error is not None and error.revision == stored.revision
    return nothing_in_flight or stored.by is write.side or refused


def _answers(session: Session, write: Answer, now: datetime) -> bool:
    offer, answer = session.offer, session.answer
    if offer is None or write.revision != offer.revision or write.side is offer.by:
        return False
    if answer is not None:
        return answer.revision != offer.revision
    return session.status is Status.OFFERED and session.deadline is not None and now < session.deadline
