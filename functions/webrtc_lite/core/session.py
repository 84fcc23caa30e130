"""settle: from what the participants said, where the call stands (SPEC sections 1 and 2).

One pure function that the trigger, the sweeper and the tests all run. It looks at a session as it is now and takes
every step that is due, so late, doubled, reordered and lost events end in the same place, and a settled session
settles to nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from webrtc_lite.core import allowance, sdp
from webrtc_lite.core import others as company
from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.deadlines import Durations, due, leased_until
from webrtc_lite.core.machine import CALLEE, CALLER, SERVER, TERMINAL, Actor, Event, Status, advance
from webrtc_lite.core.records import (
    Accepted,
    Description,
    EndReason,
    HistoryRecord,
    IceState,
    Session,
    SessionError,
)
from webrtc_lite.core.summary import Summary, summarize

SIDES = (CALLER, CALLEE)
OFFER, ANSWER = "offer.sdp", "answer.sdp"  # as `error.field` names them

RUNG_OUT = (
    "caller_rung_out",
    "This caller has let others ring unanswered for too long: nobody is rung, and calls go through again in a while.",
    "caller_id",
)

WHEN_OVERDUE = {
    Status.PENDING: EndReason.EXPIRED,
    Status.OFFERED: EndReason.MISSED,
    Status.ANSWERED: EndReason.FAILED,
    Status.CONNECTED: EndReason.EXPIRED,
}


@dataclass(frozen=True)
class Change:
    """A session before and after, and what goes into the history if it ended; all of it is one commit."""

    before: Session
    after: Session
    history: HistoryRecord | None
    others: tuple["Change", ...] = ()  # the ends of others that this one relies on
    ringing: Ringing | None = None  # the caller's account, where it rings
    warnings: tuple[sdp.Problem, ...] = ()  # on what was accepted, of the checks that only warn

    @property
    def negotiated(self) -> Summary | None:
        """What an answer that was accepted in this change agreed on."""
        offer, answer = self.after.offer, self.after.answer
        if offer is None or answer is None or _revisions(self.after)[1] == _revisions(self.before)[1]:
            return None
        return summarize(offer.sdp, answer.sdp)

    @property
    def rings(self) -> bool:
        """From here on the two are engaged: no other call of theirs may have come to ring meanwhile."""
        return self.before.status is Status.PENDING and self.after.status in company.ENGAGING

    @property
    def names(self) -> frozenset[str]:
        """The fields of the document that differ: all that is written to it."""
        return frozenset(
            each.name
            for each in fields(Session)
            if each.compare and getattr(self.before, each.name) != getattr(self.after, each.name)
        )


@dataclass(frozen=True)
class Scene:
    """What a session is judged by beside itself."""

    now: datetime
    durations: Durations
    others: tuple[Session, ...] = ()  # as they would stand if they were settled now
    unanswered: timedelta = timedelta()  # what the caller has let ring lately


def settle(
    session: Session, others: Iterable[Session], now: datetime, durations: Durations, ringing: Ringing | None = None
) -> Change | None:
    """Every step that is due, to a fixed point; nothing where none is.

    `others` are live sessions of the same two people, `ringing` is the caller's account. Only a call that is about to
    ring meets them: who does not know them yet settles without, and looks for them if the change `rings`.
    """
    others = [other for other in others if other.id != session.id and not _is_only_announced(other)]
    met = [(other, _as_met(other, now, durations)) for other in others]
    unanswered = allowance.by(now, ringing, durations)
    scene = Scene(now, durations, tuple(stands for _, stands in met if stands.status not in TERMINAL), unanswered)
    after = _fixed_point(session, scene)
    if after is session:
        return None
    change = _change(session, after, scene)
    if not (change.rings or after.end_reason is EndReason.BUSY):
        return change
    account = Ringing(unanswered, now, last=change.after) if change.rings else None
    return replace(change, others=tuple(_ends(met, after, scene)), ringing=account)


def _is_only_announced(session: Session) -> bool:
    """Without an offer it makes nobody engaged, meets nobody, and may never become a call."""
    return session.status is Status.PENDING and session.offer is None


def _as_met(other: Session, now: datetime, durations: Durations) -> Session:
    """As it would stand if it were settled now. Whether a pending one rings is its own matter, with its own others."""
    stands = _fixed_point(other, Scene(now, durations))
    return other if other.status is Status.PENDING and stands.status not in TERMINAL else stands


def _ends(met: Iterable[tuple[Session, Session]], session: Session, scene: Scene) -> Iterator[Change]:
    """The calls that are over because of this one, and those that this one found to be over."""
    for other, stands in met:
        if stands.status in TERMINAL:
            yield _change(other, stands, scene)
        elif company.supersedes(session, stands):
            yield _change(other, _superseded_by(session, stands, scene), scene)


def _fixed_point(session: Session, scene: Scene) -> Session:
    while (after := _next(session, scene)) is not None:
        session = after
    return session


def _next(session: Session, scene: Scene) -> Session | None:
    steps = (step(session, scene) for step in JUDGED_IN_ORDER[session.status])
    return next((after for after in steps if after is not None), None)


def _change(before: Session, after: Session, scene: Scene) -> Change:
    after = replace(after, updated_at=scene.now)
    history = _history(after, after.end_reason, scene) if after.end_reason else None
    return Change(before, after, history, warnings=_let_pass(before, after, scene) if scene.durations.warn_only else ())


def waits_for_its_check(session: Session) -> bool:
    """Whether there is a re-offer, which is checked against what was agreed before."""
    accepted, offer = session.accepted, session.offer
    if accepted is None or offer is None or session.status in TERMINAL:
        return False
    return offer.revision > accepted.offer and not _is_reported(session, OFFER, offer)


def _revisions(session: Session) -> tuple[int, int]:
    return (session.accepted.offer, session.accepted.answer) if session.accepted else (0, 0)


def _let_pass(before: Session, after: Session, scene: Scene) -> tuple[sdp.Problem, ...]:
    """What the checks that only warn have to say of the descriptions that were accepted in this change."""
    warn_only = scene.durations.warn_only
    offer, answer = after.offer, after.answer
    found: tuple[sdp.Problem, ...] = ()
    if offer and after.offered_at != before.offered_at:
        found += sdp.offer_verdict(offer.sdp, media=after.media, warn_only=warn_only).warnings
    if offer and before.accepted and _revisions(after)[0] > before.accepted.offer:
        found += sdp.reoffer_verdict(offer.sdp, before.agreed, offer.by, warn_only=warn_only).warnings
    if offer and answer and _revisions(after)[1] > _revisions(before)[1]:
        found += sdp.answer_verdict(answer.sdp, offer.sdp, warn_only=warn_only).warnings
    return found


def _hung_up(session: Session, scene: Scene) -> Session | None:
    """A hangup written before the deadline. Without an answer it counts who hung up; with one, whether it failed."""
    hangup = session.hangup
    if hangup is None or hangup.at >= due(session, scene.durations):
        return None
    if session.answer is None:
        reason = EndReason.CANCELLED if hangup.by is CALLER else EndReason.DECLINED
    else:
        reason = EndReason.FAILED if hangup.reason == EndReason.FAILED else EndReason.HANGUP
    return _ended(session, Event.HANG_UP, reason, scene, by=hangup.by)


def _overdue(session: Session, scene: Scene) -> Session | None:
    if scene.now < due(session, scene.durations):
        return None
    return _ended(session, Event.EXPIRE, WHEN_OVERDUE[session.status], scene)


def _offer_refused(session: Session, scene: Scene) -> Session | None:
    if session.offer is None:
        return None
    warn_only = scene.durations.warn_only
    problems = sdp.offer_problems(session.offer.sdp, media=session.media, warn_only=warn_only)
    if not problems:
        return None
    refused = replace(session, error=_error(OFFER, session.offer, problems))
    return _ended(refused, Event.REFUSE, EndReason.INVALID_OFFER, scene)


def _glared(session: Session, scene: Scene) -> Session | None:
    survivor = company.survivor_of_glare(session, scene.others) if session.offer else None
    if survivor is None:
        return None
    lost = replace(session, superseded_by=survivor.id)
    return _ended(lost, Event.GLARE, EndReason.GLARE, scene)


def _superseded(session: Session, scene: Scene) -> Session | None:
    """Its caller started anew before the server saw this one."""
    successor = company.successor(session, scene.others) if session.offer else None
    return _superseded_by(successor, session, scene) if successor else None


def _busy(session: Session, scene: Scene) -> Session | None:
    if session.offer is None or not company.is_engaged(session, scene.others):
        return None
    return _ended(session, Event.BUSY, EndReason.BUSY, scene)


def _rung_out(session: Session, scene: Scene) -> Session | None:
    """Nobody is rung, so to the caller it is as if nobody were free."""
    if session.offer is None or allowance.is_left(scene.unanswered, scene.durations):
        return None
    refused = replace(session, error=SessionError(*RUNG_OUT, revision=session.offer.revision))
    return _ended(refused, Event.BUSY, EndReason.BUSY, scene)


def _offered(session: Session, scene: Scene) -> Session | None:
    """Whatever speaks against it has been asked before: the two are free, and the offer is valid."""
    if session.offer is None:
        return None
    status = advance(session.status, CALLER, Event.OFFER)
    return replace(session, status=status, offered_at=scene.now, deadline=scene.now + scene.durations.ring)


def _answered(session: Session, scene: Scene) -> Session | None:
    """The rules refuse a first answer after the deadline, or after a hangup: one that stands came before them."""
    offer, answer = session.offer, _standing_answer(session)
    if offer is None or answer is None or _answer_problems(answer, offer, scene):
        return None
    return replace(
        session,
        status=advance(session.status, CALLEE, Event.ANSWER),
        answered_at=scene.now,
        deadline=scene.now + scene.durations.connect,
        accepted=Accepted(offer=offer.revision, answer=answer.revision),
        agreed=sdp.agree(offer.sdp, offer.by, answer.sdp),
    )


def _answer_refused(session: Session, scene: Scene) -> Session | None:
    """What stands where an answer should, and is none: judged after _answered."""
    offer, answer = session.offer, _standing_answer(session)
    if offer is None or answer is None:
        return None
    refused = replace(session, error=_error(ANSWER, answer, _answer_problems(answer, offer, scene)))
    return _ended(refused, Event.REFUSE, EndReason.INVALID_ANSWER, scene)


def _connected(session: Session, scene: Scene) -> Session | None:
    """Who reports ICE connected is connected, whenever the server hears of it."""
    side = next((side for side in SIDES if session.ice_state.get(side) is IceState.CONNECTED), None)
    if side is None:
        return None
    status = advance(session.status, side, Event.CONNECT)
    return replace(session, status=status, connected_at=scene.now)  # its deadline is the lease, which is the next step


def _failed(session: Session, scene: Scene) -> Session | None:
    """One side may still come back; two that gave up will not."""
    if any(session.ice_state.get(side) is not IceState.FAILED for side in SIDES):
        return None
    return _ended(session, Event.FAIL, EndReason.FAILED, scene)


def _leased(session: Session, scene: Scene) -> Session | None:
    """A deadline only ever moves on."""
    until = leased_until(session, scene.durations)
    if session.deadline is not None and until <= session.deadline:
        return None
    return replace(session, deadline=until)


def _reoffered(session: Session, scene: Scene) -> Session | None:
    """A re-offer is accepted or reported, once; the call goes on as it was either way."""
    accepted, offer = session.accepted, session.offer
    if accepted is None or offer is None or not waits_for_its_check(session):
        return None
    problems = sdp.reoffer_problems(offer.sdp, session.agreed, offer.by, warn_only=scene.durations.warn_only)
    if problems:
        return replace(session, error=_error(OFFER, offer, problems))
    return replace(session, accepted=replace(accepted, offer=offer.revision))


def _reanswered(session: Session, scene: Scene) -> Session | None:
    """Likewise its answer; one to a re-offer that was not accepted is one to nothing."""
    accepted, offer, answer = session.accepted, session.offer, _standing_answer(session)
    if accepted is None or offer is None or answer is None or _is_reported(session, ANSWER, answer):
        return None
    if not accepted.answer < answer.revision <= accepted.offer:
        return None
    problems = _answer_problems(answer, offer, scene)
    if problems:
        return replace(session, error=_error(ANSWER, answer, problems))
    agreed = sdp.agree(offer.sdp, offer.by, answer.sdp)
    return replace(session, accepted=replace(accepted, answer=answer.revision), agreed=agreed)


def _answer_problems(answer: Description, offer: Description, scene: Scene) -> tuple[sdp.Problem, ...]:
    return sdp.answer_problems(answer.sdp, offer.sdp, warn_only=scene.durations.warn_only)


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


def _superseded_by(new: Session, old: Session, scene: Scene) -> Session:
    return _ended(replace(old, superseded_by=new.id), Event.SUPERSEDE, EndReason.SUPERSEDED, scene)


def _ended(session: Session, event: Event, reason: EndReason, scene: Scene, by: Actor = SERVER) -> Session:
    return replace(
        session,
        status=advance(session.status, by, event),
        ended_at=scene.now,
        end_reason=reason,
        expires_at=scene.now + scene.durations.session_kept,
    )


def _history(session: Session, reason: EndReason, scene: Scene) -> HistoryRecord:
    """The record of a session that has just ended."""
    now, connected_at = scene.now, session.connected_at
    lasted = max(0, int((now - connected_at).total_seconds())) if connected_at else 0  # clocks of instances differ
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
        duration_s=lasted,
        updated_at=now,
        expires_at=now + scene.durations.history_kept,
    )


type Step = Callable[[Session, Scene], Session | None]

# SPEC section 2: a hangup written before the deadline; an answer written in time; the deadline; an invalid offer;
# glare; superseding; busy. What was reached before a hangup is taken first: the end is the same, and the history tells
# that the call was answered.
JUDGED_IN_ORDER: Mapping[Status, tuple[Step, ...]] = {
    Status.PENDING: (_hung_up, _overdue, _offer_refused, _glared, _superseded, _busy, _rung_out, _offered),
    Status.OFFERED: (_answered, _hung_up, _answer_refused, _overdue),
    Status.ANSWERED: (_connected, _hung_up, _overdue, _reoffered, _reanswered),
    Status.CONNECTED: (_hung_up, _failed, _overdue, _leased, _reoffered, _reanswered),
    Status.ENDED: (),
}
