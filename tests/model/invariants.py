"""What has to hold of everything that can happen, in the words of the issue. Each is said without asking `settle` why.

Of a session by itself, of the sessions of a world together, of a world, and of a move. What depends on less than a
world is asked once for all worlds that share it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model.moments import NOW, SHORT, TICK
from tests.model.rules import (
    HANGUP,
    TALKING,
    Answer,
    HangUp,
    KeepAlive,
    Offer,
    Report,
    Write,
    allows,
    said,
)
from tests.model.sweep import is_found
from tests.model.world import (
    ONE_RECORD,
    TERMINAL_STAYS,
    UNMADE,
    Move,
    Play,
    Sessions,
    Step,
    World,
    require,
)
from tests.unit.core.calls import ANSWER_SDP, OFFER_SDP
from webrtc_lite.core import sdp
from webrtc_lite.core.deadlines import due
from webrtc_lite.core.machine import CALLEE, CALLER, TERMINAL, Actor, Status
from webrtc_lite.core.others import ENGAGING
from webrtc_lite.core.records import EndReason, IceState, Session
from webrtc_lite.core.session import SIDES, settle

NEVER_BACK = "a call only ever goes on"
FOUND = "no live call without a deadline or a query that finds it"
IDEMPOTENT = "settle is idempotent"
MAY_LEAVE = "each side can always leave"
NEVER_NEEDED = "what the rules refuse is never needed"
NEVER_HURTS = "what the rules allow never hurts"
FINAL = "nothing is said after a hangup"
SILENCE = "left alone, every call ends in time and with the reason that SPEC promises"
BUSY = "only who is engaged is busy"
ONE_CALL = "a person is in one call, and so is each device"
ONE_SURVIVOR = "who lost is led to a survivor, or to one that has ended since"

RANK = list(Status)

# How many ticks a session lasts at most in which nobody says anything any more, if it is swept every tick. Several
# steps may be due at once, but only the last of them takes time.
LASTS_AT_MOST = {
    Status.PENDING: max(SHORT.settled, SHORT.ring),
    Status.OFFERED: max(SHORT.ring, SHORT.connect, SHORT.lease),
    Status.ANSWERED: max(SHORT.connect, SHORT.lease),
    Status.CONNECTED: SHORT.lease,
}
ALL_LAST_AT_MOST = SHORT.settled + SHORT.ring + SHORT.connect + SHORT.lease


@dataclass
class Invariants:
    play: Play
    checked: set[int | Sessions | tuple[object, ...]] = field(default_factory=set)

    def of_world(self, world: World) -> None:
        known = self.play.known
        for slot, number in enumerate(world.sessions):
            ended = number != UNMADE and known[number].status in TERMINAL
            require(ONE_RECORD, ended == bool(world.recorded >> slot & 1), "an end without one, or one without an end")
            if number not in self.checked:
                self.checked.add(number)
                if number != UNMADE and not ended:
                    self.of_session(known[number])
        if len(world.sessions) > 1 and world.sessions not in self.checked:
            self.checked.add(world.sessions)
            self.of_company(world)

    def of_move(self, world: World, move: Move, after: World) -> None:
        known = self.play.known
        for was, number in zip(world.sessions, after.sessions, strict=True):
            if was not in (number, UNMADE):
                before, now = known[was], known[number]
                require(TERMINAL_STAYS, before.status not in TERMINAL, f"{before.end_reason} is written to")
                require(NEVER_BACK, RANK.index(now.status) >= RANK.index(before.status), f"to {now.status}")
        slot, what = move
        if not isinstance(what, Step | str):
            self.of_write(known[world.sessions[slot]], what, known[after.sessions[slot]])

    # --- a session by itself

    def of_session(self, session: Session) -> None:
        self.is_found(session)
        change = settle(session, (), NOW, SHORT)
        if change is not None:
            require(IDEMPOTENT, settle(change.after, (), NOW, SHORT) is None, "one more step is due")
        is_over = session.hangup is not None or due(session, SHORT) <= NOW or _both_gave_up(session)
        if session.status in TALKING and not is_over:
            ends = change is not None and change.after.status in TERMINAL
            require(NEVER_HURTS, not ends, f"{change and change.after.end_reason}")
            self.can_renegotiate(session)
        if session.hangup is None:
            for side in SIDES:
                self.can_leave(session, side)
        self.has_a_way(session)
        self.ends_in_silence(session)

    def is_found(self, session: Session) -> None:
        require(FOUND, session.deadline is not None or session.status is Status.PENDING, "no deadline")
        waits = session.status is Status.CONNECTED and session.hangup is None and due(session, SHORT) > NOW
        require(FOUND, waits or is_found(session, NOW), "the sweep does not see it")

    def can_leave(self, session: Session, side: Actor) -> None:
        require(MAY_LEAVE, allows(session, HangUp(side, HANGUP), NOW), f"the {side} cannot hang up")
        self.ends_in_silence(said(session, HangUp(side, HANGUP), NOW))

    def can_renegotiate(self, session: Session) -> None:
        """Either side gets a working round, whatever was said and whichever event was lost: what it writes wakes."""
        key = (session.status, session.offer, session.answer, session.accepted, session.error)
        if key in self.checked:
            return
        self.checked.add(key)
        for side in SIDES:
            require(NEVER_NEEDED, _renegotiates(session, side), f"the {side} gets no round through")

    def has_a_way(self, session: Session) -> None:
        """Of two that do what they can the call gets connected, or ends as what was said before would have it."""
        last = session
        for _ in range(len(Status)):
            change = settle(last, (), NOW, SHORT)
            last = change.after if change else last
            if last.status in TERMINAL or last.status is Status.CONNECTED:
                break
            write = _next_of_a_good_call(last)
            require(NEVER_NEEDED, allows(last, write, NOW), f"{last.status}, and {write} is refused")
            last = said(last, write, NOW)
        told = last.end_reason is None or last.end_reason is promised(session)
        require(NEVER_NEEDED, last.status is not Status.PENDING and told, f"{last.end_reason}")

    def ends_in_silence(self, session: Session) -> None:
        expected, last, moment = promised(session), session, NOW
        while last.status not in TERMINAL and moment <= NOW + LASTS_AT_MOST[session.status]:
            if is_found(last, moment):
                change = settle(last, (), moment, SHORT)
                last = change.after if change else last
            moment += TICK
        require(SILENCE, last.end_reason is expected, f"{session.status}: {last.end_reason}, not {expected}")

    # --- a write

    def of_write(self, before: Session, write: Write, after: Session) -> None:
        require(FINAL, before.hangup is None, f"{write}")
        if before.status in TALKING and not isinstance(write, HangUp):
            require(NEVER_HURTS, due(after, SHORT) >= due(before, SHORT), f"{write} shortens the call")
        if isinstance(write, KeepAlive):
            mine, other = write.side, CALLER if write.side is CALLEE else CALLEE
            require(NEVER_HURTS, after.alive_at.get(other) == before.alive_at.get(other), f"{mine} speaks for {other}")

    # --- the sessions of a world together

    def of_company(self, world: World) -> None:
        made = {slot: self.play.known[n] for slot, n in enumerate(world.sessions) if n != UNMADE}
        self.are_in_one_call(made)
        self.lead_to_a_survivor(made)
        for slot in made:
            self.is_idempotent(world, slot)
        self.end_in_silence(world)

    def are_in_one_call(self, made: dict[int, Session]) -> None:
        engaged: Counter[str] = Counter()
        for session in made.values():
            change = settle(session, (), NOW, SHORT)
            if session.status in ENGAGING and (change.after if change else session).status in ENGAGING:
                engaged.update((session.caller_id, session.callee_id))
        for person, calls in engaged.items():
            require(ONE_CALL, calls == 1, f"{person} is in {calls}")

    def lead_to_a_survivor(self, made: dict[int, Session]) -> None:
        """Who follows superseded_by comes to a call that lives, or that ended for a reason of its own."""
        by_name = {session.id: session for session in made.values()}
        for each in made.values():
            lost = each.end_reason in {EndReason.GLARE, EndReason.SUPERSEDED}
            require(ONE_SURVIVOR, lost == (each.superseded_by is not None), f"{each.id}: {each.end_reason}")
            session, passed = each, {each.id}
            while session.superseded_by is not None:
                require(ONE_SURVIVOR, session.superseded_by in by_name, "it leads nowhere")
                follower = by_name[session.superseded_by]
                if session.end_reason is EndReason.GLARE:
                    turned = (session.callee_id, session.caller_id) == (follower.caller_id, follower.callee_id)
                    require(ONE_SURVIVOR, turned, "glare with another call than that in the other direction")
                session = follower
                require(ONE_SURVIVOR, session.id not in passed, "it leads back: nobody survived")
                passed.add(session.id)

    def is_idempotent(self, world: World, slot: int) -> None:
        """Of itself and of the others that a settling ends."""
        known, after = self.play.known, self.play.settled(world, slot)
        for each, (was, number) in enumerate(zip(world.sessions, after.sessions, strict=True)):
            self.ends_for_a_reason(world, each, after.sessions)
            if each == slot or (number != UNMADE and known[number].status is not known[was].status):
                settled_again = self.play.settled(after, each)
                require(IDEMPOTENT, settled_again == after, f"settling {slot}, one more step is due for {each}")

    def ends_for_a_reason(self, world: World, slot: int, after: Sessions) -> None:
        """Of what it met, as that stood: it would have gone on without."""
        if world.sessions[slot] == after[slot]:
            return
        was, ended = self.play.known[world.sessions[slot]], self.play.known[after[slot]]
        others = [self.play.known[n] for each, n in enumerate(world.sessions) if n != UNMADE and each != slot]
        if ended.end_reason is EndReason.BUSY:
            people = {was.caller_id, was.callee_id}
            engaged = [other for other in others if not people.isdisjoint({other.caller_id, other.callee_id})]
            engaged = [other for other in engaged if _woken(other).status in ENGAGING]
            require(BUSY, bool(engaged), "nobody was engaged")
            age = (was.created_at, was.id)
            mine = [each for each in engaged if each.caller_id == was.caller_id and (each.created_at, each.id) > age]
            require(BUSY, not any(_is_a_new_one_of(each, was) for each in mine), "it was superseded")
        if ended.superseded_by is not None:
            (by,) = (other for other in others if other.id == ended.superseded_by)
            is_newer = (by.created_at, by.id) > (was.created_at, was.id)
            if ended.end_reason is EndReason.GLARE:
                require(ONE_SURVIVOR, by.status is not Status.PENDING or not is_newer, "the newer one lives")
            else:
                require(ONE_SURVIVOR, is_newer, "an older one supersedes")
                require(ONE_SURVIVOR, _is_a_new_one_of(by, was), "two calls that have nothing to do with each other")

    def end_in_silence(self, world: World) -> None:
        """The ends are those that met each other when it was quiet: only that they come is asked here."""
        ticks, sessions = 0, world._replace(settlers=())
        passed = []
        while ("silent", sessions.sessions) not in self.checked:
            live = [n for n in sessions.sessions if n != UNMADE and self.play.known[n].status not in TERMINAL]
            passed.append(("silent", sessions.sessions))
            if not live:
                break
            require(SILENCE, ticks * TICK <= ALL_LAST_AT_MOST, "some call goes on for ever")
            sessions = self.play.later(self.swept(sessions))
            ticks += 1
        self.checked.update(passed)

    def swept(self, world: World) -> World:
        for slot, number in enumerate(world.sessions):
            if number != UNMADE and is_found(self.play.known[number], NOW):
                world = self.play.settled(world, slot)
        return world


# --- what SPEC promises


def promised(session: Session) -> EndReason:  # noqa: PLR0911 (a line for each row of the table)
    """How a call ends in which nobody says anything any more, and which meets no other."""
    hangup = session.hangup
    in_time = hangup is not None and hangup.at < due(session, SHORT)
    if hangup is not None and session.answer is None and in_time:
        return EndReason.CANCELLED if hangup.by is CALLER else EndReason.DECLINED
    match session.status:
        case Status.PENDING:
            if session.offer is None or due(session, SHORT) <= NOW:
                return EndReason.EXPIRED
            return EndReason.INVALID_OFFER if sdp.offer_problems(session.offer.sdp) else EndReason.MISSED
        case Status.OFFERED if session.answer is None:
            return EndReason.MISSED
        case Status.OFFERED if not _is_answered(session):
            return _hung_up(session) if in_time else EndReason.INVALID_ANSWER
    connects = session.status is not Status.CONNECTED and IceState.CONNECTED in session.ice_state.values()
    if hangup is not None and (in_time or connects or session.status is Status.OFFERED):
        return _hung_up(session)
    if session.status is Status.CONNECTED or connects:
        return EndReason.FAILED if _both_gave_up(session) else EndReason.EXPIRED
    return EndReason.FAILED


def _is_answered(session: Session) -> bool:
    offer, answer = session.offer, session.answer
    return offer is not None and answer is not None and not sdp.answer_problems(answer.sdp, offer.sdp)


def _hung_up(session: Session) -> EndReason:
    return EndReason.FAILED if session.hangup and session.hangup.reason == EndReason.FAILED else EndReason.HANGUP


def _both_gave_up(session: Session) -> bool:
    return [session.ice_state.get(side) for side in SIDES] == [IceState.FAILED, IceState.FAILED]


def _is_a_new_one_of(new: Session, old: Session) -> bool:
    """The same two people, or the same device."""
    if {new.caller_id, new.callee_id} == {old.caller_id, old.callee_id}:
        return True
    old_device = old.caller_device_id if new.caller_id == old.caller_id else old.answer and old.answer.device_id
    return new.caller_device_id is not None and new.caller_device_id == old_device


# --- what two can do who want to talk


def _next_of_a_good_call(session: Session) -> Write:
    match session.status:
        case Status.PENDING:
            return Offer(CALLER, 1, OFFER_SDP)
        case Status.OFFERED:
            return Answer(CALLEE, 1, ANSWER_SDP)
        case _:
            return Report(CALLER, IceState.CONNECTED)


def _renegotiates(session: Session, side: Actor) -> bool:
    other = CALLER if side is CALLEE else CALLEE
    for _ in range(3):
        for write in _towards_a_round(session, side):
            if allows(session, write, NOW) and said(session, write, NOW) != session:
                session = _woken(said(session, write, NOW))
                break
        offer = session.offer
        if offer and offer.by is side and offer.sdp == OFFER_SDP:
            answer = Answer(other, offer.revision, ANSWER_SDP)
            if allows(session, answer, NOW):
                session = _woken(said(session, answer, NOW))
            accepted = session.accepted
            if accepted and (accepted.offer, accepted.answer) == (offer.revision, offer.revision):
                return session.status in TALKING
    return False


def _towards_a_round(session: Session, side: Actor) -> Iterator[Write]:
    """What one would try, the best first. A report of ICE wakes the server, should it have missed something."""
    revision = session.offer.revision if session.offer else 0
    yield Offer(side, revision + 1, OFFER_SDP)
    yield Answer(side, revision, ANSWER_SDP)
    for state in (IceState.DISCONNECTED, IceState.FAILED):
        yield Report(side, state)


def _woken(session: Session) -> Session:
    change = settle(session, (), NOW, SHORT)
    return change.after if change else session
