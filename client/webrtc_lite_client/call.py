"""One call, seen from one side. Nothing here knows where the other side runs.

    caller                                          callee
    creates the session (pending)
    gets a credential, gathers, writes the offer
    sends its candidates                            hears it ring (offered), gets a credential
                                                    applies the offer, writes the answer
    applies the answer, as soon as it arrives       sends its candidates
    ... ICE connects; each side says so in ice_state; audio and data flow ...
    hangs up                                        sees the end
    reads the record                                reads the record

Media waits for the server once, for the ring. `answered` and `connected` follow by themselves.

A call is a few followers that run side by side while it lasts: who listens to the session, who listens for candidates,
who does the next step of offer and answer, who reports ICE, who keeps the lease. What each of them decides is decided
in pure modules (rounds, reconnection, lease, session), which are told what stands and what time it is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace

from webrtc_lite_client.candidates import Candidate, Inbox
from webrtc_lite_client.credentials import Issued, RelayCredentials
from webrtc_lite_client.descriptions import is_new_connection
from webrtc_lite_client.firebase import Firebase, User
from webrtc_lite_client.firestore import UserClient
from webrtc_lite_client.lease import Lease
from webrtc_lite_client.peer import AnyPeer, MakePeer, Peer, RefusedCredential
from webrtc_lite_client.problem import Denied, Exit, Over, Problem, Refused
from webrtc_lite_client.reconnection import Reconnection, State
from webrtc_lite_client.relay import UNAUTHORIZED, chosen, probe
from webrtc_lite_client.rounds import NOTHING, Rounds, Step, next_step
from webrtc_lite_client.session import IceState, Reason, Session, Side, how_it_ended, orphans, other
from webrtc_lite_client.signalling import Signalling, live_sessions, rings
from webrtc_lite_client.waiting import Changing, meanwhile, to_its_end, within

RING_WITHIN_S = 15.0  # from the offer to its ring: an event, a check, a commit; and a cold start
SETTLED_BY = "Is on_session_written deployed, and what does its log say? `firebase functions:log`"
CONNECT_WITHIN_S = 30.0  # SPEC section 2: CONNECT, which the server keeps as well
FLOW_WITHIN_S = 10.0
END_WITHIN_S = 70.0  # where the event of the hangup is lost, a sweep a minute later ends the call
GIVES_UP_WITHIN_S = 60.0  # three attempts, and the pauses before them, are 31 s
GOODBYE_WITHIN_S = 10.0  # what is not hung up engages two people until its deadline; a second Ctrl-C ends at once
LEFT_TO_THE_SERVER = "The server ends it by itself, when its deadline or its lease is over."
TRY_AGAIN_S = 1.0
RENEWALS = 2
GRACE_S = 2.0

type Mark = Callable[[str], None]
type Described = tuple[str, list[Candidate]]


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in on one device."""

    user: User
    firebase: Firebase
    firestore: UserClient
    credentials: RelayCredentials
    device_id: str
    make_peer: MakePeer = Peer
    relay_uri: str | None = None  # another relay than the one that is issued

    @property
    def uid(self) -> str:
        return self.user.uid

    def signalling(self, session_id: str, side: Side) -> Signalling:
        return Signalling(self.firestore, session_id, side, self.device_id, self.credentials.server_now)


def new_session_id() -> str:
    """The id of a session is its caller's to make, and never used again."""
    return secrets.token_urlsafe(18)


class Call(Changing):
    def __init__(self, person: Person, signalling: Signalling, mark: Mark, clock: Callable[[], float]) -> None:
        super().__init__()
        self.person = person
        self.signalling = signalling
        self.side: Side = signalling.side
        self.session_id = signalling.session_id
        self.session: Session | None = None
        self.peer: AnyPeer | None = None
        self.pair = ""
        self.reconnection = Reconnection()
        self._mark = mark
        self._clock = clock
        self._rounds = Rounds()
        self._joined = False  # this side takes part in rounds: it has placed the call, or picked it up
        self._mend = False  # the connection is lost, and this side wants to offer a new one
        self._inbox = Inbox(other(self.side))
        self._remote_sdp = ""
        self._described = 0  # the round whose description of the other side is set
        self._ice: IceState | None = None  # what is to be reported
        self._renewals = 0  # of a credential that the relay has refused
        self._left = False  # this side takes no further part
        self._has_said_all = False  # and nobody waits for a word of it

    # ---- What a person does

    async def place(self, callee_id: str) -> None:
        await self.dial(callee_id)
        await self._unless_over(self._offer(1))
        self._join()

    async def dial(self, callee_id: str) -> None:
        """Writes the session, without an offer. Whoever is interrupted meanwhile hangs up what is then there."""
        await to_its_end(self.signalling.dial(self.person.uid, callee_id, "audio"), GOODBYE_WITHIN_S)
        self._mark("session written")

    def pick_up(self) -> None:
        """The offer is answered as any later one: with the next step."""
        self._join()

    def _join(self) -> None:
        self._joined = True
        self.changed()

    async def hang_up(self, reason: Reason | None = None) -> None:
        """Ends the call, whatever its stage: cancels or declines one that rings, hangs up one that was answered."""
        self._left = True
        await self.signalling.hang_up(reason or self._fitting())
        self._has_said_all = True
        self._mark("hung up")

    def leave_silently(self) -> None:
        """Leaves without a word: other devices of this person may go on ringing."""
        self._left = self._has_said_all = True

    def _fitting(self) -> Reason:
        if self.session is not None and self.session.answer is not None:
            return "hangup"
        return "cancel" if self.side == "caller" else "decline"

    # ---- What a person waits for

    @property
    def end(self) -> str | None:
        """How the call ended, for this side, if it has."""
        if self.session is None:
            return None
        return how_it_ended(self.session, self.side) or (
            "answered_elsewhere" if self._is_answered_elsewhere() else None
        )

    async def until_status(self, status: str, within_s: float) -> Session:
        return await self.session_when(lambda session: session.status == status, f"status {status}", within_s)

    async def session_when(self, so: Callable[[Session], bool], what: str, within_s: float | None) -> Session:
        """The session, as soon as it is so. A session that ended instead says why."""
        async with within(within_s, what, SETTLED_BY, Exit.FUNCTIONS):
            await self.until(lambda: self.session is not None and (so(self.session) or self.end is not None))
        assert self.session is not None  # noqa: S101  it was waited for
        if not so(self.session):
            raise Over(f"The call ended before {what}: {self.session.end or self.end}.", self.end or "")
        return self.session

    async def until_connected(self, within_s: float = CONNECT_WITHIN_S) -> None:
        """ICE has found a way, and the server has heard of it."""
        hint = "A relay that may not send to itself refuses this: see allowed-peer-ip in turnserver.conf."
        async with within(within_s, "ICE connected", hint, Exit.MEDIA):
            await self.until(lambda: self.end is not None or (self.peer is not None and self.peer.state == "connected"))
        await self.until_status("connected", within_s=within_s)

    async def until_proved(self, talk_s: float) -> None:
        """Data and audio both ways, for so long that both sides have had enough of it."""

        def proved() -> bool:
            return self.peer is not None and self.peer.prove(talk_s)

        try:
            async with within(FLOW_WITHIN_S + talk_s, "data and audio both ways"):
                await self.until(lambda: proved() or self.end is not None)
        except Problem as late:
            missing = self.peer.missing if self.peer else "the connection was lost"
            raise Problem(f"{late} Of all that, {missing}.", ends=Exit.MEDIA) from None
        if not proved():
            raise Over(f"The call ended before data and audio went both ways: {self.end}.", self.end or "")

    async def until_given_up(self) -> None:
        """The connection was lost, and every attempt to make it anew has failed."""
        async with within(GIVES_UP_WITHIN_S, "giving up"):
            await self.until(lambda: self.reconnection.state is State.FAILED)

    async def until_ended(self, within_s: float = END_WITHIN_S) -> Session:
        """As the server says it, with its reason: a hangup that stands is not yet an end."""
        async with within(within_s, "status ended", SETTLED_BY, Exit.FUNCTIONS):
            await self.until(lambda: self.session is not None and self.session.status == "ended")
        assert self.session is not None  # noqa: S101  it was waited for
        return self.session

    # ---- The followers

    async def follow_session(self) -> None:
        async with aclosing(self.signalling.sessions()) as sessions:
            async for session in sessions:
                if self.session is None or self.session.status != session.status:
                    self._mark(session.status)
                self.session = session
                self.changed()

    async def follow_candidates(self) -> None:
        await self.until(lambda: self.session is not None)  # the rules look at the session, so there has to be one
        async with aclosing(self.signalling.candidates()) as arriving:
            async for documents in arriving:
                self._inbox.put(documents)
                await self._add_candidates()

    async def follow_rounds(self) -> None:
        """Does the next step, whenever there is one. Steps that touch the peer connection come one after the other."""
        while True:
            await self._reconnect_if_due()
            step = self._next()
            if step is NOTHING:
                await self.change_within(self.reconnection.due - self._clock())
                continue
            if self._rounds.settled == 0:  # what fails now leaves no call to go on with
                await self._unless_over(self._do(step))
                continue
            try:
                await self._do(step)
            except Problem as problem:
                await self._stumbled(step, problem)

    async def report_ice(self) -> None:
        """As soon as an answer stands, which ICE may be faster than."""
        reported: IceState | None = None
        while True:
            before = reported
            await self.until(lambda before=before: self._ice not in (None, before) and self._is_answered())  # type: ignore[misc]
            state = self._ice
            if state is None or self._is_over():
                return
            try:
                await self._unless_over(self.signalling.report_ice(state))
            except Denied:
                raise
            except Problem:
                pass  # a bad moment: the next state is reported again
            reported = state

    async def keep_alive(self) -> None:
        lease = Lease()
        while not self._is_over():
            if self.session is not None and self.session.status == "connected":
                lease = lease.connected(self._clock())
            lease, due = lease.look(self._clock())
            if due:
                with suppress(Problem):  # the next one counts
                    await self.signalling.stay_alive()
            await self.change_within(lease.due - self._clock())

    # ---- Rounds

    def _next(self) -> Step:
        if self.session is None or not self._joined or self._left:
            return NOTHING
        return next_step(self.session, self.side, self._rounds, mend=self._mend)

    async def _do(self, step: Step) -> None:
        match step.do:
            case "answer":
                await self._answer(step)
            case "complete":
                assert self.peer is not None  # noqa: S101  it made the offer
                await self.peer.take_answer(step.sdp)
                self._mark("answer seen")
                self._rounds = Rounds(settled=step.revision)
                await self._take_in(step)
            case "give up":
                await self._drop_peer()
                self._rounds = replace(self._rounds, mine=None)
            case "offer":
                await self._offer(step.revision)

    async def _offer(self, revision: int) -> None:
        """By a new peer connection, always: this is the first offer, or the old connection is lost."""
        self._mend = False
        sdp, candidates = await self._by_a_new_peer(lambda peer: peer.offer())
        self._mark("gathered")
        self._rounds = replace(self._rounds, mine=revision)
        await self.signalling.offer(revision, sdp)
        self._mark("offer written")
        await self.signalling.send_candidates(revision, candidates)

    async def _answer(self, step: Step) -> None:
        starts_anew = self.peer is None or is_new_connection(self._remote_sdp, step.sdp)
        if self.peer is None or starts_anew:
            sdp, candidates = await self._by_a_new_peer(lambda peer: peer.answer(step.sdp))
        else:
            sdp, candidates = await self.peer.answer(step.sdp)
        self._mark("gathered")
        await self._take_in(step)
        await self.signalling.answer(step.revision, sdp)
        self._mark("answer written")
        self._rounds = Rounds(settled=step.revision)
        self._mend = self._mend and not starts_anew  # what goes on in the old connection does not mend it
        await self.signalling.send_candidates(step.revision, candidates)

    async def _stumbled(self, step: Step, problem: Problem) -> None:
        """A later round went wrong; the call goes on as it was. A refusal says that the other side was faster."""
        match step.do:
            case "answer":
                self._rounds = Rounds(settled=step.revision)
            case "complete":
                self._rounds = Rounds(settled=step.revision)
                self.reconnection = self.reconnection.lost(self._clock())
            case "offer":
                self._rounds = replace(self._rounds, mine=None)
                self._mend = not isinstance(problem, Denied)
        await self.change_within(TRY_AGAIN_S)

    # ---- The peer connection

    async def _by_a_new_peer(self, describe: Callable[[AnyPeer], Awaitable[Described]]) -> Described:
        """Its description. Where the relay refuses the credential that is held, once more with a fresh one."""
        issued, peer = await self._new_peer()
        try:
            return await describe(peer)
        except RefusedCredential:
            self.person.credentials.discard(issued)
            _, peer = await self._new_peer()
            return await describe(peer)

    async def _new_peer(self) -> tuple[Issued, AnyPeer]:
        await self._drop_peer()
        issued = await self.person.credentials.fresh(self.session_id)
        self._mark("credentials")
        relay = chosen(issued, self.person.relay_uri)
        self.peer = peer = self.person.make_peer(relay, self._mark, self._peer_changed)
        return issued, peer

    async def _drop_peer(self) -> None:
        peer, self.peer = self.peer, None
        self._remote_sdp = ""
        if peer is not None:
            await peer.close()

    async def _take_in(self, step: Step) -> None:
        """The other side's description of a round is set: from here on its candidates can be added."""
        self._remote_sdp, self._described = step.sdp, step.revision
        await self._add_candidates()

    async def _add_candidates(self) -> None:
        if self.peer is None or not self._remote_sdp:
            return
        for candidate in self._inbox.take(self._described):
            await self.peer.add(candidate)

    def _peer_changed(self) -> None:
        state = self.peer.state if self.peer else None
        if state == "connected":
            self.pair = self.peer.pair if self.peer else ""
            self.reconnection = self.reconnection.connected()
            self._mend = False
            self._ice = "connected"
        elif state == "lost" and not self._is_over() and self._rounds.settled > 0:
            if self.reconnection.state is State.STABLE:
                self._mark("lost")
            self.reconnection = self.reconnection.lost(self._clock())
            self._ice = "disconnected" if self.reconnection.state is State.RECONNECTING else "failed"
        self.changed()

    async def _reconnect_if_due(self) -> None:
        if self._is_over() or not self.reconnection.is_due(self._clock()):
            return
        ready = await self._has_a_way_out()
        self.reconnection, attempt = self.reconnection.look(self._clock(), ready=ready)
        if attempt:
            self._mark("reconnects")
            self._mend = True
        if self.reconnection.state is State.FAILED:
            self._mark("gave up")
            self._ice = "failed"
            self.changed()

    async def _has_a_way_out(self) -> bool:
        """Whether an attempt has a chance at all: there is a credential, and the relay takes it."""
        try:
            issued = await self.person.credentials.fresh(self.session_id)
        except Problem:
            return False
        standing = await probe(chosen(issued, self.person.relay_uri), trusting=self.person.firebase.backend.local)
        if standing.code == UNAUTHORIZED and self._renewals < RENEWALS:
            self._renewals += 1
            self.person.credentials.discard(issued)
        return not standing.problem

    # ---- The end

    def _is_answered(self) -> bool:
        return self.session is not None and self.session.answer is not None

    def _is_answered_elsewhere(self) -> bool:
        answer = self.session.answer if self.session else None
        other_device = answer is not None and answer.device_id != self.person.device_id
        return other_device and self.side == "callee" and self._rounds.settled == 0

    def _is_over(self) -> bool:
        return self._left or self.end is not None

    async def _unless_over(self, step: Awaitable[None]) -> None:
        """What is refused because the call has just ended is no failure: this side is about to hear of the end."""
        try:
            await step
        except (Denied, Refused):
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await self.until(self._is_over)
            if not self._is_over():
                raise

    async def leave(self, reason: Reason | None) -> None:
        """Nobody is to wait for this side any more. What is refused need not be said: the call is over."""
        if self.end is not None or self._has_said_all:
            return
        try:
            async with within(GOODBYE_WITHIN_S, "Firestore's answer to the hangup", ends=Exit.UNREACHABLE):
                await self.hang_up(reason)
        except Problem as problem:
            if problem.ends is Exit.UNREACHABLE and reason is None:  # else what failed before is what is reported
                raise Problem(f"The call was not hung up. {problem}", LEFT_TO_THE_SERVER, Exit.UNREACHABLE) from None

    async def close(self) -> None:
        await self._drop_peer()


@asynccontextmanager
async def going_on(call: Call) -> AsyncIterator[Call]:
    """Runs the followers while the body runs. However the body ends, no live session and no allocation stay behind."""
    reason: Reason | None = None  # Ctrl-C is a hangup like any other
    followers = (
        call.follow_session(),
        call.follow_candidates(),
        call.follow_rounds(),
        call.report_ice(),
        call.keep_alive(),
    )
    try:
        async with meanwhile(*followers):
            yield call
    except Exception:
        reason = "failed"
        raise
    finally:
        await call.leave(reason)
        await call.close()


def outgoing(person: Person, mark: Mark, clock: Callable[[], float] = time.monotonic) -> Call:
    return Call(person, person.signalling(new_session_id(), "caller"), mark, clock)


def incoming(person: Person, session_id: str, mark: Mark, clock: Callable[[], float] = time.monotonic) -> Call:
    return Call(person, person.signalling(session_id, "callee"), mark, clock)


async def first_ring(person: Person, session_id: str | None = None) -> Session:
    """The next call that rings, or a certain one as soon as it does."""
    async with aclosing(rings(person.firestore, person.uid)) as said:
        async for ringing in said:
            for session in ringing:
                if session_id in (None, session.session_id) and session.answer is None and not session.hung_up_by:
                    return session
    raise Problem("The listener for calls has ended.")


async def hang_up_orphans(person: Person) -> int:
    """At every start, as an app does: what this device left without a word when it crashed."""
    found = orphans(await live_sessions(person.firestore, person.uid), person.uid, person.device_id)
    for session, side, reason in found:
        with suppress(Problem):  # it has ended meanwhile
            await person.signalling(session.session_id, side).hang_up(reason)
    return len(found)
