"""Every end of the contract, reached under the rules however the events come, and recorded once in its own commit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from random import Random

import pytest

from tests.support.backend import SESSIONS, Backend, Delivery
from tests.support.calls import Call, connected
from tests.support.phones import Phone
from webrtc_lite import service
from webrtc_lite.core.deadlines import Durations
from webrtc_lite.core.records import EndReason
from webrtc_lite.edge import logs, store

USUAL = Durations()
BROKEN = "v=0\r\n"


# --- how the server comes to look


@dataclass
class Server(ABC):
    backend: Backend
    handle: Callable[[Delivery], object]  # on_session_written itself, in this process

    @abstractmethod
    def looks(self) -> None:
        """At what was said since it looked last."""

    def sweeps(self, when: datetime) -> None:
        service.sweep(store.sessions(), logs, lambda: when, USUAL)

    def phone(self, uid: str) -> Phone:
        return Phone(self.backend, uid)

    @property
    def told(self) -> list[Delivery]:
        return [each for each in self.backend.wire.deliveries if each.path.startswith(SESSIONS)]


class ByEvents(Server):
    def looks(self) -> None:
        self.backend.quiet()


class BySweeps(Server):
    """Every event is lost."""

    def looks(self) -> None:
        self.backend.quiet()
        self.sweeps(datetime.now().astimezone())


@dataclass
class ByDisorder(Server):
    """All that was ever told is told again, twice and in any order, whenever there is something new."""

    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311 (an order, not a secret)

    def looks(self) -> None:
        self.backend.quiet()
        told = self.told * 2
        self.random.shuffle(told)
        for each in told:
            self.handle(each)
        self.backend.quiet()


SERVERS: dict[str, type[Server]] = {"by events": ByEvents, "by sweeps": BySweeps, "by disorder": ByDisorder}


@pytest.fixture(params=list(SERVERS.values()), ids=list(SERVERS))
def server(request: pytest.FixtureRequest, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in backend.environment.items():
        monkeypatch.setenv(name, value)
    main = import_module("main")
    sessions = store.Sessions(backend.client)
    monkeypatch.setattr(store, "sessions", lambda: sessions)
    backend.wire.cut = request.param is not ByEvents
    yield request.param(backend, lambda delivery: main.on_session_written(delivery.as_event()))
    backend.wire.cut = False


# --- the stories


def ringing(server: Server) -> Call:
    call = server.phone("alice").dial("bob")
    server.looks()
    return call


def answered(server: Server) -> Call:
    call = ringing(server)
    assert server.phone("bob").answers(call)
    server.looks()
    return call


def talking(server: Server) -> Call:
    call = answered(server)
    assert server.phone("alice").reports(call)
    server.looks()
    return call


def hung_up(server: Server) -> Call:
    call = talking(server)
    assert server.phone("bob").hangs_up(call)
    return call


def hung_up_as_failed(server: Server) -> Call:
    call = answered(server)
    assert server.phone("bob").hangs_up(call, "failed")
    return call


def given_up(server: Server) -> Call:
    call = talking(server)
    assert server.phone("alice").reports(call, "failed")
    assert server.phone("bob").reports(call, "failed")
    if isinstance(server, BySweeps):  # of a call that has connected, a sweep looks at a hangup or the deadline
        server.sweeps(call.now()["deadline"])
    return call


def never_connected(server: Server) -> Call:
    call = answered(server)
    server.sweeps(call.now()["deadline"])
    return call


def cancelled(server: Server) -> Call:
    call = ringing(server)
    assert server.phone("alice").hangs_up(call, "cancel")
    return call


def cancelled_before_it_rang(server: Server) -> Call:
    call = server.phone("alice").dial("bob", sdp=None)
    assert server.phone("alice").hangs_up(call, "cancel")
    return call


def declined(server: Server) -> Call:
    call = ringing(server)
    assert server.phone("bob").hangs_up(call, "decline")
    return call


def busy(server: Server) -> Call:
    ringing(server)
    return server.phone("carol").dial("bob")


def missed(server: Server) -> Call:
    call = ringing(server)
    server.sweeps(call.now()["deadline"])
    return call


def glare(server: Server) -> Call:
    ringing(server)
    return server.phone("bob").dial("alice")


def superseded(server: Server) -> Call:
    call = talking(server)
    server.phone("bob").dial("alice")
    return call


def offered_nonsense(server: Server) -> Call:
    return server.phone("alice").dial("bob", BROKEN)


def answered_nonsense(server: Server) -> Call:
    call = ringing(server)
    assert server.phone("bob").answers(call, BROKEN)
    return call


def never_offered(server: Server) -> Call:
    call = server.phone("alice").dial("bob", sdp=None)
    server.looks()
    server.sweeps(call.now()["created_at"] + USUAL.offer)
    return call


def never_looked_at(server: Server) -> Call:
    with server.backend.wire.losing():
        call = server.phone("alice").dial("bob")
        server.backend.quiet()
    server.sweeps(call.now()["created_at"] + USUAL.settled)
    return call


def silent(server: Server) -> Call:
    call = talking(server)
    server.sweeps(call.now()["deadline"])
    return call


ENDS: dict[Callable[[Server], Call], EndReason] = {
    hung_up: EndReason.HANGUP,
    hung_up_as_failed: EndReason.FAILED,
    given_up: EndReason.FAILED,
    never_connected: EndReason.FAILED,
    cancelled: EndReason.CANCELLED,
    cancelled_before_it_rang: EndReason.CANCELLED,
    declined: EndReason.DECLINED,
    busy: EndReason.BUSY,
    missed: EndReason.MISSED,
    glare: EndReason.GLARE,
    superseded: EndReason.SUPERSEDED,
    offered_nonsense: EndReason.INVALID_OFFER,
    answered_nonsense: EndReason.INVALID_ANSWER,
    never_offered: EndReason.EXPIRED,
    never_looked_at: EndReason.EXPIRED,
    silent: EndReason.EXPIRED,
}


def test_every_end_of_the_contract_has_its_story() -> None:
    assert set(ENDS.values()) == set(EndReason)


@pytest.mark.parametrize(("story", "reason"), ENDS.items(), ids=[f"{story.__name__}" for story in ENDS])
def test_a_call_ends_once_with_its_reason_its_times_and_its_duration_in_one_commit(
    server: Server, story: Callable[[Server], Call], reason: EndReason
) -> None:
    call = story(server)
    server.looks()
    session, record = call.document.get(), call.record.get()
    said, recorded = session.to_dict() or {}, record.to_dict() or {}

    assert (said["status"], said["end_reason"], recorded["end_reason"]) == ("ended", reason, reason)
    assert session.update_time == record.create_time == record.update_time
    moments = ["created_at", "answered_at", "connected_at", "ended_at"]
    assert {name: recorded.get(name) for name in moments} == {name: said.get(name) for name in moments}
    lasted = said["ended_at"] - said["connected_at"] if "connected_at" in said else timedelta()
    assert recorded["duration_s"] == int(lasted.total_seconds())
    assert ("superseded_by" in said) == (reason in {EndReason.GLARE, EndReason.SUPERSEDED})
    assert said["expires_at"] == said["ended_at"] + USUAL.session_kept

    for each in [*server.told, *server.told[::-1]]:
        server.handle(each)
    server.sweeps(said["ended_at"] + timedelta(days=1))
    assert (call.document.get().update_time, call.record.get().update_time) == (session.update_time, record.update_time)


def test_a_call_that_lasted_says_how_long(backend: Backend) -> None:
    """Of an hour in which both sides said that they were alive."""
    since = datetime.now().astimezone() - timedelta(hours=1)
    call = Call.new(backend, connected(connected_at=since, deadline=since + timedelta(hours=2)))
    assert Phone(backend, "alice").hangs_up(call)
    call.becomes("ended")

    assert (call.history or {})["duration_s"] in {3600, 3601}
