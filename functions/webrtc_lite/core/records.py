"""A call as its document tells it: what the two sides said, and where it stands (SPEC 3.1, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from webrtc_lite.core.machine import Actor, Status

if TYPE_CHECKING:  # who judges no description is spared what judges them
    from webrtc_lite.core.sdp import Agreed


class EndReason(StrEnum):
    """Every end of the wire contract."""

    HANGUP = "hangup"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    BUSY = "busy"
    MISSED = "missed"
    GLARE = "glare"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    INVALID_OFFER = "invalid_offer"
    INVALID_ANSWER = "invalid_answer"
    EXPIRED = "expired"


class IceState(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"  # reconnecting
    FAILED = "failed"  # gave up after all attempts


@dataclass(frozen=True)
class Description:
    """An offer or an answer: the text as it came, and which round of the negotiation it belongs to."""

    sdp: str = field(repr=False)
    revision: int
    by: Actor  # `from` on the wire
    device_id: str | None = None


@dataclass(frozen=True)
class Hangup:
    by: Actor
    reason: str
    at: datetime


@dataclass(frozen=True)
class Accepted:
    """The newest revisions that passed the check."""

    offer: int
    answer: int


@dataclass(frozen=True)
class SessionError:
    """Why a description was refused, for the developer of the app that wrote it."""

    code: str
    message: str
    field: str
    revision: int


@dataclass(frozen=True)
class Session:
    """One call. Field names are those of the document, so that a change is a comparison of two sessions."""

    id: str
    caller_id: str
    callee_id: str
    media: str
    status: Status
    created_at: datetime
    caller_device_id: str | None = None
    offer: Description | None = None
    answer: Description | None = None
    ice_state: Mapping[Actor, IceState] = field(default_factory=dict)
    alive_at: Mapping[Actor, datetime] = field(default_factory=dict)
    hangup: Hangup | None = None

    # By the server only.
    accepted: Accepted | None = None
    deadline: datetime | None = None
    expires_at: datetime | None = None
    updated_at: datetime | None = None
    offered_at: datetime | None = None
    rung_at: datetime | None = None
    answered_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    superseded_by: str | None = None
    error: SessionError | None = None

    # Not of the document, but kept beside it, and read where a re-offer waits for its check.
    agreed: Agreed | None = field(default=None, compare=False)


@dataclass(frozen=True)
class HistoryRecord:
    """What stays of a call (SPEC 3.4)."""

    session_id: str
    caller_id: str
    callee_id: str
    media: str
    end_reason: EndReason
    created_at: datetime
    answered_at: datetime | None
    connected_at: datetime | None
    ended_at: datetime
    duration_s: int
    updated_at: datetime
    expires_at: datetime
