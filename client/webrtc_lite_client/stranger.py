"""What somebody tries who has no part in a call, and who has not even signed in. All of it has to be refused.

Each attempt differs from what is allowed in who makes it, or in the one field that it is about. Where the rules let one
through, what it wrote is taken away again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, PermissionDenied, Unauthenticated
from google.cloud.firestore import SERVER_TIMESTAMP, AsyncDocumentReference, FieldFilter

from webrtc_lite_client.backend import Backend
from webrtc_lite_client.call import Person, new_session_id
from webrtc_lite_client.firestore import UserClient, signed_in
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.signalling import CANDIDATES, HISTORY, SESSIONS
from webrtc_lite_client.waiting import within

ANSWER_WITHIN_S = 10.0

type Attempt = Callable[[], Awaitable[object]]


async def attempts(backend: Backend, nobody: Person, caller: Person, callee: Person, session_id: str) -> int:
    """How many were refused: all. The first that was not is the problem."""
    async with signed_in(backend, None) as outsider:
        tried = {
            **readings(nobody.firestore, "a stranger", caller, session_id),
            **readings(outsider, "somebody who is not signed in", caller, session_id),
            **writings(nobody, caller, callee),
        }
        for what, attempt in tried.items():
            if not await is_refused(attempt, what):
                raise Problem(
                    f"The rules let {what}.",
                    "The rules that are deployed are not those of this version: `make deploy` brings firestore.rules.",
                    Exit.RULES,
                )
    return len(tried)


def readings(client: UserClient, who: str, caller: Person, session_id: str) -> dict[str, Attempt]:
    sessions, history = client.collection(SESSIONS), client.collection(HISTORY)
    session = sessions.document(session_id)
    return {
        f"{who} read the session of a call": session.get,
        f"{who} read a call's candidates": session.collection(CANDIDATES).get,
        f"{who} read a call's record": history.document(session_id).get,
        f"{who} search for somebody's calls": sessions.where(filter=FieldFilter("caller_id", "==", caller.uid)).get,
        f"{who} search somebody's history": history.where(
            filter=FieldFilter("participants", "array_contains", caller.uid)
        ).get,
        f"{who} read somebody's blocks": client.collection("users").document(caller.uid).collection("blocks").get,
    }


def writings(nobody: Person, caller: Person, callee: Person) -> dict[str, Attempt]:
    def session(**fields: Any) -> tuple[AsyncDocumentReference, dict[str, Any]]:  # noqa: ANN401
        new = {
            "caller_id": nobody.uid,
            "callee_id": callee.uid,
            "media": "audio",
            "status": "pending",
            "created_at": SERVER_TIMESTAMP,
        }
        return nobody.firestore.collection(SESSIONS).document(new_session_id()), new | fields

    record = nobody.firestore.collection(HISTORY).document(new_session_id())
    return {
        "a stranger call in somebody else's name": creating(*session(caller_id=caller.uid)),
        "a caller say where its call stands": creating(*session(status="connected")),
        "a client write call history": creating(record, {"participants": [nobody.uid, callee.uid]}),
    }


def creating(document: AsyncDocumentReference, fields: dict[str, Any]) -> Attempt:
    async def create() -> None:
        await document.create(fields)
        with suppress(GoogleAPICallError):  # rules that let this through may let that through as well
            await document.delete()

    return create


async def is_refused(attempt: Attempt, what: str) -> bool:
    try:
        async with within(ANSWER_WITHIN_S, f"Firestore's refusal to let {what}", ends=Exit.UNREACHABLE):
            await attempt()
    except (PermissionDenied, Unauthenticated):
        return True
    except GoogleAPICallError as error:
        raise Problem(
            f"Firestore neither let {what} nor refused it: {type(error).__name__}.", ends=Exit.UNREACHABLE
        ) from None
    return False
