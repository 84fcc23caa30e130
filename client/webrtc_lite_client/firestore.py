"""Firestore as a signed-in user: what the rules refuse, this client cannot do.

Google's Python library is made for servers, and its own listener runs in threads that keep their failures to
themselves. The one here is a generator, made on the same stream that every Firebase SDK uses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    GoogleAPICallError,
    InternalServerError,
    PermissionDenied,
    ResourceExhausted,
    ServiceUnavailable,
    Unauthenticated,
    Unknown,
    from_grpc_status,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import (
    AsyncClient,
    AsyncDocumentReference,
    AsyncQuery,
    AsyncTransaction,
    async_transactional,
)
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse, Target, TargetChange

from webrtc_lite_client.backend import Backend
from webrtc_lite_client.firebase import User
from webrtc_lite_client.problem import Denied, Exit, Problem
from webrtc_lite_client.waiting import within

ANSWER_WITHIN_S = 15.0  # an emulator's transaction that meets another one takes two seconds a round
TARGET = 1  # one target a stream: any number will do
VIEW_WITHIN_S = 10.0  # the JavaScript SDK's patience before it takes itself for offline
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # before each new stream; who breaks off one more is not having a bad moment
RETRIES = 3  # of a write

# A stream that ends so may be opened again; the others say that the same request will fail again. The list is that of
# Google's own listener (watch.py), but for UNAUTHENTICATED: that counts only where the stream had a view before. Then
# the token of its beginning has expired, and the next one begins with the renewed one.
BROKEN_OFF = (Aborted, Cancelled, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable, Unknown)

type Documents = dict[str, dict[str, Any]]


@dataclass
class Operations:
    """What a client has done that Firestore bills: a document read or written, a query that found nothing."""

    reads: int = 0
    writes: int = 0


class UserClient(AsyncClient):
    """Sends the user's ID token with each request, where a server's client would send its own credential."""

    def __init__(self, backend: Backend, user: User | None) -> None:
        super().__init__(project=backend.project, credentials=AnonymousCredentials())
        self._emulator_host = backend.emulator
        self._user = user  # None: nobody is signed in
        self.operations = Operations()

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        prefix = ("google-cloud-resource-prefix", self._database_string)  # which database this is about
        return [prefix, ("authorization", f"Bearer {self._user.id_token}")] if self._user else [prefix]


@asynccontextmanager
async def signed_in(backend: Backend, user: User | None) -> AsyncIterator[UserClient]:
    client = UserClient(backend, user)
    try:
        yield client
    finally:
        await client._firestore_api.transport.close()  # noqa: SLF001  the library has no other way


@asynccontextmanager
async def asking(what: str, within_s: float | None = ANSWER_WITHIN_S) -> AsyncIterator[None]:
    """Says which request failed, and why. Firestore's library would try for minutes where nobody answers."""
    try:
        async with within(within_s, f"Firestore's answer to the request to {what}", ends=Exit.UNREACHABLE):
            yield
    except PermissionDenied as refused:
        raise Denied(
            f"The rules refused to {what}: {first_line(refused)}",
            'Are the rules of this version deployed? `make deploy`. README, "Why was I denied?" has the reasons.',
            Exit.RULES,
        ) from None
    except AlreadyExists:
        raise Problem(f"Firestore refused to {what}: it exists already.") from None
    except GoogleAPICallError as error:
        hint, ends = remedy(error)
        raise Problem(f"Firestore failed to {what}: {type(error).__name__}, {error.message}", hint, ends) from None


def first_line(error: GoogleAPICallError) -> str:
    """The emulator quotes whole expressions of the rules."""
    return next((line.strip() for line in str(error.message).splitlines() if line.strip()), "")


def remedy(error: GoogleAPICallError) -> tuple[str, Exit]:
    message = str(error.message)
    if isinstance(error, FailedPrecondition) and "index" in message:
        return (
            "The index is missing or being built: `make deploy` brings firestore.indexes.json, which takes minutes.",
            Exit.RULES,
        )
    if isinstance(error, ResourceExhausted):
        return (
            "The project's quota of Firestore is used up: on the free plan until midnight, Pacific time.",
            Exit.UNREACHABLE,
        )
    if isinstance(error, (ServiceUnavailable, DeadlineExceeded)):
        return "Is Firestore there? A new project needs its database made first.", Exit.UNREACHABLE
    return "", Exit.CALL


async def transact(client: UserClient, write: Callable[[AsyncTransaction], Awaitable[None]]) -> None:
    """Runs `write` in a transaction, again where another one was in its way, or where it broke off."""

    async def once() -> None:
        try:
            await async_transactional(write)(client.transaction())
        except ValueError as masked:
            # The library rolls back what it could not even begin, and reports that instead of the reason.
            if isinstance(masked.__context__, (asyncio.CancelledError, GoogleAPICallError)):
                raise masked.__context__ from None
            raise

    await persist(client, once)


async def persist(client: UserClient, write: Callable[[], Awaitable[object]]) -> None:
    """Writes, and again where the request broke off, as every Firebase SDK does.

    What broke off may have been done all the same: who writes again may hear a refusal, and then looks what stands.
    """
    for pause_s in (*PAUSES_S[:RETRIES], None):
        client.operations.writes += 1
        try:
            await write()
        except BROKEN_OFF:
            if pause_s is None:
                raise
            await asyncio.sleep(pause_s)
        else:
            return


async def listen(client: UserClient, what: AsyncDocumentReference | AsyncQuery) -> AsyncGenerator[Documents]:
    """What `listen_once` says, and again over a new stream where one broke off, as every Firebase SDK does.

    A stream that has said something was a good one. It starts over without a resume token: what one side of a call
    listens to is a few documents, and a view is complete either way.

    The emulator breaks streams off where a document of the query's collection is written while the stream opens: two of
    its threads write into it at once. What arrives then is a reset, bytes that are no message, or one message too few.
    """
    failed = 0
    while True:
        passing: tuple[type[GoogleAPICallError], ...] = BROKEN_OFF
        try:
            async with aclosing(listen_once(client, what)) as said:
                first = await first_view(said)
                failed, passing = 0, (*BROKEN_OFF, Unauthenticated)
                yield first
                async for documents in said:
                    yield documents
        except passing:
            if failed == len(PAUSES_S):
                raise
            await asyncio.sleep(PAUSES_S[failed] * random.uniform(0.5, 1.5))  # noqa: S311  listeners come back one by one
            failed += 1


async def first_view(said: AsyncGenerator[Documents]) -> Documents:
    try:
        async with asyncio.timeout(VIEW_WITHIN_S):
            return await anext(said)
    except TimeoutError:
        raise DeadlineExceeded(f"The stream said nothing whole within {VIEW_WITHIN_S:g} s.") from None


async def listen_once(client: UserClient, what: AsyncDocumentReference | AsyncQuery) -> AsyncGenerator[Documents]:
    """All documents of a document reference or a query, by id: at once, and again after every change.

    Changes arrive one by one, and then a word that all until now has been said: only that makes a consistent view.
    """
    request = ListenRequest(database=client._database_string, add_target=target(what))  # noqa: SLF001

    over = asyncio.Event()

    async def requests() -> AsyncIterator[ListenRequest]:
        yield request
        await over.wait()  # the server ends a stream whose client has nothing more to say

    stream = await client._firestore_api.listen(requests=requests(), metadata=client._rpc_metadata)  # noqa: SLF001
    documents: Documents = {}
    complete, changed = False, True
    try:
        async for response in stream:
            kind = kind_of(response)
            if kind == "document_change" and TARGET in response.document_change.target_ids:
                document = response.document_change.document
                fields = cast("dict[str, Any]", _helpers.decode_dict(document.fields, client))
                documents[name(document.name)] = fields
                client.operations.reads += 1
                changed = True
            elif kind in ("document_change", "document_delete", "document_remove"):
                gone = getattr(response, kind).document
                documents.pop(name(getattr(gone, "name", gone)), None)
                changed = True
            elif kind == "target_change":
                change = response.target_change
                match change.target_change_type:
                    case TargetChange.TargetChangeType.REMOVE:
                        raise from_grpc_status(change.cause.code, change.cause.message)
                    case TargetChange.TargetChangeType.RESET:
                        documents.clear()
                    case TargetChange.TargetChangeType.CURRENT:
                        complete = True
                    case TargetChange.TargetChangeType.NO_CHANGE if complete and changed and not change.target_ids:
                        changed = False
                        yield dict(documents)
        raise ServiceUnavailable("The stream was ended.")  # by the server: a listener has no end of its own
    finally:
        over.set()  # where the server has ended the stream, `cancel` does nothing and would leave `requests` waiting
        stream.cancel()


def kind_of(response: ListenResponse | None) -> str | None:
    if response is None:  # what grpc makes of bytes that are no message, where its contract asks for this status
        raise InternalServerError("A response could not be read.")
    kind: str | None = response._pb.WhichOneof("response_type")  # noqa: SLF001
    return kind


def target(what: AsyncDocumentReference | AsyncQuery) -> Target:
    if isinstance(what, AsyncDocumentReference):
        return Target(target_id=TARGET, documents=Target.DocumentsTarget(documents=[what._document_path]))  # noqa: SLF001
    parent, _ = what._parent._parent_info()  # noqa: SLF001
    query = Target.QueryTarget(parent=parent, structured_query=what._to_protobuf())  # noqa: SLF001
    return Target(target_id=TARGET, query=query)


def name(path: str) -> str:
    """projects/P/databases/D/documents/webrtc_sessions/ID -> ID"""
    return path.rpartition("/")[2]
