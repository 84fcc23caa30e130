"""Firestore as a signed-in user, without a Firestore: whose token is sent, and what a failure is called."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from google.api_core.exceptions import AlreadyExists, PermissionDenied, ServiceUnavailable
from google.cloud.firestore import AsyncTransaction, FieldFilter

from webrtc_lite_client.backend import Backend, deployment, local_stack
from webrtc_lite_client.firebase import User
from webrtc_lite_client.firestore import UserClient, asking, name, target, transact
from webrtc_lite_client.problem import Problem


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
        _firestore_api = SimpleNamespace(begin_transaction=refuse)
        _rpc_metadata: tuple[()] = ()
        _database_string = "projects/p/databases/(default)"

        def transaction(self) -> AsyncTransaction:
            return AsyncTransaction(self)

    async def nothing(_: AsyncTransaction) -> None: ...

    with pytest.raises(PermissionDenied, match="L7"):
        asyncio.run(transact(cast("UserClient", Refusing()), nothing))
