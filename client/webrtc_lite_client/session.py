"""A session as its participants read it (SPEC 3.1), and what follows from it for one side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

type Side = Literal["caller", "callee"]
type Reason = Literal["hangup", "decline", "cancel", "failed"]
type IceState = Literal["connected", "disconnected", "failed"]

LIVE = ("pending", "offered", "answered", "connected")
STATUSES = (*LIVE, "ended")
RING_S, RING_S_MOST = (
    30.0,
    120.0,
)  # SPEC section 2, where the server's stamps are missing; and no longer, whatever they say


@dataclass(frozen=True)
class Description:
    sdp: str
    revision: int
    side: Side
    device_id: str | None = None

    @classmethod
    def parse(cls, fields: Mapping[str, Any] | None) -> Self | None:
        if not fields:
            return None
        return cls(fields["sdp"], fields["revision"], fields["from"], fields.get("device_id"))


@dataclass(frozen=True)
class Session:
    session_id: str
    status: str
    caller_id: str = ""
    callee_id: str = ""
    caller_device_id: str | None = None
    offer: Description | None = None
    answer: Description | None = None
    accepted_answer: int | None = None
    hung_up_by: Side | None = None
    hangup_reason: str | None = None
    end_reason: str | None = None
    superseded_by: str | None = None
    error: str = ""  # its code and its sentence
    error_revision: int | None = None
    stamps: Mapping[str, datetime] | None = None

    @classmethod
    def parse(cls, session_id: str, fields: Mapping[str, Any]) -> Self:
        error, hangup = fields.get("error") or {}, fields.get("hangup") or {}
        return cls(
            session_id=session_id,
            status=fields["status"],
            caller_id=fields["caller_id"],
            callee_id=fields["callee_id"],
            caller_device_id=fields.get("caller_device_id"),
            offer=Description.parse(fields.get("offer")),
            answer=Description.parse(fields.get("answer")),
            accepted_answer=(fields.get("accepted") or {}).get("answer"),
            hung_up_by=hangup.get("by"),
            hangup_reason=hangup.get("reason"),
            end_reason=fields.get("end_reason"),
            superseded_by=fields.get("superseded_by"),
            error=", ".join(str(error[name]) for name in ("code", "message") if name in error),
            error_revision=error.get("revision"),
            stamps={name: value for name, value in fields.items() if isinstance(value, datetime)},
        )

    @property
    def is_refused(self) -> bool:
        """The server has refused a description of the round that stands."""
        return self.offer is not None and self.error_revision == self.offer.revision

    @property
    def end(self) -> str:
        """Why it ended, in words."""
        return ", ".join(each for each in (self.end_reason, self.error) if each)

    def stamp(self, name: str) -> datetime | None:
        return (self.stamps or {}).get(name)


def other(side: Side) -> Side:
    return "callee" if side == "caller" else "caller"


def how_it_ended(session: Session, side: Side) -> str | None:
    """What the server says, else what the other side's hangup will make of it (SPEC section 2)."""
    if session.status == "ended":
        return session.end_reason or "expired"
    if session.hung_up_by != other(side):
        return None
    if session.answer is not None:
        return "failed" if session.hangup_reason == "failed" else "hangup"
    return "cancelled" if session.hung_up_by == "caller" else "declined"


def ring_s(session: Session) -> float:
    """How long to ring, from the moment the ring arrives.

    Both stamps are the server's: a machine whose clock is a day wrong rings as long as any other.
    """
    offered_at, deadline = session.stamp("offered_at"), session.stamp("deadline")
    if offered_at is None or deadline is None:
        return RING_S
    return min(max((deadline - offered_at).total_seconds(), 0.0), RING_S_MOST)


def own_device(session: Session, uid: str) -> str | None:
    """The device that this user is in the session with, as far as the session says."""
    if session.caller_id == uid:
        return session.caller_device_id
    return session.answer.device_id if session.answer else None


def orphans(sessions: Iterable[Session], uid: str, device_id: str) -> list[tuple[Session, Side, Reason]]:
    """The live calls that this device was in when it crashed: to be hung up at its next start, and how.

    Until then they engage their user for up to one lease. What another device of the same user is in goes on.
    """
    mine = [each for each in sessions if own_device(each, uid) == device_id and not each.hung_up_by]
    sides: list[tuple[Session, Side]] = [(each, "caller" if each.caller_id == uid else "callee") for each in mine]
    return [(each, side, "hangup" if each.answer or side == "callee" else "cancel") for each, side in sides]
