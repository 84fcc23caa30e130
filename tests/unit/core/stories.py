"""The rules in small, and Firestore in small: what the stories of test_stories.py play in.

The rules' own tests are in tests/rules, and those of what Firestore does in tests/emulator.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.unit.core.calls import BAD_SDP, USUAL
from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.machine import CALLER, Actor, Status
from webrtc_lite.core.others import ENGAGING
from webrtc_lite.core.records import Description, HistoryRecord, Session
from webrtc_lite.core.session import Change, settle

PEOPLE = ["alice", "bob", "carol"]
DEVICES = ["phone", "tablet", None]

LASTING = replace(USUAL, unanswered=timedelta(seconds=40))  # so short that stories get there

SERVER_ONLY = frozenset(
    {
        *("status", "accepted", "deadline", "expires_at", "updated_at", "offered_at", "answered_at", "connected_at"),
        *("ended_at", "end_reason", "superseded_by", "error"),
    }
)


# --- who may say what, and when


def is_live(session: Session) -> bool:
    return session.status is not Status.ENDED and session.hangup is None


def may_offer(session: Session, side: Actor) -> bool:
    offer, accepted, error = session.offer, session.accepted, session.error
    if not is_live(session):
        return False
    if offer is None:
        return side is CALLER and session.status is Status.PENDING
    nothing_in_flight = accepted is not None and accepted.answer == offer.revision
    refused = error is not None and error.revision == offer.revision
    under_way = session.status in {Status.ANSWERED, Status.CONNECTED}
    return under_way and (nothing_in_flight or offer.by is side or refused)


def may_answer(session: Session, side: Actor, now: datetime) -> bool:
    offer, answer, deadline = session.offer, session.answer, session.deadline
    if not is_live(session) or offer is None or offer.by is side:
        return False
    if answer is None:
        return session.status is Status.OFFERED and deadline is not None and now < deadline
    return answer.revision != offer.revision


def may_report(session: Session) -> bool:
    return is_live(session) and session.answer is not None


def may_say_alive(session: Session, side: Actor, now: datetime) -> bool:
    last = session.alive_at.get(side)
    is_time = last is None or last + timedelta(minutes=5) <= now
    return is_live(session) and session.status is Status.CONNECTED and is_time


def may_hang_up(session: Session) -> bool:
    return is_live(session)


def may_call_off(session: Session) -> bool:
    """To decline and to cancel."""
    return is_live(session) and session.answer is None


# --- what two calls are to each other


def people_of(session: Session) -> set[str]:
    return {session.caller_id, session.callee_id}


def age(session: Session) -> tuple[datetime, str]:
    return session.created_at, session.id


def is_reverse(one: Session, other: Session) -> bool:
    return (one.caller_id, one.callee_id) == (other.callee_id, other.caller_id)


def supersedes(new: Session, old: Session) -> bool:
    """The same two have one call, and a device has one: the newer one, where who dials it was in the older one."""
    if age(new) <= age(old):
        return False
    placed, took = new.caller_id == old.caller_id, new.caller_id == old.callee_id and is_answered_before(new, old)
    by_device = [old.caller_device_id] if placed else [old.answer.device_id] if took and old.answer else []
    the_same_device = new.caller_device_id is not None and new.caller_device_id in by_device
    return (placed or took) and (people_of(new) == people_of(old) or the_same_device)


def is_answered_before(new: Session, old: Session) -> bool:
    """What one dialled before one's answer to the older call was heard is glare, or busy."""
    return old.answered_at is not None and old.answered_at < new.created_at


def is_nonsense(said: Description | None) -> bool:
    return said is not None and said.sdp == BAD_SDP


def as_it_stood(session: Session) -> Session:
    """A call that has ended, as it was just before that."""
    reached = {
        Status.CONNECTED: session.connected_at,
        Status.ANSWERED: session.answered_at,
        Status.OFFERED: session.offered_at,
        Status.PENDING: session.created_at,
    }
    return replace(session, status=next(status for status, moment in reached.items() if moment))


# --- where it is written


@dataclass
class Database:
    sessions: dict[str, Session] = field(default_factory=dict)
    history: dict[str, HistoryRecord] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)  # of sessions and of people's engagements: their last write
    writes: int = 0
    ringing: dict[str, Ringing] = field(default_factory=dict)  # the callers' accounts

    def live(self) -> Iterable[Session]:
        return [each for each in self.sessions.values() if each.status is not Status.ENDED]

    def of(self, uid: str) -> Iterable[Session]:
        return [each for each in self.live() if uid in people_of(each)]

    def company(self, session: Session) -> list[Session]:
        """What the store's queries find, the session itself included."""
        met = [each for each in self.live() if people_of(each) & people_of(session)]
        dialled = [each for each in met if each.status is Status.PENDING and each.caller_id in people_of(session)]
        return [each for each in met if each.status in ENGAGING] + dialled

    def account(self, uid: str) -> Ringing | None:
        """With the call that is not in it as that stands now."""
        account = self.ringing.get(uid)
        return replace(account, last=self.sessions[account.last.id]) if account and account.last else None

    def write(self, session: Session) -> None:
        self.sessions[session.id] = session
        self.stamp(session.id)

    def stamp(self, name: str) -> None:
        self.writes += 1
        self.written[name] = self.writes

    def commit(self, settling: "Settling", change: Change) -> bool:
        """All of it on condition that all of it is as it was seen, or nothing."""
        relied_on = {settling.seen.id: settling.version, **settling.versions(change)}
        if any(self.written.get(name) != version for name, version in relied_on.items()):
            return False
        for each in (change, *change.others):
            self.write(each.after)
            if each.history:
                assert each.after.id not in self.history, "a second record"
                self.history[each.after.id] = each.history
        if change.rings:
            for uid in people_of(change.after):
                self.stamp(uid)
            assert change.ringing is not None
            self.ringing[change.after.caller_id] = change.ringing
        return True


@dataclass(eq=False)
class Settling:
    """What edge/store.py does with one delivery, a step at a time. It judges by the clock that it began with."""

    seen: Session
    version: int
    now: datetime
    fences: dict[str, int | None] | None = None
    company: tuple[Session, ...] | None = None
    ringing: Ringing | None = None
    met: dict[str, int] = field(default_factory=dict)  # the others, as they were seen

    def change(self) -> Change | None:
        return settle(self.seen, self.company or (), self.now, LASTING, self.ringing)

    def read_fences(self, database: Database) -> None:
        self.fences = {uid: database.written.get(uid) for uid in people_of(self.seen)}

    def look_around(self, database: Database) -> None:
        self.company = tuple(database.company(self.seen))
        self.met = {each.id: database.written[each.id] for each in self.company}
        self.ringing = database.account(self.seen.caller_id)

    def look_again(self, database: Database) -> None:
        self.seen = database.sessions[self.seen.id]
        self.version = database.written[self.seen.id]
        self.fences, self.company, self.ringing, self.met = None, None, None, {}

    def versions(self, change: Change) -> dict[str, int | None]:
        ended = {each.after.id: self.met[each.after.id] for each in change.others}
        return {**ended, **(self.fences or {})} if change.rings else {**ended}
