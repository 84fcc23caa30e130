"""What one side of a call says and hears in Firestore: SPEC 3.1, 3.2 and 3.4, and nothing else.

Session, offer and answer are written in transactions. On a phone that is what makes them fail without a network; a
plain write would wait in the SDK's queue, and dial hours later.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from google.cloud.firestore import SERVER_TIMESTAMP, AsyncTransaction, FieldFilter

from webrtc_lite_client import candidates as ice
from webrtc_lite_client.candidates import Candidate
from webrtc_lite_client.firestore import UserClient, asking, listen, transact
from webrtc_lite_client.problem import Problem

SESSIONS, CANDIDATES, HISTORY = "webrtc_sessions", "ice_candidates", "call_history"
REVISION = 1  # the first offer and its answer; renegotiation counts on
CANDIDATES_KEPT = timedelta(hours=12)  # half of what the rules allow, whichever way this machine's clock is wrong

type Side = Literal["caller", "callee"]
type Reason = Literal["hangup", "decline", "cancel", "failed"]


@dataclass(frozen=True)
class Session:
    """A session as a participant reads it, with what a call needs of it."""

    session_id: str
    status: str
    offer: str | None
    answer: str | None
    end: str  # why it ended, in words

    @classmethod
    def parse(cls, session_id: str, fields: Mapping[str, Any]) -> Session:
        error = fields.get("error") or {}
        reasons = (fields.get("end_reason"), error.get("code"), error.get("message"))
        return cls(
            session_id=session_id,
            status=fields["status"],
            offer=(fields.get("offer") or {}).get("sdp"),
            answer=(fields.get("answer") or {}).get("sdp"),
            end=", ".join(str(reason) for reason in reasons if reason),
        )


async def rings(client: UserClient, uid: str) -> AsyncGenerator[Session]:
    """The calls that ring this person. Only `offered` rings: from then on the server has checked the offer."""
    ringing = (
        client.collection(SESSIONS)
        .where(filter=FieldFilter("callee_id", "==", uid))
        .where(filter=FieldFilter("status", "==", "offered"))
    )
    async with asking("listen for calls", None), aclosing(listen(client, ringing)) as said:
        async for found in said:
            for session_id, fields in found.items():
                yield Session.parse(session_id, fields)


class Signalling:
    """One side of one session."""

    def __init__(self, client: UserClient, session_id: str, side: Side, device_id: str) -> None:
        self._client = client
        self._side = side
        self._device_id = device_id
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

        async with asking("create the session"):
            await transact(self._client, create)

    async def offer(self, sdp: str) -> None:
        await self._say("offer", {"type": "offer", "sdp": sdp, "revision": REVISION, "from": self._side})

    async def answer(self, sdp: str) -> None:
        answer = {"type": "answer", "sdp": sdp, "revision": REVISION, "from": self._side, "device_id": self._device_id}
        await self._say("answer", answer)

    async def _say(self, what: Literal["offer", "answer"], description: dict[str, Any]) -> None:
        """Writes a description, unless the session has moved on since: a hangup, or an answer from another device."""

        async def write(transaction: AsyncTransaction) -> None:
            snapshot = await self._document.get(transaction=transaction)
            fields = snapshot.to_dict() or {}
            if what in fields or "hangup" in fields or fields.get("status") == "ended":
                raise Problem(f"Too late for the {what}: {', '.join(sorted({what, 'hangup'} & fields.keys()))} stands.")
            transaction.update(self._document, {what: description})

        async with asking(f"write the {what}"):
            await transact(self._client, write)

    async def send_candidates(self, candidates: Sequence[Candidate]) -> None:
        """After the description that they belong to was acknowledged: the rules ask for its revision."""
        batches = ice.documents(self._side, REVISION, [*candidates, ice.end_of(candidates)])
        expires_at = datetime.now(UTC) + CANDIDATES_KEPT
        async with asking("write candidates"):
            for document_id, batch in batches.items():
                document = self._document.collection(CANDIDATES).document(document_id)
                await document.create({**batch, "created_at": SERVER_TIMESTAMP, "expires_at": expires_at})

    async def report_ice(self, state: Literal["connected", "disconnected", "failed"]) -> None:
        async with asking("report the ICE state"):
            await self._document.update({f"ice_state.{self._side}": state})

    async def hang_up(self, reason: Reason) -> None:
        async with asking("hang up"):
            await self._document.update({"hangup": {"by": self._side, "reason": reason, "at": SERVER_TIMESTAMP}})

    async def sessions(self) -> AsyncGenerator[Session]:
        """The session, now and after every change."""
        async with asking("listen to the session", None), aclosing(listen(self._client, self._document)) as said:
            async for found in said:
                if fields := found.get(self._document.id):
                    yield Session.parse(self._document.id, fields)

    async def candidates(self) -> AsyncGenerator[list[Candidate]]:
        """The other side's candidates, as they arrive."""
        other = "callee" if self._side == "caller" else "caller"
        theirs = self._document.collection(CANDIDATES).where(filter=FieldFilter("sender", "==", other))
        inbox = ice.Inbox(other, REVISION)
        async with asking("listen for candidates", None), aclosing(listen(self._client, theirs)) as said:
            async for found in said:
                yield inbox.take(found)

    async def history(self) -> dict[str, Any]:
        """The record of the call. It is written in the same commit as the session's end: who saw that finds it."""
        async with asking("read the call's history"):
            snapshot = await self._client.collection(HISTORY).document(self._document.id).get()
        if not snapshot.exists:
            raise Problem("The call has ended and left no record in call_history.")
        return snapshot.to_dict() or {}
