"""A call from both sides, over a back end of a few lines: what each side writes, in which order, and what it leaves."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from webrtc_lite_client import call as module
from webrtc_lite_client import reconnection
from webrtc_lite_client.call import Call, Person, going_on
from webrtc_lite_client.candidates import Candidate, documents, end_of
from webrtc_lite_client.credentials import Issued, RelayCredentials
from webrtc_lite_client.descriptions import paper
from webrtc_lite_client.peer import Described, PaperPeer, RefusedCredential
from webrtc_lite_client.problem import Denied, Exit, Over, Problem, reason
from webrtc_lite_client.reconnection import State
from webrtc_lite_client.relay import Relay, Standing
from webrtc_lite_client.session import Description, IceState, Reason, Session, Side, other
from webrtc_lite_client.signalling import Signalling
from webrtc_lite_client.talk import until_answered
from webrtc_lite_client.waiting import Changing, within

ISSUED = Issued("4600:alice", "p", ("turn:t",), 3600, expires_at=4600, refresh_at=4300, server_time=1000)


class Server(Changing):
    """Settles at once, as the back end does: SPEC section 2, as far as these calls go."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session("id", "pending", "alice", "bob")
        self.batches: dict[str, dict[str, Any]] = {}
        self.written: list[str] = []

    def now(self, **fields: Any) -> None:  # noqa: ANN401
        self.session = replace(self.session, **fields)
        self.changed()

    def write(self, what: str, **fields: Any) -> None:  # noqa: ANN401
        if self.session.status == "ended":
            raise Denied(f"refused: {what}")
        self.written.append(what)
        self.now(**fields)


class Line:
    """One side's signalling. What it writes is noted with its side."""

    def __init__(self, server: Server, side: Side) -> None:
        self.server = server
        self.side: Side = side
        self.session_id = "id"

    async def dial(self, *_: str) -> None:
        self.server.write(f"{self.side} session")

    async def offer(self, revision: int, sdp: str) -> None:
        if self.server.session.offer and revision != self.server.session.offer.revision + 1:
            raise Denied("out of turn")
        status = "offered" if revision == 1 else self.server.session.status
        self.server.write(f"{self.side} offer {revision}", offer=Description(sdp, revision, self.side), status=status)

    async def answer(self, revision: int, sdp: str) -> None:
        answer = Description(sdp, revision, self.side, f"{self.side}'s")
        status = "answered" if revision == 1 else self.server.session.status
        self.server.write(f"{self.side} answer {revision}", answer=answer, accepted_answer=revision, status=status)

    async def send_candidates(self, revision: int, candidates: Sequence[Candidate]) -> None:
        self.server.batches |= documents(self.side, revision, [*candidates, end_of(candidates)])
        self.server.write(f"{self.side} candidates {revision}")

    async def report_ice(self, state: IceState) -> None:
        status = "connected" if state == "connected" else self.server.session.status
        self.server.write(f"{self.side} {state}", status=status)

    async def hang_up(self, reason: Reason) -> None:
        self.server.write(f"{self.side} hangs up: {reason}", status="ended", end_reason=reason)

    async def stay_alive(self) -> None:
        self.server.write(f"{self.side} alive")

    async def sessions(self) -> AsyncGenerator[Session]:
        seen: Session | None = None
        while True:
            if self.server.session != seen:
                seen = self.server.session
                yield seen
            await self.server.until(lambda seen=seen: self.server.session != seen)  # type: ignore[misc]

    async def candidates(self) -> AsyncGenerator[dict[str, dict[str, Any]]]:
        sender, seen = other(self.side), -1
        while True:
            theirs = {name: batch for name, batch in self.server.batches.items() if name.startswith(sender)}
            if len(theirs) != seen:
                seen = len(theirs)
                yield theirs
            await self.server.change_within(1.0)


class Watched(PaperPeer):
    """Says whether a candidate was added before its description was set."""

    made: int = 0

    async def add(self, candidate: Candidate) -> None:
        assert self._described, "a candidate came before the description"
        await super().add(candidate)


@dataclass
class Two:
    server: Server
    caller: Call
    callee: Call
    peers: dict[str, list[PaperPeer]] = field(default_factory=dict)
    asked: int = 0


def two(make: Callable[..., PaperPeer] = Watched) -> Two:
    server = Server()
    pair = Two(server, cast("Call", None), cast("Call", None))

    async def issue(_: str | None) -> Issued:
        pair.asked += 1
        return replace(ISSUED, username=f"4600:{pair.asked}")

    def side(name: Side) -> Call:
        pair.peers[name] = []

        def made(relay: Relay, mark: Callable[[str], None], told: Callable[[], None]) -> PaperPeer:
            peer = make(relay, mark, told)
            pair.peers[name].append(peer)
            return peer

        person = SimpleNamespace(
            uid="alice" if name == "caller" else "bob",
            device_id=f"{name}'s",
            credentials=RelayCredentials(issue, lambda: 1000.0),
            make_peer=made,
            relay_uri=None,
            firebase=SimpleNamespace(backend=SimpleNamespace(local=True)),
        )
        line = cast("Signalling", Line(server, name))
        return Call(cast("Person", person), line, lambda _: None, lambda: asyncio.get_running_loop().time())

    pair.caller, pair.callee = side("caller"), side("callee")
    return pair


@asynccontextmanager
async def connected(pair: Two) -> AsyncIterator[Two]:
    async with within(10.0, "the call"), going_on(pair.caller), going_on(pair.callee):
        await pair.caller.place("bob")
        await pair.callee.until_status("offered", 1.0)
        pair.callee.pick_up()
        await pair.caller.until_connected()
        await pair.callee.until_connected()
        yield pair


def play(steps: Callable[[Two], Awaitable[None]], make: Callable[..., PaperPeer] = Watched) -> Two:
    pair = two(make)

    async def run() -> None:
        async with connected(pair):
            await steps(pair)

    asyncio.run(run())
    return pair


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of a reconnection, in hundredths."""
    monkeypatch.setattr(reconnection, "AFTER_S", tuple(each / 100 for each in reconnection.AFTER_S))
    monkeypatch.setattr(reconnection, "ATTEMPT_S", 0.08)

    async def answers(relay: Relay, *, trusting: bool) -> Standing:
        assert trusting
        return Standing(relay.uri)

    monkeypatch.setattr(module, "probe", answers)


async def hang_up(pair: Two) -> None:
    await pair.caller.hang_up()
    await pair.callee.until_ended()


def test_descriptions_come_before_their_candidates_and_ice_is_reported_by_both() -> None:
    written = play(hang_up).server.written

    assert written[:3] == ["caller session", "caller offer 1", "caller candidates 1"]
    assert written.index("callee answer 1") < written.index("callee candidates 1")
    assert {"caller connected", "callee connected"} <= set(written)
    assert written[-1] == "caller hangs up: hangup"


def test_one_credential_serves_every_connection_of_a_call() -> None:
    assert play(reconnect("caller")).asked == 2  # one a person


def reconnect(*sides: Side) -> Callable[[Two], Awaitable[None]]:
    """The connection is lost, and these sides notice."""

    async def steps(pair: Two) -> None:
        for side in sides:
            pair.peers[side][-1].lose()
        await pair.callee.session_when(lambda session: session.accepted_answer == 2, "a second round", 5.0)
        for side in sides:
            reported = f"{side} connected"
            await pair.server.until(lambda reported=reported: pair.server.written.count(reported) == 2)  # type: ignore[misc]
        assert pair.caller.reconnection.state is pair.callee.reconnection.state is State.STABLE
        await hang_up(pair)

    return steps


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_lost_connection_is_made_anew_by_a_new_peer_on_both_sides(side: Side) -> None:
    pair = play(reconnect(side))

    assert [len(pair.peers[each]) for each in ("caller", "callee")] == [2, 2]
    assert all(peer.state == "lost" for peers in pair.peers.values() for peer in peers)  # closed, the old and the new
    tail = pair.server.written[pair.server.written.index(f"{side} disconnected") :]
    rounds = [each for each in tail if "offer" in each or "answer" in each]
    assert rounds == [f"{side} offer 2", f"{other(side)} answer 2"]
    assert tail.count(f"{side} connected") == 1


def test_where_both_lose_it_one_offers_and_the_other_answers_and_that_is_all() -> None:
    written = play(reconnect("caller", "callee")).server.written

    assert sorted(each.partition(" ")[2] for each in written if " offer" in each or " answer" in each) == [
        "answer 1", "answer 2", "offer 1", "offer 2",
    ]  # fmt: skip


def test_who_answers_a_new_connection_need_not_offer_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc_lite_client.lease.ALIVE_EVERY_S", 0.02)

    async def answers(pair: Two) -> None:
        pair.server.now(offer=Description(paper("actpass", secrets.token_hex)[0], 2, "caller"))
        pair.callee.session = pair.server.session
        pair.callee._mend = True  # its own attempt is due at the moment in which it hears of that offer
        await pair.callee.session_when(lambda session: session.accepted_answer == 2, "a second round", 5.0)
        before = pair.server.written.count("callee alive")
        await pair.server.until(lambda: pair.server.written.count("callee alive") > before)  # so it has looked again
        await hang_up(pair)

    assert "callee offer 3" not in play(answers).server.written


def test_an_offer_that_goes_on_in_the_lost_connection_is_answered_and_mends_nothing() -> None:
    """A browser's ICE restart, which aiortc cannot follow."""

    async def restarts(pair: Two) -> None:
        old = pair.server.session.offer
        assert old is not None
        pair.peers["callee"][-1].lose()
        pair.server.now(offer=replace(old, revision=2))
        await pair.server.until(lambda: "callee offer 3" in pair.server.written)
        await hang_up(pair)

    written = play(restarts).server.written
    assert written.index("callee answer 2") < written.index("callee offer 3")


def some_candidates() -> list[Candidate]:
    return [Candidate(candidate="candidate:1", sdpMid="0", sdpMLineIndex=0)]


def test_who_gets_no_answer_to_three_attempts_gives_up_and_says_so() -> None:
    async def alone(pair: Two) -> None:
        pair.callee.leave_silently()
        pair.peers["caller"][-1].lose()
        await pair.server.until(lambda: "caller offer 2" in pair.server.written)
        late = documents("callee", 1, some_candidates())
        pair.server.batches["callee-1-1"] = late["callee-1-0"]  # of the round before: not for the new connection
        pair.server.changed()
        await pair.caller.until_given_up()
        await pair.server.until(lambda: "caller failed" in pair.server.written)
        await pair.caller.hang_up("failed")

    written = play(alone).server.written

    assert [each for each in written if "caller offer" in each] == [f"caller offer {n}" for n in (1, 2, 3, 4)]
    assert written[-2:] == ["caller failed", "caller hangs up: failed"]


def test_an_attempt_is_not_spent_while_the_relay_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    down = [True, True, True]

    async def answers(relay: Relay, *, trusting: bool) -> Standing:  # noqa: ARG001
        return Standing(relay.uri, "no answer" if down and down.pop() else "")

    monkeypatch.setattr(module, "probe", answers)
    monkeypatch.setattr(reconnection, "LOOK_S", 0.01)

    pair = play(reconnect("caller"))

    assert down == []
    assert [each for each in pair.server.written if "caller offer" in each] == ["caller offer 1", "caller offer 2"]


def test_a_credential_that_the_relay_refuses_is_replaced_at_once() -> None:
    refusals = [True]

    class Refused(Watched):
        async def offer(self) -> Described:
            if refusals:
                refusals.pop()
                raise RefusedCredential("401")
            return await super().offer()

    assert play(hang_up, Refused).asked == 3  # the caller twice, the callee once


def test_a_call_that_another_device_answers_stops_here_and_is_not_hung_up() -> None:
    pair = two()

    async def run() -> None:
        async with going_on(pair.callee):
            pair.server.now(status="offered", offer=Description("o", 1, "caller"))
            await pair.callee.until_status("offered", 1.0)
            pair.server.now(status="answered", answer=Description("a", 1, "callee", "tablet"))
            await pair.callee.until_connected(1.0)

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(run())
    over = reason(failure.value)
    assert isinstance(over, Over)
    assert over.end == "answered_elsewhere"
    assert pair.server.written == []


def test_a_relay_that_goes_on_refusing_the_credential_costs_two_more_requests_and_not_one_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusals = [401] * 5

    async def refuses(relay: Relay, *, trusting: bool) -> Standing:  # noqa: ARG001
        return Standing(relay.uri, "no", refusals.pop()) if refusals else Standing(relay.uri)

    monkeypatch.setattr(module, "probe", refuses)
    monkeypatch.setattr(reconnection, "LOOK_S", 0.01)

    assert play(reconnect("caller")).asked == 2 + module.RENEWALS


def test_who_is_interrupted_while_hanging_up_hangs_up_all_the_same() -> None:
    pair = two()
    tries: list[str] = []

    async def run() -> None:
        async with connected(pair):
            line = cast("Line", pair.caller.signalling)
            hang_up, pair.callee._has_said_all = line.hang_up, True

            async def interrupted(reason: Reason) -> None:
                tries.append(reason)
                if len(tries) == 1:
                    raise asyncio.CancelledError
                await hang_up(reason)

            line.hang_up = interrupted  # type: ignore[method-assign]
            await pair.caller.hang_up()

    with suppress(asyncio.CancelledError):
        asyncio.run(run())
    assert pair.server.session.status == "ended"
    assert len(tries) == 2


def test_a_report_that_the_rules_refuse_in_a_call_that_goes_on_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.01)
    pair = two()

    async def refused(state: IceState) -> None:  # noqa: ARG001
        raise Denied("no ice_state here")

    cast("Line", pair.callee.signalling).report_ice = refused  # type: ignore[method-assign]

    async def run() -> None:
        async with connected(pair):
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(run())
    assert str(reason(failure.value)) == "no ice_state here"


def test_a_caller_stops_ringing_at_the_deadline_also_where_no_sweep_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc_lite_client.talk.SWEEP_S", 0.01)
    now = datetime.now(UTC)
    pair = two()
    pair.server.now(stamps={"offered_at": now, "deadline": now + timedelta(seconds=0.05)})

    async def rings() -> None:
        async with within(10.0, "the call"), going_on(pair.caller):
            await pair.caller.place("bob")
            await until_answered(pair.caller)

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(rings())
    assert str(reason(failure.value)) == "Nobody answered."
    assert pair.server.written[-1] == "caller hangs up: cancel"


def test_a_call_that_gives_way_while_it_is_placed_has_ended_and_has_not_failed() -> None:
    pair = two()
    line = cast("Line", pair.caller.signalling)
    offer = line.offer

    async def gives_way(revision: int, sdp: str) -> None:
        await offer(revision, sdp)
        pair.server.now(status="ended", end_reason="glare")  # so its candidates are refused

    line.offer = gives_way  # type: ignore[method-assign]

    async def run() -> str | None:
        async with within(10.0, "the call"), going_on(pair.caller):
            await pair.caller.place("bob")
            return (await pair.caller.until_ended()).end_reason

    assert asyncio.run(run()) == "glare"
    assert pair.server.written == ["caller session", "caller offer 1"]


def test_who_is_interrupted_hangs_up() -> None:
    async def interrupted(_: Two) -> None:
        raise asyncio.CancelledError

    pair = two()

    async def run() -> None:
        async with connected(pair):
            await interrupted(pair)

    with suppress(asyncio.CancelledError):
        asyncio.run(run())
    assert [each for each in pair.server.written if "hangs up" in each] == ["callee hangs up: hangup"]


def test_who_is_interrupted_while_the_call_is_being_written_hangs_up_after_it() -> None:
    pair = two()
    line = cast("Line", pair.caller.signalling)
    dial = line.dial

    async def run() -> None:
        sent, interrupted = asyncio.Event(), asyncio.Event()

        async def slow(*who: str) -> None:
            sent.set()
            await interrupted.wait()
            await dial(*who)

        line.dial = slow  # type: ignore[method-assign]

        async def place() -> None:
            async with within(10.0, "the call"), going_on(pair.caller):
                await pair.caller.place("bob")

        placing = asyncio.create_task(place())
        await sent.wait()
        placing.cancel()
        await asyncio.sleep(0)
        interrupted.set()
        with suppress(asyncio.CancelledError):
            await placing

    asyncio.run(run())
    assert pair.server.written == ["caller session", "caller hangs up: cancel"]


async def unanswered(reason: Reason) -> None:  # noqa: ARG001
    raise Problem("Firestore does not answer.", ends=Exit.UNREACHABLE)


@pytest.mark.parametrize(
    ("ends_by", "said"),
    [
        (asyncio.CancelledError(), "The call was not hung up. Firestore does not answer."),
        (Problem("no media"), "no media"),
    ],
    ids=["interrupted", "failed"],
)
def test_who_cannot_hang_up_says_so_unless_something_failed_before(ends_by: BaseException, said: str) -> None:
    pair = two()
    for call in (pair.caller, pair.callee):
        cast("Line", call.signalling).hang_up = unanswered  # type: ignore[method-assign]

    async def run() -> None:
        async with connected(pair):
            raise ends_by

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(run())
    assert str(reason(failure.value)) == said


def test_a_call_that_fails_says_so_before_it_leaves() -> None:
    async def fails(_: Two) -> None:
        raise Problem("no media")

    pair = two()

    async def run() -> None:
        async with connected(pair):
            await fails(pair)

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(run())
    assert str(reason(failure.value)) == "no media"
    assert pair.server.written[-1] == "callee hangs up: failed"


def test_signs_of_life_are_given_as_long_as_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc_lite_client.lease.ALIVE_EVERY_S", 0.02)

    async def live(pair: Two) -> None:
        await pair.server.until(lambda: pair.server.written.count("caller alive") >= 3)
        await hang_up(pair)

    assert "callee alive" in play(live).server.written
