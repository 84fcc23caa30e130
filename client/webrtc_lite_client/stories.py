"""Calls as they are scripted: for every end of the contract, a story that leads to it (README, "Why a call ended").

Each story is played by people of its own and says how each of its calls has to end. What it waits for, it waits for in
the documents, as an app does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from webrtc_lite_client.call import (
    CONNECT_WITHIN_S,
    END_WITHIN_S,
    RING_WITHIN_S,
    Call,
    Mark,
    Person,
    first_ring,
    going_on,
    incoming,
    outgoing,
)
from webrtc_lite_client.descriptions import NONSENSE
from webrtc_lite_client.peer import PaperPeer
from webrtc_lite_client.timeline import Timeline
from webrtc_lite_client.waiting import within

RING_S = 30.0  # SPEC section 2: how long a call may ring, lack an offer, or take to connect
PATIENCE = 3.0  # a loaded machine takes longer for the same


@dataclass(frozen=True)
class Cast:
    """The people of one story. `third` calls only the busy, and may be anybody where there are none."""

    caller: Person
    callee: Person
    third: Person


@dataclass
class Gauge:
    """How many calls are connected at the same time, and the most that were."""

    now: int = 0
    most: int = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            yield
        finally:
            self.now -= 1


@dataclass
class Scene:
    """One story being played: its people, how long they talk, and what has been seen of it."""

    cast: Cast
    talk_s: float
    proof_s: float
    gauge: Gauge = field(default_factory=Gauge)
    timeline: Timeline = field(default_factory=Timeline)
    ends: dict[str, str] = field(default_factory=dict)  # session id -> how it has to end
    calls: list[Call] = field(default_factory=list)

    def outgoing(self, person: Person, end: str, mark: Mark | None = None) -> Call:
        """Somebody's call, and how it has to end."""
        call = outgoing(person, mark or self.timeline.side("caller"))
        self.ends[call.session_id] = end
        self.calls.append(call)
        return call

    def incoming(self, person: Person, session_id: str) -> Call:
        return incoming(person, session_id, self.timeline.side("callee"))


type Story = Callable[[Scene], Awaitable[None]]


async def ringing(scene: Scene, call: Call) -> None:
    """Dials, until the callee hears it ring."""
    callee = scene.cast.callee

    async def hears() -> None:
        async with within(RING_WITHIN_S * PATIENCE, "the ring at the callee's"):
            await first_ring(callee, call.session_id)
        scene.timeline.mark("callee", "rings")

    async with asyncio.TaskGroup() as both:
        both.create_task(hears())
        both.create_task(call.place(callee.uid))


@asynccontextmanager
async def connected(scene: Scene, end: str) -> AsyncIterator[tuple[Call, Call]]:
    cast = scene.cast
    async with going_on(scene.outgoing(cast.caller, end)) as placed:
        await ringing(scene, placed)
        async with going_on(scene.incoming(cast.callee, placed.session_id)) as answered:
            answered.pick_up()
            async with asyncio.TaskGroup() as both:
                for side in (placed, answered):
                    both.create_task(side.until_connected(CONNECT_WITHIN_S))
            async with asyncio.TaskGroup() as both:
                for side in (placed, answered):
                    both.create_task(side.until_proved(scene.proof_s))
            with scene.gauge.counting():
                yield placed, answered
            await placed.until_ended()


async def talked(scene: Scene) -> None:
    async with connected(scene, "hangup") as (placed, _):
        await asyncio.sleep(scene.talk_s)
        await placed.hang_up("hangup")


async def cancelled(scene: Scene) -> None:
    async with going_on(scene.outgoing(scene.cast.caller, "cancelled")) as placed:
        await ringing(scene, placed)
        await placed.hang_up("cancel")
        await placed.until_ended()


async def declined(scene: Scene) -> None:
    async with going_on(scene.outgoing(scene.cast.caller, "declined")) as placed:
        await ringing(scene, placed)
        async with going_on(scene.incoming(scene.cast.callee, placed.session_id)) as answered:
            await answered.hang_up("decline")
            await placed.until_ended()


async def dropped(scene: Scene) -> None:
    """The callee's machine dies in the middle of the call. The caller tries to reconnect, gives up, and says so."""
    async with connected(scene, "failed") as (placed, answered):
        answered.leave_silently()
        await answered.close()
        if isinstance(placed.peer, PaperPeer):
            placed.peer.lose()
        await placed.until_given_up()
        await placed.hang_up("failed")


async def missed(scene: Scene) -> None:
    async with going_on(scene.outgoing(scene.cast.caller, "missed")) as placed:
        await ringing(scene, placed)
        await placed.until_ended(RING_S + END_WITHIN_S)


async def busy(scene: Scene) -> None:
    """Somebody calls one of two who talk."""
    async with connected(scene, "hangup") as (placed, _):
        async with going_on(scene.outgoing(scene.cast.third, "busy", lambda _: None)) as refused:
            await refused.place(scene.cast.callee.uid)
            await refused.until_ended()
        await placed.hang_up("hangup")


async def glare(scene: Scene) -> None:
    """Two call each other. One of the two calls gives way, and who made it answers the other at once."""
    cast = scene.cast
    ours, theirs = scene.outgoing(cast.caller, "hangup"), scene.outgoing(cast.callee, "hangup", lambda _: None)
    async with going_on(ours), going_on(theirs):
        async with asyncio.TaskGroup() as both:
            both.create_task(ours.place(cast.callee.uid))
            both.create_task(theirs.place(cast.caller.uid))
        gone, alive = await one_gives_way(ours, theirs)
        scene.ends[gone.session_id] = "glare"
        async with going_on(scene.incoming(gone.person, alive.session_id)) as answered:
            await first_ring(gone.person, alive.session_id)
            answered.pick_up()
            await alive.until_connected(CONNECT_WITHIN_S)
            await alive.hang_up("hangup")
            await alive.until_ended()


async def one_gives_way(ours: Call, theirs: Call) -> tuple[Call, Call]:
    over = {asyncio.create_task(each.until_ended()): each for each in (ours, theirs)}
    done, pending = await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    gone = over[done.pop()]
    return gone, theirs if gone is ours else ours


async def superseded(scene: Scene) -> None:
    """An app crashes while it rings, and calls again: the new call ends the old one."""
    cast = scene.cast
    async with going_on(scene.outgoing(cast.caller, "superseded")) as old:
        await ringing(scene, old)
        async with going_on(scene.outgoing(cast.caller, "cancelled", lambda _: None)) as new:
            await ringing(scene, new)
            await old.until_ended()
            await new.hang_up("cancel")
            await new.until_ended()


async def invalid_offer(scene: Scene) -> None:
    async with going_on(scene.outgoing(scene.cast.caller, "invalid_offer")) as placed:
        await placed.dial(scene.cast.callee.uid)
        await placed.signalling.offer(1, NONSENSE)
        await placed.until_ended()


async def invalid_answer(scene: Scene) -> None:
    async with going_on(scene.outgoing(scene.cast.caller, "invalid_answer")) as placed:
        await ringing(scene, placed)
        async with going_on(scene.incoming(scene.cast.callee, placed.session_id)) as answered:
            await answered.signalling.answer(1, NONSENSE)
            await placed.until_ended()


async def expired(scene: Scene) -> None:
    """An app crashes before it has made its offer."""
    async with going_on(scene.outgoing(scene.cast.caller, "expired")) as placed:
        await placed.dial(scene.cast.callee.uid)
        await placed.until_ended(RING_S + END_WITHIN_S)


STORIES: dict[str, Story] = {  # by the end that each is about
    "hangup": talked,
    "cancelled": cancelled,
    "declined": declined,
    "busy": busy,
    "missed": missed,
    "glare": glare,
    "superseded": superseded,
    "failed": dropped,
    "invalid_offer": invalid_offer,
    "invalid_answer": invalid_answer,
    "expired": expired,
}
SLOW = ("missed", "expired")  # half a minute, and until the next sweep
