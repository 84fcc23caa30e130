"""Firestore as a signed-in user, without a Firestore: whose token is sent, what a failure is called, and what not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import grpc  # type: ignore[import-untyped]  # it ships no types
import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    Cancelled,
    FailedPrecondition,
    GoogleAPICallError,
    PermissionDenied,
    ResourceExhausted,
    ServiceUnavailable,
)
from google.cloud.firestore import AsyncDocumentReference, AsyncTransaction, FieldFilter
from google.cloud.firestore_v1.types import Document, DocumentChange, ListenResponse, TargetChange

from webrtc_lite_client import firestore
from webrtc_lite_client.backend import Backend, deployment, local_stack
from webrtc_lite_client.firebase import User
from webrtc_lite_client.firestore import (
    PAUSES_S,
    RETRIES,
    TARGET,
    Documents,
    Operations,
    UserClient,
    asking,
    listen,
    listen_once,
    name,
    persist,
    signed_in,
    target,
    transact,
)
from webrtc_lite_client.problem import Exit, Problem


@pytest.mark.parametrize("backend", [local_stack(), deployment("demo-webrtc-lite", "key")], ids=["local", "deployed"])
def test_each_request_bears_the_users_token_and_never_the_owners(backend: Backend) -> None:
    assert UserClient(backend, User("alice", "her-token"))._rpc_metadata == [
        ("google-cloud-resource-prefix", "projects/demo-webrtc-lite/databases/(default)"),
        ("authorization", "Bearer her-token"),
    ]


def test_a_listener_asks_for_a_document_or_for_a_query() -> None:
    client = UserClient(local_stack(), User("alice", "token"))
    documents = "projects/demo-webrtc-lite/databases/(default)/documents"

    assert list(target(client.document("a/b")).documents.documents) == [f"{documents}/a/b"]
    assert target(client.collection("a/b/c").where(filter=FieldFilter("d", "==", 1))).query.parent == f"{documents}/a/b"
    assert name(f"{documents}/a/b") == "b"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionDenied("L7"), "The rules refused to dial: L7"),
        (AlreadyExists("x"), "refused to dial: it exists already"),
        (ServiceUnavailable("no route"), "failed to dial: ServiceUnavailable, no route"),
    ],
)
def test_a_refusal_says_which_request_and_why(error: Exception, message: str) -> None:
    async def dial() -> None:
        async with asking("dial"):
            raise error

    with pytest.raises(Problem, match=message):
        asyncio.run(dial())


def test_a_transaction_that_cannot_begin_says_why() -> None:
    async def refuse(**_: object) -> None:
        raise PermissionDenied("L7")

    class Refusing:
        operations = Operations()
        _firestore_api = SimpleNamespace(begin_transaction=refuse)
        _rpc_metadata: tuple[()] = ()
        _database_string = "projects/p/databases/(default)"

        def transaction(self) -> AsyncTransaction:
            return AsyncTransaction(self)

    async def nothing(_: AsyncTransaction) -> None: ...

    with pytest.raises(PermissionDenied, match="L7"):
        asyncio.run(transact(cast("UserClient", Refusing()), nothing))


RING = "projects/p/databases/d/documents/webrtc_sessions/ring"
GARBLED = b"\xff\xff"
TOLD: Documents = {"ring": {}}

type Stream = Sequence[ListenResponse | bytes | grpc.StatusCode]


def change(kind: str, **more: object) -> ListenResponse:
    return ListenResponse(target_change=TargetChange(target_change_type=kind, **more))


VIEW = [
    ListenResponse(document_change=DocumentChange(document=Document(name=RING), target_ids=[TARGET])),
    change("CURRENT"),
    change("NO_CHANGE"),
]


@dataclass
class Listening:
    """A Firestore that says to each listener what its test wants, and the client that listens to it."""

    client: UserClient
    opened: int = 0

    @property
    def document(self) -> AsyncDocumentReference:
        return self.client.document("webrtc_sessions/ring")

    async def first(self) -> Documents:
        async with asyncio.timeout(20), aclosing(listen(self.client, self.document)) as said:
            return await anext(said)


@asynccontextmanager
async def saying(stream: Callable[[int], Stream]) -> AsyncIterator[Listening]:
    """Says `stream(n)` to stream n, the first being 1: messages, and how it ends. Without an end it stays open."""

    async def say(_: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        listening.opened += 1
        for each in stream(listening.opened):
            if isinstance(each, grpc.StatusCode):
                if each is not grpc.StatusCode.OK:
                    await context.abort(each, "said by the test")
                return
            yield each if isinstance(each, bytes) else ListenResponse.serialize(each)
        await asyncio.Event().wait()

    handlers = {"Listen": grpc.stream_stream_rpc_method_handler(say)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with signed_in(local_stack(firestore=f"127.0.0.1:{port}"), User("alice", "token")) as client:
            listening = Listening(client)
            yield listening
    finally:
        await server.stop(None)


BREAKS: list[Stream] = [
    [grpc.StatusCode.CANCELLED],
    [grpc.StatusCode.UNAVAILABLE],
    [grpc.StatusCode.INTERNAL],
    [grpc.StatusCode.DEADLINE_EXCEEDED],
    [grpc.StatusCode.RESOURCE_EXHAUSTED],
    [grpc.StatusCode.UNKNOWN],
    [grpc.StatusCode.ABORTED],
    [grpc.StatusCode.OK],
    [GARBLED],
    [VIEW[0], grpc.StatusCode.CANCELLED],
]


@pytest.mark.parametrize("broken", BREAKS, ids=str)
def test_a_listener_that_breaks_off_goes_on_over_a_new_stream(broken: Stream) -> None:
    async def told() -> tuple[Documents, int]:
        async with saying(lambda number: broken if number <= 2 else VIEW) as listening:
            return await listening.first(), listening.opened

    assert asyncio.run(told()) == (TOLD, 3)


def test_a_stream_that_keeps_its_first_view_to_itself_is_left_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "VIEW_WITHIN_S", 0.2)

    async def told() -> tuple[Documents, int]:
        async with saying(lambda number: VIEW[:-1] if number == 1 else VIEW) as listening:
            return await listening.first(), listening.opened

    assert asyncio.run(told()) == (TOLD, 2)


def test_a_stream_that_has_said_something_was_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "PAUSES_S", [0.0])

    async def told() -> list[Documents]:
        async with saying(lambda _: [*VIEW, grpc.StatusCode.CANCELLED]) as listening:
            said = listen(listening.client, listening.document)
            return [await anext(said) for _ in range(4)]

    assert asyncio.run(told()) == [TOLD] * 4


def test_a_stream_whose_token_has_expired_begins_anew_with_the_renewed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "PAUSES_S", [0.0])

    async def told() -> list[Documents]:
        async with saying(lambda _: [*VIEW, grpc.StatusCode.UNAUTHENTICATED]) as listening:
            said = listen(listening.client, listening.document)
            return [await anext(said) for _ in range(2)]

    assert asyncio.run(told()) == [TOLD] * 2


def test_a_write_that_breaks_off_is_written_again_and_one_that_is_refused_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firestore, "PAUSES_S", [0.0] * len(PAUSES_S))
    client = UserClient(local_stack(), User("alice", "token"))

    async def tries(*answers: Exception | None) -> int:
        said = iter(answers)
        before = client.operations.writes

        async def write() -> None:
            if (answer := next(said)) is not None:
                raise answer

        with suppress(GoogleAPICallError):
            await persist(client, write)
        return client.operations.writes - before

    assert asyncio.run(tries(Cancelled("x"), ServiceUnavailable("x"), None)) == 3
    assert asyncio.run(tries(PermissionDenied("x"))) == 1
    assert asyncio.run(tries(*[Cancelled("x")] * 9)) == RETRIES + 1


@pytest.mark.parametrize(
    ("error", "hint", "ends"),
    [
        (FailedPrecondition("The query requires an index. You can create it here"), "make deploy", Exit.RULES),
        (ResourceExhausted("Quota exceeded."), "quota", Exit.UNREACHABLE),
        (ServiceUnavailable("no route"), "Is Firestore there", Exit.UNREACHABLE),
        (FailedPrecondition("something else"), "", Exit.CALL),
    ],
)
def test_what_firestore_says_of_a_deployment_comes_with_what_to_do(error: Exception, hint: str, ends: Exit) -> None:
    async def read() -> None:
        async with asking("read"):
            raise error

    with pytest.raises(Problem) as problem:
        asyncio.run(read())
    assert hint in problem.value.hint
    assert problem.value.ends is ends


def test_a_listener_gives_up_where_no_stream_says_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "PAUSES_S", [0.0] * len(PAUSES_S))

    async def streams() -> int:
        async with saying(lambda _: [grpc.StatusCode.CANCELLED]) as listening:
            with pytest.raises(Cancelled, match="said by the test"):
                await listening.first()
            return listening.opened

    assert asyncio.run(streams()) == len(PAUSES_S) + 1


@pytest.mark.parametrize(
    "stream",
    [
        [grpc.StatusCode.PERMISSION_DENIED],
        [grpc.StatusCode.UNAUTHENTICATED],
        [grpc.StatusCode.INVALID_ARGUMENT],
        [change("REMOVE", cause={"code": 7, "message": "said by the test"})],
    ],
    ids=["denied", "unauthenticated", "invalid", "target removed"],
)
def test_a_listener_that_is_refused_does_not_ask_again(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has heard of it: gRPC may lose a refusal on its way, and that is a stream that broke off."""
    heard: list[str] = []
    listen_once = firestore.listen_once

    async def noted(client: UserClient, what: AsyncDocumentReference) -> AsyncGenerator[Documents]:
        try:
            async for documents in listen_once(client, what):
                yield documents
        except GoogleAPICallError as error:
            heard.append(str(error))
            raise

    async def ask() -> None:
        async with saying(lambda _: stream) as listening:
            with pytest.raises(GoogleAPICallError, match="said by the test"):
                await listening.first()

    monkeypatch.setattr(firestore, "listen_once", noted)
    asyncio.run(ask())
    assert ["said by the test" in each for each in heard] == [False] * (len(heard) - 1) + [True]


@pytest.mark.parametrize("end", [grpc.StatusCode.OK, grpc.StatusCode.CANCELLED])
def test_a_stream_that_the_server_has_ended_leaves_no_task_behind(end: grpc.StatusCode) -> None:
    async def left() -> list[str]:
        async with saying(lambda _: [end]) as listening:
            with pytest.raises(GoogleAPICallError):
                await anext(listen_once(listening.client, listening.document))
            await asyncio.sleep(0.05)
            return [each.get_name() for each in asyncio.all_tasks() if "_consume_request_iterator" in repr(each)]

    assert asyncio.run(left()) == []


def test_a_stream_reset_in_http_2_is_one_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grpc's own server cannot do: RST_STREAM with CANCEL, and nothing before it."""
    monkeypatch.setattr(firestore, "PAUSES_S", [0.0] * len(PAUSES_S))
    frame_head, settings, cancel = 9, bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), bytes([0, 0, 0, 8])
    resets: list[bytes] = []
    connections: list[asyncio.StreamWriter] = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(asyncio.IncompleteReadError):
            await reader.readexactly(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
            writer.write(settings)
            while True:
                head = await reader.readexactly(frame_head)
                await reader.readexactly(int.from_bytes(head[:3]))
                if head[3] == 4 and not head[4]:
                    writer.write(bytes([0, 0, 0, 4, 1, 0, 0, 0, 0]))  # the client's settings, acknowledged
                if head[3] == 0:  # the request is here; during its sending grpc would call the same reset INTERNAL
                    resets.append(head[5:])
                    writer.write(bytes([0, 0, 4, 3, 0]) + head[5:] + cancel)

    async def listened() -> None:
        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            async with signed_in(local_stack(firestore=f"127.0.0.1:{port}"), User("alice", "token")) as client:
                await Listening(client).first()
        finally:
            server.close()
            for each in connections:  # grpc keeps its end open for whoever connects next
                each.close()
                await each.wait_closed()

    with pytest.raises(Cancelled, match="RST_STREAM with error code 8"):
        asyncio.run(listened())
    assert len(resets) == len(PAUSES_S) + 1
