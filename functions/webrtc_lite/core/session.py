"""settle: from what the participants said, where the call stands (SPEC sections 1 and 2).

One pure function that the trigger, the sweeper and the tests all run. It looks at a session as it is now and takes
every step that is due, so late, doubled, reordered and lost events end in the same place, and a settled session
settles to nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from webrtc_lite.core import sdp
from webrtc_lite.core.deadlines import Durations, due, leased_until
from webrtc_lite.core.machine import CALLEE, CALLER, SERVER, Event, Status, advance
from webrtc_lite.core.records import (
    Accepted,
    Description,
    EndReason,
    HistoryRecord,
    IceState,
    Session,
    SessionError,
)

SIDES = (CALLER, CALLEE)
OFFER, ANSWER = "offer.sdp", "answer.sdp"  # as `error.field` names them

WHEN_OVERDUE = {
    Status.PENDING: EndReason.EXPIRED,
    Status.OFFERED: EndReason.MISSED,
    Status.ANSWERED: EndReason.FAILED,
    Status.CONNECTED: EndReason.EXPIRED,
}


@dataclass(frozen=True)
class Change:
    """A session before and after, and what goes into the history if it ended."""

    before: Session
    after: Session
    history: HistoryRecord | None

    @property
    def names(self) -> frozenset[str]:
        """The fields that differ: all that is written."""
        return frozenset(
            each.name for each in fields(Session) if getattr(self.before, each.name) != getattr(self.after, each.name)
        )


def settle(session: Session, now: datetime, durations: Durations) -> Change | None:
    """Every step that is due, to a fixed point; nothing where none is."""
    after = session
    while (step := _next(after, now, durations)) is not None:
        after = step
    if after is session:
        return None
    after = replace(after, updated_at=now)
    history = _history(after, after.end_reason, now, durations) if after.end_reason else None
    return Change(session, after, history)


def _next(session: Session, now: datetime, durations: Durations) -> Session | None:
    steps = (step(session, now, durations) for step in JUDGED_IN_ORDER[session.status])
    return next((after for after in steps if after is not None), None)


def _hung_up(session: Session, now: datetime, durations: Durations) -> Session | None:
    """A hangup written before the deadline. Without an answer it counts who hung up; with one, whether it failed."""
    hangup = session.hangup
    if hangup is None or hangup.at >= due(session, durations):
        return None
    if session.answer is None:
        reason = EndReason.CANCELLED if hangup.by is CALLER else EndReason.DECLINED
    else:
        reason = EndReason.FAILED if hangup.reason == EndReason.FAILED else EndReason.HANGUP
    return _ended(session, advance(session.status, hangup.by, Event.HANG_UP), reason, now, durations)


def _overdue(session: Session, now: datetime, durations: Durations) -> Session | None:
    if now < due(session, durations):
        return None
    status = advance(session.status, SERVER, Event.EXPIRE)
    return _ended(session, status, WHEN_OVERDUE[session.status], now, durations)


def _offered(session: Session, now: datetime, durations: Durations) -> Session | None:
    offer = session.offer
    if offer is None:
        return None
    problems = sdp.offer_problems(offer.sdp)
    if problems:
        refused = replace(session, error=_error(OFFER, offer, problems))
        status = advance(session.status, SERVER, Event.REFUSE)
        return _ended(refused, status, EndReason.INVALID_OFFER, now, durations)
    status = advance(session.status, CALLER, Event.OFFER)
    return replace(session, status=status, offered_at=now, deadline=now + durations.ring)


def _answered(session: Session, now: datetime, durations: Durations) -> Session | None:
    """The rules refuse a first answer after the deadline, or after a hangup: one that stands came before them."""
    offer, answer = session.offer, _standing_answer(session)
    if offer is None or answer is None or sdp.answer_problems(answer.sdp, offer.sdp):
        return None
    status = advance(session.status, CALLEE, Event.ANSWER)
    accepted = Accepted(offer=offer.revision, answer=answer.revision)
    return replace(session, status=status, answered_at=now, deadline=now + durations.connect, accepted=accepted)


def _answer_refused(session: Session, now: datetime, durations: Durations) -> Session | None:
    """What stands where an answer should, and is none: judged after _answered."""
    offer, answer = session.offer, _standing_answer(session)
    if offer is None or answer is None:
        return None
    refused = replace(session, error=_error(ANSWER, answer, sdp.answer_problems(answer.sdp, offer.sdp)))
    status = advance(session.status, SERVER, Event.REFUSE)
    return _ended(refused, status, EndReason.INVALID_ANSWER, now, durations)


def _connected(session: Session, now: datetime, _durations: Durations) -> Session | None:
    """Who reports ICE connected is connected, whenever the server hears of it."""
    side = next((side for side in SIDES if session.ice_state.get(side) is IceState.CONNECTED), None)
    if side is None:
        return None
    status = advance(session.status, side, Event.CONNECT)
    return replace(session, status=status, connected_at=now)  # its deadline is the lease, which is the next step


def _failed(session: Session, now: datetime, durations: Durations) -> Session | None:
    """One side may still come back; two that gave up will not."""
    if any(session.ice_state.get(side) is not IceState.FAILED for side in SIDES):
        return None
    return _ended(session, advance(session.status, SERVER, Event.FAIL), EndReason.FAILED, now, durations)


def _leased(session: Session, _now: datetime, durations: Durations) -> Session | None:
    """A deadline only ever moves on."""
    until = leased_until(session, durations)
    if session.deadline is not None and until <= session.deadline:
        return None
    return replace(session, deadline=until)


def _reoffered(session: Session, _now: datetime, _durations: Durations) -> Session | None:
    """A re-offer is accepted or reported, once; the call goes on as it was either way."""
    accepted, offer = session.accepted, session.offer
    if accepted is None or offer is None or offer.revision <= accepted.offer or _is_reported(session, OFFER, offer):
        return None
    problems = sdp.offer_problems(offer.sdp)
    if problems:
        return replace(session, error=_error(OFFER, offer, problems))
    return replace(session, accepted=replace(accepted, offer=offer.revision))


def _reanswered(session: Session, _now: datetime, _durations: Durations) -> Session | None:
    """Likewise its answer; one to a re-offer that was not accepted is one to nothing."""
    accepted, offer, answer = session.accepted, session.offer, _standing_answer(session)
    if accepted is None or offer is None or answer is None or _is_reported(session, ANSWER, answer):
        return None
    if not accepted.answer < answer.revision <= accepted.offer:
        return None
    problems = sdp.answer_problems(answer.sdp, offer.sdp)
    if problems:
        return replace(session, error=_error(ANSWER, answer, problems))
    return replace(session, accepted=replace(accepted, answer=answer.revision))


def _standing_answer(session: Session) -> Description | None:
    """The answer, unless it is one to nothing: of another revision, or by the side that offers."""
    offer, answer = session.offer, session.answer
    if offer is None or answer is None or answer.revision != offer.revision or answer.by is offer.by:
        return None
    return answer


def _error(field: str, description: Description, problems: tuple[sdp.Problem, ...]) -> SessionError:
    """The first defect, in the words that the developer of the app reads."""
    return SessionError(problems[0].code, problems[0].message, field, description.revision)


def _is_reported(session: Session, field: str, description: Description) -> bool:
    error = session.error
    return error is not None and (error.field, error.revision) == (field, description.revision)


def _ended(session: Session, status: Status, reason: EndReason, now: datetime, durations: Durations) -> Session:
    return replace(session, status=status, ended_at=now, end_reason=reason, expires_at=now + durations.session_kept)


def _history(session: Session, reason: EndReason, now: datetime, durations: Durations) -> HistoryRecord:
    """The record of a session that has just ended."""
    connected_at = session.connected_at
    return HistoryRecord(
        session_id=session.id,
        caller_id=session.caller_id,
        callee_id=session.callee_id,
        media=session.media,
        end_reason=reason,
        created_at=session.created_at,
        answered_at=session.answered_at,
        connected_at=connected_at,
        ended_at=now,
        duration_s=max(0, int((now - connected_at).total_seconds()))
        if connected_at
        else 0,  # clocks of instances differ
        updated_at=now,
        expires_at=now + durations.history_kept,
    )


type Step = Callable[[Session, datetime, Durations], Session | None]

# SPEC section 2: a hangup written before the deadline; an answer written in time; the deadline; an invalid offer. What
# was reached before a hangup is taken first: the end is the same, and the history tells that the call was answered.
JUDGED_IN_ORDER: Mapping[Status, tuple[Step, ...]] = {
    Status.PENDING: (_hung_up, _overdue, _offered),
    Status.OFFERED: (_answered, _hung_up, _answer_refused, _overdue),
    Status.ANSWERED: (_connected, _hung_up, _overdue, _reoffered, _reanswered),
    Status.CONNECTED: (_hung_up, _failed, _overdue, _leased, _reoffered, _reanswered),
    Status.ENDED: (),
}
