"""issuing.py. With a server and Firestore around it: tests/emulator; with relays that die: tests/e2e."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.unit.core.calls import CONNECTED, OFFERED, PENDING, USUAL, at, hangup
from webrtc_lite import issuing
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
from webrtc_lite.core.turn import Grant, Relay, Way, grant

RELAY = Relay("turn.example.com", 3478, (), "north-star-of-the-relay")
TERMS = Terms(Pool((Member(RELAY),)))


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

    def desk(self, terms: Terms = TERMS) -> issuing.Desk:
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

        return issuing.Desk(terms, spend, read, sessions, lambda: USUAL)


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

    def run(self) -> issuing.Probed:
        return issuing.probe(TWO.pool, self.look, self.pause, at(6))


UDP, TCP, US_UDP, US_TCP = (way.uri for way in every_way(TWO.pool))


def test_relays_that_answer_are_asked_once() -> None:
    prober = Prober({}, {UDP: 30, US_TCP: 12})
    assert prober.run() == issuing.Probed(answered=4, dead={}, certificate_days=12)
    assert prober.done == [UDP, TCP, US_UDP, US_TCP]


def test_a_failure_is_repeated_after_a_pause_and_one_lost_packet_takes_nothing_off_the_list() -> None:
    prober = Prober({TCP: 1})
    assert prober.run() == issuing.Probed(answered=4, dead={}, certificate_days=None)
    assert prober.done == [UDP, TCP, US_UDP, US_TCP, "pause", TCP]


def test_what_fails_twice_is_dead_for_its_reason() -> None:
    prober = Prober({UDP: 2, TCP: 1, US_TCP: 9})
    assert prober.run() == issuing.Probed(2, {UDP: "no answer", US_TCP: "no answer"}, None)
    assert prober.done[4:] == ["pause", UDP, TCP, US_TCP]
