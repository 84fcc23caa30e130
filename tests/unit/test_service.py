"""service.py, over stores in memory that keep its protocols. With Firestore behind them: tests/emulator."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from tests.unit.core.calls import CONNECTED, DIALLED, NOON, OFFERED, PENDING, USUAL, at, hangup
from webrtc_lite import service
from webrtc_lite.core.machine import CALLER, Status
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change


class UnreadableError(Exception):
    pass


@dataclass(frozen=True)
class Seen:
    session: Session
    unreadable: bool = False

    @property
    def session_id(self) -> str:
        return self.session.id

    def remains(self) -> Session | None:
        return None if self.unreadable else self.session


@dataclass
class Memory:
    """Sessions by query, and what was done to them."""

    queries: list[list[Seen]] = field(default_factory=list)
    expiring: list[Seen] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    overtaken: set[str] = field(default_factory=set)
    written: dict[str, Session] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    others: list[Session] = field(default_factory=list)
    taken: int = 0
    unreadable: type[Exception] = UnreadableError

    def settle(self, seen: Seen, decide: service.Decide) -> Change | None:
        if seen.session_id in self.fails:
            raise ConnectionError("no line")
        if seen.unreadable:
            raise UnreadableError
        change = decide(self.written.get(seen.session_id, seen.session), self.others, None)
        if change:
            self.written[seen.session_id] = change.after
        return change

    def end_unreadable(self, seen: Seen, problem: Exception, now: datetime, kept: timedelta) -> bool:
        assert isinstance(problem, UnreadableError)
        if seen.session_id in self.overtaken:
            return False
        if seen.session_id == "falls over":
            raise ConnectionError("no line")
        self.ended[seen.session_id] = now + kept
        return True

    def due(self, now: datetime) -> Iterable[Iterable[Seen]]:
        assert now >= NOON
        return [self._read(query) for query in self.queries]

    def expired(self, now: datetime) -> Iterable[Seen]:
        assert now >= NOON
        return self._read(self.expiring)

    def _read(self, query: list[Seen]) -> Iterator[Seen]:
        for seen in query:
            self.taken += 1
            yield seen

    def purge(self, seen: Seen) -> int | None:
        if seen.session_id in self.fails:
            raise ConnectionError("no line")
        if seen.session_id in self.overtaken:
            return None
        self.deleted.append(seen.session_id)
        return 3


@dataclass
class Journal:
    settled: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def session_settled(self, change: Change) -> None:
        self.settled.append(f"{change.before.id}: {change.before.status} -> {change.after.status}")

    def session_failed(self, session_id: str, error: Exception) -> None:
        self.failed.append(f"{session_id}: {error}")


@pytest.fixture
def journal() -> Journal:
    return Journal()


def seen(session: Session, name: str) -> Seen:
    return Seen(replace(session, id=name))


def unreadable(name: str) -> Seen:
    return replace(seen(PENDING, name), unreadable=True)


# --- settle one


def test_a_session_that_changes_is_written_and_told(journal: Journal) -> None:
    store = Memory()
    assert service.settle_one(store, journal, seen(DIALLED, "a"), at(1), USUAL) == service.Swept(looked_at=1, changed=1)
    assert store.written["a"].status is Status.OFFERED
    assert journal.settled == ["a: pending -> offered"]


def test_a_session_that_does_not_change_is_not_spoken_of(journal: Journal) -> None:
    assert service.settle_one(Memory(), journal, seen(OFFERED, "a"), at(2), USUAL) == service.Swept(looked_at=1)
    assert journal == Journal()


def test_an_end_is_counted_as_one(journal: Journal) -> None:
    done = service.settle_one(Memory(), journal, seen(OFFERED, "a"), at(31), USUAL)
    assert done == service.Swept(looked_at=1, changed=1, ended=1)


def test_what_cannot_be_read_is_ended_and_kept_as_long_as_any_other(journal: Journal) -> None:
    store = Memory(overtaken={"b"})
    done = service.settle_one(store, journal, unreadable("a"), at(1), USUAL)
    assert done == service.Swept(looked_at=1, changed=1, ended=1, unreadable=1)
    assert store.ended == {"a": at(1) + USUAL.session_kept}
    assert service.settle_one(store, journal, unreadable("b"), at(1), USUAL) == service.Swept(looked_at=1, unreadable=1)


@pytest.mark.parametrize("broken", [seen(DIALLED, "a"), unreadable("falls over")], ids=["settle", "end"])
def test_an_error_is_told_once_and_stays_with_its_session(journal: Journal, broken: Seen) -> None:
    done = service.settle_one(Memory(fails={"a"}), journal, broken, at(1), USUAL)
    assert done == service.Swept(looked_at=1, failed=1)
    assert journal.failed == [f"{broken.session_id}: no line"]


# --- sweep


def clock(*seconds: float) -> service.Clock:
    moments = iter(map(at, seconds))
    return lambda: next(moments)


def test_a_sweep_counts_what_it_did(journal: Journal) -> None:
    queries = [
        [seen(replace(CONNECTED, hangup=hangup(CALLER, 9)), "hung up"), seen(DIALLED, "fails")],
        [seen(OFFERED, "rings")],
        [seen(DIALLED, "dialled"), unreadable("unreadable")],
    ]
    swept = service.sweep(Memory(queries, fails={"fails"}), journal, lambda: at(10), USUAL)
    assert swept == service.Swept(looked_at=5, changed=3, ended=2, unreadable=1, failed=1)
    assert journal.settled == ["hung up: connected -> ended", "dialled: pending -> offered"]
    assert journal.failed == ["fails: no line"]


def test_a_sweep_of_nothing_is_nothing(journal: Journal) -> None:
    assert service.sweep(Memory(), journal, lambda: at(0), USUAL) == service.Swept()


def test_what_two_queries_find_is_looked_at_once(journal: Journal) -> None:
    both = seen(DIALLED, "both")
    assert service.sweep(Memory([[both], [both]]), journal, lambda: at(1), USUAL).looked_at == 1


def test_every_session_is_judged_by_the_time_at_which_its_turn_comes(journal: Journal) -> None:
    """A run may take a minute: an answer found at its end has the whole time to connect."""
    store = Memory([[seen(DIALLED, "first"), seen(DIALLED, "later")]])
    service.sweep(store, journal, clock(0, 1, 20), USUAL)
    assert {session.deadline for session in store.written.values()} == {at(31), at(50)}


def test_a_sweep_is_bound_by_query_and_says_when_there_is_more(journal: Journal) -> None:
    store = Memory([[seen(OFFERED, f"{query}{number}") for number in range(4)] for query in "abc"])
    swept = service.sweep(store, journal, lambda: at(2), USUAL, at_most=3)
    assert (swept.looked_at, swept.more) == (9, True)
    assert store.taken == 12  # one more of each, to know that there is one

    swept = service.sweep(store, journal, lambda: at(2), USUAL, at_most=4)
    assert (swept.looked_at, swept.more) == (12, False)


# --- purge


def over(name: str, seconds: float = 0) -> Seen:
    return seen(replace(CONNECTED, status=Status.ENDED, expires_at=at(seconds)), name)


def test_a_purge_deletes_what_is_due_and_counts(journal: Journal) -> None:
    alive = Seen(replace(over("alive").session, status=Status.CONNECTED))
    expiring = [over("a"), over("changed"), over("fails"), alive, over("later", 1), unreadable("who knows"), over("b")]
    store = Memory(expiring=expiring, overtaken={"changed"}, fails={"fails"})
    purged = service.purge(store, journal, at(0))
    assert purged == service.Purged(looked_at=7, sessions=2, documents=6, spared=4, failed=1)
    assert store.deleted == ["a", "b"]
    assert journal.failed == ["fails: no line"]


def test_a_purge_is_bound_and_says_when_there_is_more(journal: Journal) -> None:
    store = Memory(expiring=[over(str(number)) for number in range(4)])
    purged = service.purge(store, journal, at(0), at_most=3)
    assert (purged.sessions, purged.more, store.taken) == (3, True, 4)
    assert not service.purge(store, journal, at(0), at_most=4).more
