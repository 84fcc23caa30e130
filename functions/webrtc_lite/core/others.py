"""What a call and the other calls of its two people are to each other (SPEC section 2): glare, superseding, engaged.

Each question is about two sessions as they would stand if they were settled now. One that is pending without an offer
is nothing to anybody: it makes no busy and meets none.
"""

from collections.abc import Iterable
from datetime import datetime

from webrtc_lite.core.machine import Status
from webrtc_lite.core.records import Session

ENGAGING = frozenset({Status.OFFERED, Status.ANSWERED, Status.CONNECTED})  # it rings, or its two talk


def supersedes(new: Session, old: Session) -> bool:
    """Whether the older call ends because of the newer one: of the same two, or by a device that was in the older one.

    A device that answered can start anew only after it did. What the callee dialled before that is glare, or busy.
    """
    if new.caller_id == old.caller_id:
        by_its_device = _is_same(new.caller_device_id, old.caller_device_id)
        return _age(new) > _age(old) and (new.callee_id == old.callee_id or by_its_device)
    if new.caller_id == old.callee_id and old.answered_at is not None and old.answered_at < new.created_at:
        by_its_device = old.answer is not None and _is_same(new.caller_device_id, old.answer.device_id)
        return new.callee_id == old.caller_id or by_its_device
    return False


def survivor_of_glare(session: Session, others: Iterable[Session]) -> Session | None:
    """The call in the other direction in whose favour this pending one ends: one that rings already, or the newest."""
    living = [other for other in others if _loses_to(session, other)]
    return max(living, key=lambda other: (other.status in ENGAGING, *_age(other)), default=None)


def successor(session: Session, others: Iterable[Session]) -> Session | None:
    """The newest of the calls that supersede this pending one."""
    return max((other for other in others if supersedes(other, session)), key=_age, default=None)


def is_engaged(session: Session, others: Iterable[Session]) -> bool:
    """Whether one of the two is in a call that this one does not supersede."""
    return any(
        other.status in ENGAGING and _share_a_person(session, other) and not supersedes(session, other)
        for other in others
    )


def _loses_to(session: Session, other: Session) -> bool:
    """One that is past pending lives; of two that are pending, the older one does."""
    if (session.caller_id, session.callee_id) != (other.callee_id, other.caller_id):
        return False
    if other.status is Status.PENDING:
        return _age(session) > _age(other)
    return other.status in ENGAGING and not supersedes(session, other)


def _share_a_person(session: Session, other: Session) -> bool:
    return not {session.caller_id, session.callee_id}.isdisjoint({other.caller_id, other.callee_id})


def _is_same(device_id: str | None, other: str | None) -> bool:
    """A device without an id is no device that anybody knows again."""
    return device_id is not None and device_id == other


def _age(session: Session) -> tuple[datetime, str]:
    """Every session has its place before or after any other."""
    return session.created_at, session.id
