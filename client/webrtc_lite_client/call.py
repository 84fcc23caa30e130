"""The two roles of a call, step by step. Each side runs one of them; nothing here knows where the other side runs.

    caller                                          callee
    creates the session (pending)
    gets a credential, gathers, writes the offer
    sends its candidates                            hears it ring (offered), gets a credential
                                                    applies the offer, writes the answer
    applies the answer, as soon as it arrives       sends its candidates
    ... ICE connects; each side says so in ice_state; audio and data flow ...
    hangs up                                        sees the end
    reads the record                                reads the record

Media waits for the server once, for the ring. `answered` and `connected` follow by themselves; both sides look at
`connected` before they end the call, since only from there does its duration count.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from webrtc_lite_client.firebase import Firebase, Relay, User
from webrtc_lite_client.firestore import UserClient
from webrtc_lite_client.peer import Peer
from webrtc_lite_client.problem import Problem
from webrtc_lite_client.signalling import Session, Side, Signalling, rings
from webrtc_lite_client.waiting import Changing, meanwhile, within

RING_WITHIN_S = 30.0  # SPEC section 2: RING and CONNECT, which the server keeps as well
CONNECT_WITHIN_S = 30.0
FLOW_WITHIN_S = 10.0
END_WITHIN_S = 70.0  # where the event of the hangup is lost, a sweep a minute later ends the call

type Mark = Callable[[str], None]


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in on one device."""

    user: User
    firebase: Firebase
    firestore: UserClient
    device_id: str
    relay_uri: str | None = None  # another relay than the one that is issued

    async def relay(self, session_id: str) -> Relay:
        return await self.firebase.relay(self.user, session_id, self.relay_uri)


@dataclass(frozen=True)
class Outcome:
    """What one side has seen of a call that went well."""

    session_id: str
    pair: str
    heard_frames: int
    record: dict[str, Any]


class Call(Changing):
    """What both sides do alike."""

    def __init__(self, person: Person, session_id: str, side: Side, mark: Mark) -> None:
        super().__init__()
        self.session_id = session_id
        self.signalling = Signalling(person.firestore, session_id, side, person.device_id)
        self.mark = mark
        self.session: Session | None = None

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Listens to the session while the body runs. A call that fails hangs up, so that nobody else waits for it."""
        try:
            async with meanwhile(self._follow()):
                yield
        except BaseException:
            await self._give_up()
            raise

    async def _follow(self) -> None:
        async with aclosing(self.signalling.sessions()) as sessions:
            async for session in sessions:
                if self.session is None or self.session.status != session.status:
                    self.mark(session.status)
                self.session = session
                self.changed()

    async def _give_up(self) -> None:
        try:
            async with within(2.0, "a hangup"):
                await self.signalling.hang_up("failed")
        except Problem:
            pass  # it stands already, or the reason why it cannot be written is the one that is reported

    async def session_when(self, so: Callable[[Session], bool], what: str, within_s: float) -> Session:
        """The session, as soon as it is so. A session that ended instead says why."""
        async with within(within_s, what):
            await self.until(lambda: self.session is not None and (so(self.session) or self.session.status == "ended"))
        assert self.session is not None  # noqa: S101  it was waited for
        if not so(self.session):
            raise Problem(f"The call ended before {what}: {self.session.end}.")
        return self.session

    async def until_flowing(self, peer: Peer, talk_s: float) -> None:
        """ICE, then data and audio both ways, for so long that both sides have had enough of it."""
        async with within(CONNECT_WITHIN_S, "ICE connected"):
            await peer.until_connected()
        await self.signalling.report_ice("connected")
        await self.session_when(lambda session: session.status == "connected", "status connected", CONNECT_WITHIN_S)
        async with within(FLOW_WITHIN_S, "data through the relay and back"):
            await peer.until(lambda: peer.echoed)
        async with within(FLOW_WITHIN_S + talk_s, "audio through the relay"):
            await peer.until_heard(talk_s)
        peer.say_satisfied()
        async with within(FLOW_WITHIN_S + talk_s, "data and audio at the other side"):
            await peer.until(lambda: peer.satisfied)

    async def finish(self, peer: Peer) -> Outcome:
        await self.session_when(lambda session: session.status == "ended", "status ended", END_WITHIN_S)
        record = await self.signalling.history()
        self.mark("history read")
        return Outcome(self.session_id, peer.pair, peer.heard_frames, record)


@asynccontextmanager
async def connection(relay: Relay, call: Call) -> AsyncIterator[Peer]:
    """A peer connection that takes the other side's candidates whenever they come, and keeps them until it can."""
    peer = Peer(relay, call.mark)

    async def take_candidates() -> None:
        async with aclosing(call.signalling.candidates()) as arriving:
            async for candidates in arriving:
                await peer.until(lambda: peer.described)
                for candidate in candidates:
                    await peer.add(candidate)

    try:
        async with meanwhile(take_candidates()):
            yield peer
    finally:
        await peer.close()


async def place(person: Person, callee_id: str, mark: Mark, talk_s: float) -> Outcome:
    """The caller. It makes the session's id, and never uses one again."""
    call = Call(person, secrets.token_urlsafe(18), "caller", mark)
    await call.signalling.dial(person.user.uid, callee_id, "audio")
    mark("session written")
    async with call.followed():
        relay = await person.relay(call.session_id)
        mark("credentials")
        async with connection(relay, call) as peer:
            offer, candidates = await peer.offer()
            mark("gathered")
            await call.signalling.offer(offer)
            mark("offer written")
            await call.signalling.send_candidates(candidates)
            session = await call.session_when(lambda session: bool(session.answer), "an answer", RING_WITHIN_S)
            mark("answer seen")
            await peer.take_answer(session.answer or "")
            await call.until_flowing(peer, talk_s)
            await call.signalling.hang_up("hangup")
            mark("hung up")
            return await call.finish(peer)


async def pick_up(person: Person, mark: Mark, talk_s: float) -> Outcome:
    """The callee: answers the first call that rings."""
    async with within(RING_WITHIN_S, "a call that rings"), aclosing(rings(person.firestore, person.user.uid)) as calls:
        ringing = await anext(calls)
    mark("rings")
    call = Call(person, ringing.session_id, "callee", mark)
    async with call.followed():
        relay = await person.relay(call.session_id)
        mark("credentials")
        async with connection(relay, call) as peer:
            answer, candidates = await peer.answer(ringing.offer or "")
            mark("gathered")
            await call.signalling.answer(answer)
            mark("answer written")
            await call.signalling.send_candidates(candidates)
            await call.until_flowing(peer, talk_s)
            return await call.finish(peer)
