"""`call` and `answer`: one side of a call with somebody else, who may use the page or a phone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webrtc_lite_client import firebase
from webrtc_lite_client.backend import Backend
from webrtc_lite_client.call import Call, Person, first_ring, going_on, hang_up_orphans, incoming, outgoing
from webrtc_lite_client.firebase import Firebase
from webrtc_lite_client.people import Manner, guest, resident
from webrtc_lite_client.problem import Over, Problem
from webrtc_lite_client.reconnection import State
from webrtc_lite_client.session import STATUSES, Session, ring_s
from webrtc_lite_client.timeline import Timeline

UNSETTLED_S = 30.0  # SPEC section 2: how long a call may lack an offer, or a server that looks at it
SWEEP_S = 1.0  # after the deadline: the server's own word for it comes first, if it comes soon

type Told = Callable[[str, dict[str, Any]], None]  # what happened, in a word, and more about it


@dataclass(frozen=True)
class Talk:
    backend: Backend
    manner: Manner
    told: Told
    account: Path | None = None
    lasts_s: float | None = None  # None: until the other side hangs up


def somebody(service: Firebase, talk: Talk) -> AbstractAsyncContextManager[Person]:
    return resident(service, talk.account, talk.manner) if talk.account else guest(service, talk.manner)


async def call(talk: Talk, callee_id: str) -> None:
    async with firebase.connected(talk.backend, talk.manner.wall) as service, somebody(service, talk) as person:
        await begin(talk, person)
        placed = outgoing(person, marked(talk))
        try:
            async with going_on(placed):
                await placed.place(callee_id)
                await until_answered(placed)
                await placed.until_connected()
                await stay(talk, placed)
        except* Over:
            survivor = placed.session.superseded_by if placed.session and placed.end == "glare" else None
            if survivor is None:
                raise
            # The two called each other: the call that lives is answered at once, without ringing.
            talk.told("goes on in", {"session_id": survivor})
            await take(talk, person, await first_ring(person, survivor))


async def answer(talk: Talk, *, calls: int | None, decline: bool, after_s: float, within_s: float | None) -> None:
    """Takes so many calls, one after the other; without a number, all that come."""
    async with firebase.connected(talk.backend, talk.manner.wall) as service, somebody(service, talk) as person:
        await begin(talk, person)
        taken = 0
        while calls is None or taken < calls:
            ringing = await next_ring(person, within_s)
            talk.told("rings", {"session_id": ringing.session_id, "caller_id": ringing.caller_id})
            try:
                await (refuse(talk, person, ringing) if decline else take(talk, person, ringing, after_s))
            except* Over as over:
                if calls == 1:
                    raise
                talk.told("ended", {"session_id": ringing.session_id, "reason": str(over.exceptions[0])})
            taken += 1


async def next_ring(person: Person, within_s: float | None) -> Session:
    try:
        async with asyncio.timeout(within_s):
            return await first_ring(person)
    except TimeoutError:
        raise Over(f"Nobody called within {within_s:g} s.", "missed") from None


async def begin(talk: Talk, person: Person) -> None:
    talk.told("signed in", {"uid": person.uid})
    if left := await hang_up_orphans(person):
        talk.told("hung up what the last start left", {"calls": left})


async def take(talk: Talk, person: Person, ringing: Session, after_s: float = 0.0) -> None:
    answered = incoming(person, ringing.session_id, marked(talk))
    async with going_on(answered):
        await keep_ringing(answered, min(after_s, ring_s(ringing)))
        if after_s > ring_s(ringing):
            answered.leave_silently()  # out of time: it is the caller's to end, or the sweep's
            raise Over("It rang until its deadline, and was not answered.", "missed")
        answered.pick_up()
        await answered.until_connected()
        await stay(talk, answered)


async def keep_ringing(ringing: Call, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ringing.until(lambda: ringing.end is not None)
    except TimeoutError:
        return
    raise Over(f"It stopped ringing: {ringing.end}.", ringing.end or "")


async def refuse(talk: Talk, person: Person, ringing: Session) -> None:
    declined = incoming(person, ringing.session_id, marked(talk))
    async with going_on(declined):
        await declined.hang_up("decline")
        session = await declined.until_ended()
    talk.told("ended", {"session_id": session.session_id, "end_reason": session.end_reason})


async def until_answered(placed: Call) -> None:
    """Rings for as long as the server's stamps say. Then it is over, whether or not a sweep has been there."""
    session = await placed.session_when(lambda session: session.status != "pending", "the ring", UNSETTLED_S)
    try:
        async with asyncio.timeout(ring_s(session) + SWEEP_S):
            await placed.session_when(lambda session: session.answer is not None, "an answer", None)
    except TimeoutError:
        await placed.hang_up("cancel")
        raise Over("Nobody answered.", "missed") from None


async def stay(talk: Talk, going: Call) -> None:
    """Talks until somebody hangs up: the other side, or this one when its time is over."""
    talk.told("connected", {"session_id": going.session_id, "pair": going.pair})
    try:
        async with asyncio.timeout(talk.lasts_s):
            await going.until(lambda: going.end is not None or going.reconnection.state is State.FAILED)
    except TimeoutError:
        await going.hang_up()
    if going.reconnection.state is State.FAILED and going.end is None:
        await going.hang_up("failed")
    session = await going.until_ended()
    talk.told("ended", {"session_id": session.session_id, "end_reason": session.end_reason})
    if session.end_reason not in ("hangup", "superseded"):
        raise Problem(f"The call ended with {session.end}.")


def marked(talk: Talk) -> Callable[[str], None]:
    timeline = Timeline()

    def mark(step: str) -> None:
        timeline.mark("", step)
        at_ms = math.floor(timeline.marks[-1].at_ms)
        if step in STATUSES:  # what the server says; what this side says of itself may have the same name
            talk.told("status", {"status": step, "at_ms": at_ms})
        else:
            talk.told(step, {"at_ms": at_ms})

    return mark
