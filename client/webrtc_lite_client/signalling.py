"""What one side of a call says and hears in Firestore: SPEC 3.1, 3.2 and 3.4, and nothing else.

Session, offer and answer are written in transactions. On a phone that is what makes them fail without a network; a
plain write would wait in the SDK's queue, and dial hours later. They read nothing first: the rules judge every write
against the document as it stands.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from google.cloud.firestore import SERVER_TIMESTAMP, AsyncTransaction, FieldFilter

from webrtc_lite_client import candidates as ice
from webrtc_lite_client.candidates import Candidate
from webrtc_lite_client.firestore import Documents, UserClient, asking, listen, persist, transact
from webrtc_lite_client.problem import Denied, Problem
from webrtc_lite_client.session import LIVE, IceState, Reason, Session, Side, other

SESSIONS, CANDIDATES, HISTORY = "webrtc_sessions", "ice_candidates", "call_history"
CANDIDATES_KEPT_S = 12 * 3600.0  # half of what the rules allow


async def rings(client: UserClient, uid: str) -> AsyncGenerator[list[Session]]:
    """The calls that ring this person, after every change. Only `offered` rings: the server has checked the offer."""
    ringing = (
        client.collection(SESSIONS)
        .where(filter=FieldFilter("callee_id", "==", uid))
        .where(filter=FieldFilter("status", "==", "offered"))
    )
    async with asking("listen for calls", None), aclosing(listen(client, ringing)) as said:
        async for found in said:
            yield [Session.parse(session_id, fields) for session_id, fields in found.items()]


async def live_sessions(client: UserClient, uid: str) -> list[Session]:
    """The calls of this person that have not ended."""
    found: list[Session] = []
    async with asking("look for live calls"):
        for own in ("caller_id", "callee_id"):
            mine = client.collection(SESSIONS).where(filter=FieldFilter(own, "==", uid))
            read = await mine.where(filter=FieldFilter("status", "in", LIVE)).get()
            client.operations.reads += max(1, len(read))
            found += [Session.parse(each.id, each.to_dict() or {}) for each in read]
    return found


async def history_since(client: UserClient, uid: str, since: datetime) -> dict[str, dict[str, Any]]:
    """What is new in this person's history, by session: the query of SPEC 3.4, which has an index of its own."""
    async with asking("read the history"):
        mine = client.collection(HISTORY).where(filter=FieldFilter("participants", "array_contains", uid))
        new = mine.where(filter=FieldFilter("updated_at", ">", since)).order_by("updated_at")
        read = await new.get()
        client.operations.reads += max(1, len(read))
    return {each.id: each.to_dict() or {} for each in read}


class Signalling:
    """One side of one session. `server_now` is the server's clock, as well as this side knows it."""

    def __init__(
        self, client: UserClient, session_id: str, side: Side, device_id: str, server_now: Callable[[], float]
    ) -> None:
        self.session_id = session_id
        self.side = side
        self._client = client
        self._device_id = device_id
        self._server_now = server_now
        self._document = client.collection(SESSIONS).document(session_id)

    async def dial(self, caller_id: str, callee_id: str, media: Literal["audio", "video"]) -> None:
        session = {
            "caller_id": caller_id,
            "callee_id": callee_id,
            "caller_device_id": self._device_id,
            "media": media,
            "status": "pending",
            "created_at": SERVER_TIMESTAMP,
        }

        async def create(transaction: AsyncTransaction) -> None:
            transaction.create(self._document, session)

        await self._write("create the session", lambda: transact(self._client, create), caller_id=caller_id)

    async def offer(self, revision: int, sdp: str) -> None:
        await self._say("offer", {"type": "offer", "sdp": sdp, "revision": revision, "from": self.side})

    async def answer(self, revision: int, sdp: str) -> None:
        said = {"type": "answer", "sdp": sdp, "revision": revision, "from": self.side, "device_id": self._device_id}
        await self._say("answer", said)

    async def _say(self, what: Literal["offer", "answer"], description: dict[str, Any]) -> None:
        async def write(transaction: AsyncTransaction) -> None:
            transaction.update(self._document, {what: description})

        await self._write(f"write the {what}", lambda: transact(self._client, write), **{what: description})

    async def send_candidates(self, revision: int, candidates: Sequence[Candidate]) -> None:
        """After the description that they belong to was acknowledged: the rules ask for its revision."""
        batches = ice.documents(self.side, revision, [*candidates, ice.end_of(candidates)])
        expires_at = datetime.fromtimestamp(self._server_now() + CANDIDATES_KEPT_S, UTC)
        async with asking("write candidates"):
            for document_id, batch in batches.items():
                document = self._document.collection(CANDIDATES).document(document_id)
                said = {**batch, "created_at": SERVER_TIMESTAMP, "expires_at": expires_at}
                await persist(self._client, partial(document.set, said))

    async def report_ice(self, state: IceState) -> None:
        await self._update("report the ICE state", {f"ice_state.{self.side}": state})

    async def stay_alive(self) -> None:
        await self._update("give a sign of life", {f"alive_at.{self.side}": SERVER_TIMESTAMP})

    async def hang_up(self, reason: Reason) -> None:
        """A `cancel` that comes too late, since somebody has just answered, becomes a `hangup`."""
        try:
            await self._hang_up(reason)
        except Denied:
            if reason != "cancel":
                raise
            await self._hang_up("hangup")

    async def _hang_up(self, reason: Reason) -> None:
        hangup = {"by": self.side, "reason": reason}
        await self._update("hang up", {"hangup": {**hangup, "at": SERVER_TIMESTAMP}}, hangup=hangup)

    async def _update(self, what: str, fields: Mapping[str, Any], **stands: object) -> None:
        document = self._document
        await self._write(what, lambda: persist(self._client, partial(document.update, dict(fields))), **stands)

    async def _write(self, what: str, write: Callable[[], Awaitable[None]], **stands: object) -> None:
        """Writes. A refusal is none where what was to be written stands: an earlier try broke off after it was done."""
        try:
            async with asking(what):
                await write()
        except Problem:
            if not stands or not await self._has(stands):
                raise

    async def _has(self, fields: Mapping[str, object]) -> bool:
        async with asking("look at the session"):
            self._client.operations.reads += 1
            found = (await self._document.get()).to_dict() or {}
        return all(includes(found.get(name), value) for name, value in fields.items())

    async def sessions(self) -> AsyncGenerator[Session]:
        """The session, now and after every change."""
        async with asking("listen to the session", None), aclosing(listen(self._client, self._document)) as said:
            async for found in said:
                if fields := found.get(self.session_id):
                    yield Session.parse(self.session_id, fields)

    async def candidates(self) -> AsyncGenerator[Documents]:
        """The other side's documents of candidates, all of them after every change."""
        theirs = self._document.collection(CANDIDATES).where(filter=FieldFilter("sender", "==", other(self.side)))
        async with asking("listen for candidates", None), aclosing(listen(self._client, theirs)) as said:
            async for found in said:
                yield found

    async def record(self) -> dict[str, Any]:
        """The record of the call. It is written in the same commit as the session's end: who saw that finds it."""
        async with asking("read the call's record"):
            self._client.operations.reads += 1
            snapshot = await self._client.collection(HISTORY).document(self.session_id).get()
        if not snapshot.exists:
            raise Problem("The call has ended and left no record in call_history.")
        return snapshot.to_dict() or {}


def includes(found: object, value: object) -> bool:
    """Whether what was found is the value; of a map, whether it has at least these."""
    if isinstance(value, Mapping):
        return isinstance(found, Mapping) and all(found.get(name) == each for name, each in value.items())
    return found == value
