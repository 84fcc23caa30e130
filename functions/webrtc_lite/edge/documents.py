"""Firestore documents <-> the core's records (SPEC 3.1, 3.4): names and forms are those of the wire contract.

Parsing is total. The rules let only well-formed documents through; what only a hand could have written is treated as
absent and named, so that one bad field never stops a call. A session whose essentials cannot be read raises.

No error of this module holds what stands in a document: pydantic's text would quote it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.machine import Actor, Status
from webrtc_lite.core.records import (
    Accepted,
    Description,
    EndReason,
    Hangup,
    HistoryRecord,
    IceState,
    Session,
    SessionError,
)
from webrtc_lite.core.sdp import Agreed, AgreedSection, Party
from webrtc_lite.core.session import Change

# Firestore's own range ends with the year 9999, where adding a lease would overflow. No clock of ours is out here.
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

WRITTEN_BY_THE_SERVER = frozenset(
    {
        "status", "accepted", "deadline", "expires_at", "updated_at", "offered_at", "rung_at", "answered_at",
        "connected_at", "ended_at", "end_reason", "superseded_by", "error",
    }
)  # fmt: skip

UNREADABLE = "session_unreadable"
ENGAGEMENT_KEPT = timedelta(
    days=1
)  # after it a TTL policy may take it: it is missed by nobody who is not just dialling


class UnreadableDocumentError(Exception):
    """A session without readable essentials. `names` are those of the fields, never what stands in them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("unreadable: " + ", ".join(names))
        self.names = names


# --- forms


def _plausible(moment: datetime) -> datetime:
    if not FIRST <= moment < LAST:
        raise ValueError("a moment out of range")
    return moment


def _or_absent(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo[list[str]]) -> object:
    """What cannot be read is absent, and its name is noted."""
    try:
        return handler(value)
    except ValidationError:
        info.context.append(f"{info.field_name}")
        return None


T = TypeVar("T")
Lenient = Annotated[T | None, WrapValidator(_or_absent)]

Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
Uid = Annotated[str, Field(min_length=1)]  # its form is the business of the rules, which count characters their own way
Side = Literal["caller", "callee"]
# Firestore holds the text of an enum: only here does a text count as its member.
IceStateText = Annotated[IceState, Field(strict=False)]
StatusText = Annotated[Status, Field(strict=False)]
EndReasonText = Annotated[EndReason, Field(strict=False)]


class _Document(BaseModel):
    """Strict: a Firestore value has its type. Fields and map keys that are not known here are left alone."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class _DescriptionDocument(_Document):
    sdp: str = Field(repr=False)
    revision: int
    by: Side = Field(alias="from")


class OfferDocument(_DescriptionDocument):
    type: Literal["offer"]

    def record(self) -> Description:
        return Description(self.sdp, self.revision, Actor(self.by))


class AnswerDocument(_DescriptionDocument):
    type: Literal["answer"]
    device_id: Lenient[str] = None

    def record(self) -> Description:
        return Description(self.sdp, self.revision, Actor(self.by), self.device_id)


class IceStateDocument(_Document):
    caller: Lenient[IceStateText] = None
    callee: Lenient[IceStateText] = None


class AliveAtDocument(_Document):
    caller: Lenient[Moment] = None
    callee: Lenient[Moment] = None


class HangupDocument(_Document):
    by: Side
    reason: Literal["hangup", "decline", "cancel", "failed"]
    at: Moment

    def record(self) -> Hangup:
        return Hangup(Actor(self.by), self.reason, self.at)


class AcceptedDocument(_Document):
    offer: int
    answer: int


class ErrorDocument(_Document):
    code: str
    message: str
    field: str
    revision: int


class SessionDocument(_Document):
    """webrtc_sessions/{session_id}: SPEC 3.1."""

    caller_id: Uid
    callee_id: Uid
    status: StatusText
    created_at: Moment

    media: Lenient[Literal["audio", "video"]] = None
    caller_device_id: Lenient[str] = None
    offer: Lenient[OfferDocument] = None
    answer: Lenient[AnswerDocument] = None
    ice_state: Lenient[IceStateDocument] = None
    alive_at: Lenient[AliveAtDocument] = None
    hangup: Lenient[HangupDocument] = None

    accepted: Lenient[AcceptedDocument] = None
    deadline: Lenient[Moment] = None
    expires_at: Lenient[Moment] = None
    updated_at: Lenient[Moment] = None
    offered_at: Lenient[Moment] = None
    rung_at: Lenient[Moment] = None
    answered_at: Lenient[Moment] = None
    connected_at: Lenient[Moment] = None
    ended_at: Lenient[Moment] = None
    end_reason: Lenient[EndReasonText] = None
    superseded_by: Lenient[str] = None
    error: Lenient[ErrorDocument] = None


class RingingDocument(_Document):
    unanswered_s: float = Field(ge=0, le=86_400)
    at: Moment
    session_id: str = Field(min_length=1)


class EngagementDocument(_Document):
    """engagements/uid:{uid}, which only the server reads and writes."""

    ringing: Lenient[RingingDocument] = None


class RungDocument(_Document):
    """What the account of a caller needs of a call."""

    offered_at: Lenient[Moment] = None
    answered_at: Lenient[Moment] = None
    ended_at: Lenient[Moment] = None


class AgreedSectionDocument(_Document):
    kind: str
    mid: str
    live: bool


class PartyDocument(_Document):
    fingerprints: list[str]
    ufrags: list[str]
    pwds: list[str]
    roles: list[str]

    def record(self) -> Party:
        return Party(*(frozenset(values) for values in (self.fingerprints, self.ufrags, self.pwds, self.roles)))


class AgreedDocument(_Document):
    """webrtc_sessions/{session_id}/server/agreed."""

    sections: list[AgreedSectionDocument]
    caller: PartyDocument
    callee: PartyDocument

    def record(self) -> Agreed:
        sections = tuple(AgreedSection(each.kind, each.mid, each.live) for each in self.sections)
        return Agreed(sections, self.caller.record(), self.callee.record())


class RemainsDocument(_Document):
    """What the purge reads of a session, which may be one that nobody else could read."""

    status: Lenient[StatusText] = None
    expires_at: Lenient[Moment] = None


class HistoryDocument(_Document):
    """call_history/{session_id}: SPEC 3.4."""

    participants: list[Uid] = Field(min_length=2, max_length=2)
    caller_id: Uid
    callee_id: Uid
    media: Literal["audio", "video"]
    end_reason: EndReasonText
    created_at: Moment
    answered_at: Moment | None = None
    connected_at: Moment | None = None
    ended_at: Moment
    duration_s: int = Field(ge=0)
    updated_at: Moment
    expires_at: Moment


# --- from Firestore


def session(session_id: str, document: Mapping[str, Any]) -> tuple[Session, tuple[str, ...]]:
    """A session, and the names of the fields that had to be left out of it."""
    ignored: list[str] = []
    try:
        read = SessionDocument.model_validate(document, context=ignored)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        unreadable = tuple(str(detail["loc"][0]) for detail in details)
    else:
        return _record(session_id, read), tuple(ignored)
    raise UnreadableDocumentError(unreadable)  # outside the handler: a chained exception would carry the document along


def _record(session_id: str, read: SessionDocument) -> Session:
    return Session(
        id=session_id,
        caller_id=read.caller_id,
        callee_id=read.callee_id,
        media=read.media or "audio",  # the lesser of the two, where a hand has spoilt it
        status=read.status,
        created_at=read.created_at,
        caller_device_id=read.caller_device_id,
        offer=read.offer.record() if read.offer else None,
        answer=read.answer.record() if read.answer else None,
        ice_state=_by_side(read.ice_state),
        alive_at=_by_side(read.alive_at),
        hangup=read.hangup.record() if read.hangup else None,
        accepted=Accepted(**dict(read.accepted)) if read.accepted else None,
        deadline=read.deadline,
        expires_at=read.expires_at,
        updated_at=read.updated_at,
        offered_at=read.offered_at,
        rung_at=read.rung_at,
        answered_at=read.answered_at,
        connected_at=read.connected_at,
        ended_at=read.ended_at,
        end_reason=read.end_reason,
        superseded_by=read.superseded_by,
        error=SessionError(**dict(read.error)) if read.error else None,
    )


def _by_side(read: IceStateDocument | AliveAtDocument | None) -> dict[Actor, Any]:
    return {Actor(side): value for side, value in read or () if value is not None}


def ringing(engagement: Mapping[str, Any]) -> tuple[Ringing, str] | None:
    """The account of a caller, and the id of the session that is not in it yet; none where there is none to be read."""
    read = EngagementDocument.model_validate(engagement, context=[]).ringing
    return (Ringing(timedelta(seconds=read.unanswered_s), read.at), read.session_id) if read else None


def rung(session_id: str, document: Mapping[str, Any]) -> Session:
    """A session as far as the account of its caller needs it."""
    read = RungDocument.model_validate(document, context=[])
    return replace(
        _traces(session_id, Status.ENDED),
        offered_at=read.offered_at,
        answered_at=read.answered_at,
        ended_at=read.ended_at,
    )


def remains(session_id: str, document: Mapping[str, Any]) -> Session | None:
    """A session as far as its purge needs it: how it stands, and until when it is kept. None lives, or may."""
    read = RemainsDocument.model_validate(
        {name: document.get(name) for name in RemainsDocument.model_fields}, context=[]
    )
    if read.status is None:
        return None
    return replace(_traces(session_id, read.status), expires_at=read.expires_at)


def _traces(session_id: str, status: Status) -> Session:
    """A session of which nobody asks for more."""
    return Session(session_id, "", "", "", status, FIRST)


def agreed(document: Mapping[str, Any]) -> Agreed | None:
    """What was agreed; nothing where only a hand can have spoilt it, and a re-offer is then judged by itself."""
    try:
        return AgreedDocument.model_validate(document).record()
    except ValidationError:
        return None


# --- to Firestore


def update(change: Change) -> dict[str, Any]:
    """The fields that differ and no other; a map is written whole. None stands for a field that is no longer there."""
    foreign = change.names - WRITTEN_BY_THE_SERVER
    if foreign:
        raise ValueError(f"not the server's to write: {', '.join(sorted(foreign))}")
    return {name: _value(getattr(change.after, name)) for name in sorted(change.names)}


def agreed_document(agreed: Agreed) -> dict[str, Any]:
    """What was agreed, beside its session: by the server only, and read by nobody else."""
    return {
        "sections": [_value(section) for section in agreed.sections],
        "caller": _party_document(agreed.caller),
        "callee": _party_document(agreed.callee),
    }


def _party_document(party: Party) -> dict[str, list[str]]:
    return {each.name: sorted(getattr(party, each.name)) for each in fields(party)}


def history(record: HistoryRecord) -> dict[str, Any]:
    stated = {each.name: _value(getattr(record, each.name)) for each in fields(record) if each.name != "session_id"}
    present = {name: value for name, value in stated.items() if value is not None}
    return {"participants": [record.caller_id, record.callee_id], **present}


def engagement(session_id: str, now: datetime) -> dict[str, Any]:
    """Which call a person was last let into, for the operator; what counts is that it was written, and when."""
    return {"session_id": session_id, "updated_at": now, "expires_at": now + ENGAGEMENT_KEPT}


def account(session_id: str, ringing: Ringing) -> dict[str, Any]:
    """Of a caller, in the same document."""
    unanswered_s = ringing.unanswered.total_seconds()
    return {"ringing": {"unanswered_s": unanswered_s, "at": ringing.at, "session_id": session_id}}


def end_of_unreadable(names: tuple[str, ...], now: datetime, kept: timedelta) -> dict[str, Any]:
    """The end of a session that no rule would have let through: out of the sweeper's sight, and due for the purge."""
    return {
        "status": Status.ENDED.value,
        "end_reason": EndReason.EXPIRED.value,
        "ended_at": now,
        "updated_at": now,
        "expires_at": now + kept,
        "error": {
            "code": UNREADABLE,
            "message": f"The server cannot read this session: {', '.join(names)}.",
            "field": names[0],
            "revision": 0,
        },
    }


def _value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _value(getattr(value, each.name)) for each in fields(value)}
    return value
