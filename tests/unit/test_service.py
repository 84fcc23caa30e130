"""service.py, over stores in memory that keep its protocols. With Firestore behind them: tests/emulator."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from tests.unit.core.calls import CONNECTED, DIALLED, NOON, OFFERED, PENDING, USUAL, at, hangup
from webrtc_lite import service
from webrtc_lite.core.errors import (
    BudgetExhaustedError,
    CutOffError,
    InvalidFieldError,
    NoHealthyRelayError,
    NotAParticipantError,
    SessionEndedError,
    WebRTCLiteError,
)
from webrtc_lite.core.machine import CALLER, Status
from webrtc_lite.core.pool import Member, Pool, State, Terms, every_way
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change
from webrtc_lite.core.turn import Grant, Relay, Way, grant

RELAY = Relay("turn.example.com", 3478, (), "north-star-of-the-relay")
TERMS = Terms(Pool((Member(RELAY),)))


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
    taken: int = 0
    unreadable: type[Exception] = UnreadableError

    def settle(self, seen: Seen, decide: Callable[[Session], Change | None]) -> Change | None:
        if seen.session_id in self.fails:
            raise ConnectionError("no line")
        if seen.unreadable:
            raise UnreadableError
        change = decide(self.written.get(seen.session_id, seen.session))
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


# --- issue


@dataclass(frozen=True)
class Asked:
    ttl: int = 60
    session_id: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Reader:
    session: Session | None

    def read(self, session_id: str) -> Session | None:
        assert session_id == "0123456789abcdef"
        return self.session


@dataclass
class Looks:
    """What one request had the edge look up, in its order."""

    state: State = field(default_factory=State)
    session: Session | None = PENDING
    wait: int = 0
    asked: list[str] = field(default_factory=list)

    def desk(self, terms: Terms = TERMS) -> service.Desk:
        def spend(uid: str, now: int) -> int:
            assert now == int(at(6).timestamp())
            self.asked.append(f"budget of {uid}")
            return self.wait

        def read(pool: Pool) -> State:
            assert pool is terms.pool
            self.asked.append("state")
            return self.state

        def sessions() -> Reader:
            self.asked.append("session")
            return Reader(self.session)

        return service.Desk(terms, spend, read, sessions, lambda: USUAL)


FOR_THE_CALL = Asked(session_id="0123456789abcdef")
TWO = Terms(Pool((Member(RELAY, "eu"), Member(replace(RELAY, host="us.example.com"), "us"))))


def issued(ttl: int = 60) -> Grant:
    return grant(RELAY, "alice", ttl, int(at(6).timestamp()))


def test_what_is_issued_is_the_grant_of_the_core_and_nothing_is_looked_up() -> None:
    looks = Looks()
    assert looks.desk().issue("alice", Asked(), at(6)) == issued()
    assert looks.asked == ["budget of alice"]


def test_with_several_relays_their_state_is_looked_up_and_a_region_is_listed_first() -> None:
    looks = Looks()
    granted = looks.desk(TWO).issue("alice", Asked(region="us"), at(6))
    assert granted.relay == "us.example.com:3478"
    assert len(granted.uris) == 4
    assert looks.asked == ["budget of alice", "state"]


def test_a_dead_relay_is_not_issued_and_no_relay_at_all_is_unavailable() -> None:
    now = int(at(6).timestamp())
    ways = every_way(TWO.pool)
    looks = Looks(State(frozenset(way.uri for way in ways if way.host == RELAY.host), now))
    assert {uri.split(":")[1] for uri in looks.desk(TWO).issue("alice", Asked(), at(6)).uris} == {"us.example.com"}
    with pytest.raises(NoHealthyRelayError):
        Looks(State(frozenset(way.uri for way in ways), now)).desk(TWO).issue("alice", Asked(), at(6))


def test_who_is_cut_off_gets_nothing_with_or_without_a_call() -> None:
    listed = replace(TERMS, pool=replace(TERMS.pool, cut_off_list=True))
    for asked in (Asked(), FOR_THE_CALL):
        looks = Looks(State(cut_off=frozenset({"alice"})))
        with pytest.raises(CutOffError):
            looks.desk(listed).issue("alice", asked, at(6))
        assert "session" not in looks.asked


def test_a_session_is_read_for_both_sides_and_refused_to_anybody_else() -> None:
    for uid in ("alice", "bob"):
        assert Looks().desk().issue(uid, FOR_THE_CALL, at(6)).username.endswith(uid)
    refused: list[tuple[Session | None, str, type[WebRTCLiteError]]] = [
        (PENDING, "mallory", NotAParticipantError),
        (None, "alice", NotAParticipantError),
        (replace(CONNECTED, status=Status.ENDED), "alice", SessionEndedError),
        (replace(OFFERED, hangup=hangup(CALLER, 5)), "bob", SessionEndedError),
    ]
    for session, uid, error in refused:
        with pytest.raises(error) as raised:
            Looks(session=session).desk().issue(uid, FOR_THE_CALL, at(6))
        assert raised.value.field == "session_id"


def test_where_a_call_has_to_be_named_a_request_without_one_is_told_so_before_anything_is_looked_up() -> None:
    looks = Looks()
    bound = replace(TERMS, session_required=True)
    with pytest.raises(InvalidFieldError) as raised:
        looks.desk(bound).issue("alice", Asked(), at(6))
    assert raised.value.field == "session_id"
    assert "has to be given" in raised.value.message
    assert looks.asked == []
    assert looks.desk(bound).issue("alice", FOR_THE_CALL, at(6)) == issued()


def test_who_has_no_budget_left_costs_no_reading() -> None:
    looks = Looks(wait=42)
    with pytest.raises(BudgetExhaustedError) as raised:
        looks.desk(TWO).issue("alice", FOR_THE_CALL, at(6))
    assert "Ask again in 42 s" in str(raised.value.hint)
    assert looks.asked == ["budget of alice"]


# --- probe


@dataclass(frozen=True)
class Finding:
    way: Way
    problem: str = ""
    certificate_days: int | None = None


@dataclass
class Prober:
    """Ways that fail, by how often they do, and in which order everything happened."""

    failures: dict[str, int]
    days: dict[str, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def look(self, ways: Sequence[Way], granted: Grant) -> list[Finding]:
        assert granted == grant(RELAY, "webrtc-lite-probe", 60, int(at(6).timestamp()))
        self.done += [way.uri for way in ways]
        return [Finding(way, self._problem(way.uri), self.days.get(way.uri)) for way in ways]

    def _problem(self, uri: str) -> str:
        left = self.failures.get(uri, 0)
        self.failures[uri] = left - 1
        return "no answer" if left > 0 else ""

    def pause(self) -> None:
        self.done.append("pause")

    def run(self) -> service.Probed:
        return service.probe(TWO.pool, self.look, self.pause, at(6))


UDP, TCP, US_UDP, US_TCP = (way.uri for way in every_way(TWO.pool))


def test_relays_that_answer_are_asked_once() -> None:
    prober = Prober({}, {UDP: 30, US_TCP: 12})
    assert prober.run() == service.Probed(answered=4, dead={}, certificate_days=12)
    assert prober.done == [UDP, TCP, US_UDP, US_TCP]


def test_a_failure_is_repeated_after_a_pause_and_one_lost_packet_takes_nothing_off_the_list() -> None:
    prober = Prober({TCP: 1})
    assert prober.run() == service.Probed(answered=4, dead={}, certificate_days=None)
    assert prober.done == [UDP, TCP, US_UDP, US_TCP, "pause", TCP]


def test_what_fails_twice_is_dead_for_its_reason() -> None:
    prober = Prober({UDP: 2, TCP: 1, US_TCP: 9})
    assert prober.run() == service.Probed(2, {UDP: "no answer", US_TCP: "no answer"}, None)
    assert prober.done[4:] == ["pause", UDP, TCP, US_TCP]


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
    assert [store.written[name].deadline for name in ("first", "later")] == [at(31), at(50)]


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
