"""The world in which calls are made, as small as it can be: session documents, history records, and settlers at work.

What can happen next in it: somebody makes a call; a side writes what the rules let it write; a settler is woken, or
does its next step; time passes. Every settler runs the real `settle`. What is left out, and why that loses nothing:

- **Events** are not there. A delivery is a settler that wakes, at any moment, as often as it likes, or never: so a
  delivery may be late, twice, out of order or lost, and a sweep is the same thing. One that carries an old snapshot
  cannot write on it and reads again, as does a settler whose session was written to while it was at work.
- **Update times** are not there. Who writes to a document tells it to all settlers whose commit depends on it
  (`_is_overtaken`), and they know at once what Firestore would tell them when they commit: to read again.
- **Engagements** are not there: nobody reads what is in them. Who is let into a call tells it to all settlers that have
  read an engagement of one of the two.
- **Giving up** after five tries, or a crash: a settler that does nothing more. It is gone after a tick, as a function
  is when its time is up; until then its clock stands still, so it may commit later than it judged.

Sessions are interned: a world holds numbers, and what can happen to a session by itself is worked out once.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import cache
from itertools import product
from operator import attrgetter
from typing import Any, NamedTuple

from tests.model.moments import NOW, SHORT, TICK, canonical, older, order, placed
from tests.model.rules import (
    HANGUP,
    Answer,
    HangUp,
    KeepAlive,
    Offer,
    Report,
    Write,
    allows,
    is_live,
    said,
)
from tests.unit.core.calls import ANSWER_SDP, BAD_SDP, OFFER_SDP
from webrtc_lite.core.machine import CALLEE, CALLER, TERMINAL, Status
from webrtc_lite.core.others import ENGAGING
from webrtc_lite.core.records import EndReason, IceState, Session
from webrtc_lite.core.session import SIDES, Change, settle

CALLS, IS_SETTLED, WAKES = "is called", "is settled", "wakes a settler"
TICKS: "Move" = (-1, "a tick")
UNMADE = -1  # a call that nobody has made yet
AGE_MAX = 1  # ticks that a settler lives

type Sessions = tuple[int, ...]  # one a slot; UNMADE or the number of a session
type Move = tuple[int, Write | Step | str]  # of which call, and what
type Seen = tuple[tuple[int, int], ...]  # slots, and the sessions that were there
type Writes = tuple[tuple[int, int, EndReason | None], ...]  # slots, what is put there, and what a record of it says


class Step(IntEnum):
    READ = 0  # has to read its session (again)
    ASK = 1  # knows that its session would ring, has read the engagements, and asks for the others
    COMMIT = 2


class Settler(NamedTuple):
    slot: int
    age: int  # ticks since it looked at the clock
    step: Step
    fenced_off: bool = False  # one of the two was let into another call after their engagements were read
    asked: int = 0  # queries that have been answered
    seen: Seen = ()  # what they found
    writes: Writes = ()  # what it is about to commit
    rings: bool = False

    @property
    def holds(self) -> tuple[int, ...]:
        return (*(number for _, number in self.seen), *(number for _, number, _ in self.writes))


class World(NamedTuple):
    sessions: Sessions
    settlers: tuple[Settler, ...] = ()
    recorded: int = 0  # a bit a slot: there is a history record


@dataclass(frozen=True)
class Call:
    """One that may be made, once, at any moment. Its name is its id: of two of the same moment it decides."""

    name: str
    caller: str
    callee: str
    device: str | None = None


@dataclass(frozen=True)
class Scene:
    """Who may call whom, what they may say, and how many settlers are at work at the same time (none: each at once)."""

    name: str
    calls: tuple[Call, ...]
    settlers: int = 0
    asks_in_one: bool = True  # of the three queries for the others: in one moment, or one after the other
    announces: bool = False  # also without an offer, which comes later
    revisions: int = 1
    sdps: tuple[bool, ...] = (True,)  # valid ones, or also bad ones
    devices: tuple[str | None, ...] = (None,)  # with which the callee answers
    reports: tuple[IceState, ...] = (IceState.CONNECTED,)
    reporters: tuple[Any, ...] = SIDES
    keeps_alive: bool = False
    hangups: tuple[str, ...] = (HANGUP,)


@dataclass
class Play:
    """A scene with what was worked out about it so far."""

    scene: Scene
    known: list[Session] = field(default_factory=list)
    numbers: dict[Hashable, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A cache of each method, for as long as this lasts.
        for name in ("writes", "made", "_older", "judged", "_ordered", "_settled"):
            setattr(self, name, cache(getattr(self, name)))

    @property
    def start(self) -> World:
        return World((UNMADE,) * len(self.scene.calls))

    def number(self, session: Session) -> int:
        """The same for the same: dictionaries of a session do not hash, so not the session itself."""
        ice, alive = session.ice_state.get, session.alive_at.get
        key = (*THE_REST(session), ice(CALLER), ice(CALLEE), alive(CALLER), alive(CALLEE))
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.known)
            self.known.append(session)
        return number

    def moves(self, world: World) -> Iterator[tuple[Move, World]]:
        """All that can happen next."""
        for slot, number in enumerate(world.sessions):
            if number == UNMADE:
                for made in self.made(slot):
                    yield (slot, CALLS), self._with(world, ((slot, made),))
            else:
                for write, after in self.writes(number):
                    yield (slot, write), self._with(world, ((slot, after),))
                yield from self._woken(world, slot)
        for settler in world.settlers:
            taken = self._step(_without(world, settler), settler, in_one=self.scene.asks_in_one)
            yield (settler.slot, settler.step), self._in_order(taken)
        later = self.later(world)
        if later != world:
            yield TICKS, later

    # --- people

    def writes(self, number: int) -> tuple[tuple[Write, int], ...]:
        """What sides can write that makes a difference, and what the session is then."""
        session = self.known[number]
        if not is_live(session):
            return ()
        written = {
            write: self.number(canonical(said(session, write, NOW)))
            for write in self.attempts(session)
            if allows(session, write, NOW)
        }
        return tuple((write, after) for write, after in written.items() if after != number)

    def attempts(self, session: Session) -> Iterator[Write]:
        """What sides may try, so far as this scene goes into it: also what is of no use, and what is refused."""
        scene = self.scene
        stored = session.offer.revision if session.offer else 0
        for side, valid in product(SIDES, scene.sdps):
            for revision in range(max(1, stored), min(stored + 2, scene.revisions) + 1):
                yield Offer(side, revision, OFFER_SDP if valid else BAD_SDP)
            for revision, device in product(
                range(max(1, stored - 1), min(stored + 1, scene.revisions) + 1), scene.devices
            ):
                yield Answer(side, revision, ANSWER_SDP if valid else BAD_SDP, device)
        for side, state in product(scene.reporters, scene.reports):
            yield Report(side, state)
        if scene.keeps_alive:
            yield from map(KeepAlive, SIDES)
        for side, reason in product(SIDES, scene.hangups):
            yield HangUp(side, reason)

    def made(self, slot: int) -> tuple[int, ...]:
        call = self.scene.calls[slot]
        new = Session(call.name, call.caller, call.callee, "audio", Status.PENDING, NOW, call.device)
        with_offer = [said(new, Offer(CALLER, 1, OFFER_SDP if valid else BAD_SDP), NOW) for valid in self.scene.sdps]
        made = [*([new] if self.scene.announces else []), *with_offer]
        return tuple(map(self.number, made))

    # --- settlers: Sessions.settle of edge/store.py, step by step

    def _woken(self, world: World, slot: int) -> Iterator[tuple[Move, World]]:
        """By an event or by the sweep: what it sees is the session as it stands, and its clock goes right."""
        if not self.judged(world.sessions[slot], 0, ()):
            return
        if not self.scene.settlers:
            yield (slot, IS_SETTLED), self.settled(world, slot)
        elif len(world.settlers) < self.scene.settlers:
            yield (slot, WAKES), self._in_order(self._read(world, Settler(slot, 0, Step.READ)))

    def settled(self, world: World, slot: int) -> World:
        """A whole settle, with nothing in between and nobody else at work."""
        sessions, recorded = self._settled(world.sessions, world.recorded, slot)
        return World(sessions, (), recorded)

    def _settled(self, sessions: Sessions, recorded: int, slot: int) -> tuple[Sessions, int]:
        settler = Settler(slot, 0, Step.READ)
        world = self._step(World(sessions, (), recorded), settler, in_one=True)
        while world.settlers:
            (settler,) = world.settlers
            world = self._step(world._replace(settlers=()), settler, in_one=True)
        world = self._in_order(world)
        return world.sessions, world.recorded

    def _step(self, world: World, settler: Settler, *, in_one: bool) -> World:
        match settler.step:
            case Step.READ:
                return self._read(world, settler)
            case Step.ASK:
                return self._ask(world, settler, in_one=in_one)
            case Step.COMMIT:
                return self._commit(world, settler)

    def _read(self, world: World, settler: Settler) -> World:
        """Reads the session, judges it by itself, and if it would ring reads the engagements of the two."""
        change = self.judged(world.sessions[settler.slot], settler.age, ())
        if change is None:
            return world
        if change.rings:
            return self._at_work(world, settler._replace(step=Step.ASK))
        return self._about_to(world, settler, change, ())

    def _ask(self, world: World, settler: Settler, *, in_one: bool) -> World:
        """One query for the others, or all three; then it judges the session among them."""
        asked = len(QUERIES) if in_one else settler.asked + 1
        seen = dict(settler.seen)
        for query in QUERIES[settler.asked : asked]:
            people = self.people(settler.slot)
            seen |= {
                slot: number
                for slot, number in enumerate(world.sessions)
                if slot != settler.slot and number != UNMADE and query(self.known[number], people)
            }
        found = tuple(sorted(seen.items()))
        if asked < len(QUERIES):
            return self._at_work(world, settler._replace(asked=asked, seen=found))
        change = self.judged(world.sessions[settler.slot], settler.age, tuple(seen[slot] for slot in sorted(seen)))
        return world if change is None else self._about_to(world, settler, change, found)

    def _about_to(self, world: World, settler: Settler, change: Change, seen: Seen) -> World:
        """What it writes, and on which condition: every session as it was seen, and where it rings the engagements."""
        slots = {self.scene.calls[slot].name: slot for slot in range(len(self.scene.calls))}
        writes = tuple(
            (
                slots[each.after.id],
                self.number(canonical(each.after)),
                each.history.end_reason if each.history else None,
            )
            for each in (change, *change.others)
        )
        about = Settler(settler.slot, settler.age, Step.COMMIT, writes=writes, rings=change.rings)
        before = {settler.slot: world.sessions[settler.slot], **dict(seen)}
        overtaken = (change.rings and settler.fenced_off) or any(world.sessions[s] != before[s] for s, *_ in writes)
        return self._at_work(world, _refused(about) if overtaken else about)

    def _commit(self, world: World, settler: Settler) -> World:
        records = 0
        for slot, after, record in settler.writes:
            require(TERMINAL_STAYS, self.known[world.sessions[slot]].status not in TERMINAL, "it ends again")
            require(ONE_RECORD, record == self.known[after].end_reason, f"a record says {record}")
            records |= (record is not None) << slot
        require(ONE_RECORD, not records & world.recorded, "there is one already")
        engaged = self.people(settler.slot) if settler.rings else frozenset()
        after_it = self._with(world, tuple((slot, after) for slot, after, _ in settler.writes), engaged)
        return after_it._replace(recorded=world.recorded | records)

    def judged(self, number: int, age: int, others: Sessions) -> Change | None:
        company = [self.known[other] for other in others]
        return settle(self.known[number], company, NOW - age * TICK, SHORT)

    def people(self, slot: int) -> frozenset[str]:
        call = self.scene.calls[slot]
        return frozenset({call.caller, call.callee})

    def _at_work(self, world: World, settler: Settler) -> World:
        return world._replace(settlers=tuple(sorted((*world.settlers, settler))))

    # --- what a write means to those at work

    def _with(self, world: World, writes: Seen, engaged: frozenset[str] = frozenset()) -> World:
        sessions = list(world.sessions)
        for slot, after in writes:
            sessions[slot] = after
        slots = {slot for slot, _ in writes}
        settlers = world.settlers
        if settlers:
            settlers = tuple(sorted(self._told(settler, slots, engaged) for settler in settlers))
        return World(tuple(sessions), settlers, world.recorded)

    def _told(self, settler: Settler, slots: set[int], engaged: frozenset[str]) -> Settler:
        if settler.step is Step.READ:
            return settler
        met = not engaged.isdisjoint(self.people(settler.slot))
        if settler.slot in slots or (settler.step is Step.COMMIT and _is_overtaken(settler, slots, met=met)):
            return _refused(settler)
        return settler._replace(fenced_off=True) if met and settler.step is Step.ASK else settler

    # --- time

    def later(self, world: World) -> World:
        sessions = tuple(map(self._older, world.sessions))
        settlers = tuple(
            settler._replace(
                age=settler.age + 1,
                seen=tuple((slot, self._older(number)) for slot, number in settler.seen),
                writes=tuple((slot, self._older(number), record) for slot, number, record in settler.writes),
            )
            for settler in world.settlers
            if settler.age < AGE_MAX
        )
        return self._in_order(World(sessions, settlers, world.recorded))

    def _older(self, number: int) -> int:
        return UNMADE if number == UNMADE else self.number(older(self.known[number]))

    def _in_order(self, world: World) -> World:
        """With moments of which only the order counts in their places, everywhere the same."""
        held = [number for settler in world.settlers for number in settler.holds]
        place = self._ordered(frozenset((*world.sessions, *held)))
        if not place:
            return world
        settlers = (
            settler._replace(
                seen=tuple((slot, place.get(number, number)) for slot, number in settler.seen),
                writes=tuple((slot, place.get(number, number), record) for slot, number, record in settler.writes),
            )
            for settler in world.settlers
        )
        sessions = tuple(place.get(number, number) for number in world.sessions)
        return World(sessions, tuple(sorted(settlers)), world.recorded)

    def _ordered(self, numbers: frozenset[int]) -> dict[int, int]:
        made = [number for number in numbers if number != UNMADE]
        place = order(self.known[number] for number in made)
        moved = {number: self.number(placed(self.known[number], place)) for number in made}
        return {number: there for number, there in moved.items() if number != there}


@dataclass(frozen=True)
class Explored:
    """How much was looked at."""

    what: str
    states: int
    transitions: int

    def __str__(self) -> str:
        return f"{self.what}: {self.states:,} states, {self.transitions:,} transitions"


class Broken(Exception):  # noqa: N818 (it is a promise that is broken)
    """An invariant that does not hold."""

    def __init__(self, invariant: str, how: str) -> None:
        super().__init__(f"{invariant}: {how}")
        self.invariant, self.how = invariant, how


TERMINAL_STAYS = "terminal stays terminal"
ONE_RECORD = "exactly one history record per ended call"


def require(invariant: str, holds: bool, how: str) -> None:  # noqa: FBT001 (as assert would)
    if not holds:
        raise Broken(invariant, how)


THE_REST = attrgetter(*(each.name for each in fields(Session) if each.name not in {"ice_state", "alive_at"}))

# Sessions._company of edge/store.py, in its order.
QUERIES: tuple[Callable[[Session, frozenset[str]], bool], ...] = (
    lambda session, people: session.status in ENGAGING and session.caller_id in people,
    lambda session, people: session.status in ENGAGING and session.callee_id in people,
    lambda session, people: session.status is Status.PENDING and session.caller_id in people,
)


def _is_overtaken(settler: Settler, slots: Iterable[int], *, met: bool) -> bool:
    """Whether what was written, or who was let into a call, is what this commit depends on."""
    return (settler.rings and met) or any(slot in slots for slot, *_ in settler.writes)


def _refused(settler: Settler) -> Settler:
    return Settler(settler.slot, settler.age, Step.READ)


def _without(world: World, settler: Settler) -> World:
    settlers = list(world.settlers)
    settlers.remove(settler)
    return world._replace(settlers=tuple(settlers))
