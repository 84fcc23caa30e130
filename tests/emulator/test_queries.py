"""The queries that apps make, as their users and under the rules: asked once, and listened to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud.firestore import AsyncQuery
from google.cloud.firestore_v1.base_query import FieldFilter, Or

from tests.support.backend import HISTORY, SESSIONS, Backend
from tests.support.calls import ago, connected, dialled, ended
from tests.support.firestore import PROJECT
from tests.support.tokens import id_token
from webrtc_lite_client.backend import local_stack
from webrtc_lite_client.firebase import User
from webrtc_lite_client.firestore import UserClient, listen, signed_in

LIVE = ["pending", "offered", "answered", "connected"]
LIVE_ONLY = FieldFilter("status", "in", LIVE)
RINGING_ONLY = FieldFilter("status", "==", "offered")

type Ask = Callable[[UserClient, str], AsyncQuery]


def ringing(client: UserClient, uid: str) -> AsyncQuery:
    return client.collection(SESSIONS).where(filter=FieldFilter("callee_id", "==", uid)).where(filter=RINGING_ONLY)


def placed(client: UserClient, uid: str) -> AsyncQuery:
    return client.collection(SESSIONS).where(filter=FieldFilter("caller_id", "==", uid)).where(filter=LIVE_ONLY)


def received(client: UserClient, uid: str) -> AsyncQuery:
    return client.collection(SESSIONS).where(filter=FieldFilter("callee_id", "==", uid)).where(filter=LIVE_ONLY)


def history(client: UserClient, uid: str) -> AsyncQuery:
    mine = client.collection(HISTORY).where(filter=FieldFilter("participants", "array_contains", uid))
    return mine.where(filter=FieldFilter("updated_at", ">", ago(7 * 86_400))).order_by("updated_at")


ASKED: dict[Ask, list[str]] = {
    ringing: ["ringing-bob"],
    placed: ["dialled-by-bob", "placed-by-bob"],
    received: ["received-by-bob", "ringing-bob"],
    history: ["earlier", "later"],
}
each_query = pytest.mark.parametrize(("ask", "found"), ASKED.items(), ids=[each.__name__ for each in ASKED])


def ring(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return dialled(status="offered", deadline=ago(-600), **fields)


@pytest.fixture
def there(backend: Backend) -> Iterator[Backend]:
    """Calls of Bob, and of others."""
    sessions = {
        "ringing-bob": ring(),
        "received-by-bob": connected(caller_id="carol"),
        "placed-by-bob": connected(caller_id="bob", callee_id="carol"),
        "dialled-by-bob": dialled(caller_id="bob", callee_id="dave", offer=None),
        "over": ended(caller_id="carol"),
        "ringing-alice": ring(caller_id="carol", callee_id="alice"),
        "of-others": connected(callee_id="dave"),
    }
    records = {"later": ("bob", 1), "earlier": ("bob", 6), "long-ago": ("bob", 8), "of-others": ("dave", 1)}
    with backend.wire.losing():
        batch = backend.client.batch()
        for name, document in sessions.items():
            batch.create(backend.client.collection(SESSIONS).document(name), document)
        for name, (uid, days) in records.items():
            record = {"participants": ["alice", uid], "updated_at": ago(days * 86_400)}
            batch.create(backend.client.collection(HISTORY).document(name), record)
        batch.commit()
        yield backend


@asynccontextmanager
async def user(backend: Backend, uid: str) -> AsyncIterator[UserClient]:
    address = backend.firestore.http.base_url.netloc.decode()
    async with signed_in(local_stack(PROJECT, firestore=address), User(uid, id_token(uid, PROJECT))) as client:
        yield client


async def names(query: AsyncQuery) -> list[str]:
    return [each.id for each in await query.get()]


async def heard(client: UserClient, query: AsyncQuery) -> list[str]:
    """What a listener is told at first."""
    async with aclosing(listen(client, query)) as said:
        async for documents in said:
            return sorted(documents)
    raise AssertionError("the listener was told nothing")


@each_query
def test_a_user_finds_just_what_it_asks_for(there: Backend, ask: Ask, found: list[str]) -> None:
    async def asking() -> tuple[list[str], list[str]]:
        async with user(there, "bob") as client:
            query = ask(client, "bob")
            return await names(query), await heard(client, query)

    assert asyncio.run(asking()) == (found, found)


@each_query
@pytest.mark.parametrize("asker", ["alice", "eve"])
def test_nobody_asks_for_what_is_another_s(there: Backend, ask: Ask, found: list[str], asker: str) -> None:
    async def asking() -> None:
        async with user(there, asker) as client:
            with pytest.raises(PermissionDenied):
                await names(ask(client, "bob"))
            with pytest.raises(PermissionDenied):
                await heard(client, ask(client, "bob"))

    assert found
    asyncio.run(asking())


def either(one: FieldFilter, other: FieldFilter) -> Or:
    return Or([one, other])


BROADER: dict[str, Callable[[UserClient], AsyncQuery]] = {
    "all that rings": lambda client: client.collection(SESSIONS).where(filter=RINGING_ONLY),
    "all that lives": lambda client: client.collection(SESSIONS).where(filter=LIVE_ONLY),
    "all sessions": lambda client: client.collection(SESSIONS).limit(1),
    "bob's and dave's": lambda client: client.collection(SESSIONS).where(
        filter=either(FieldFilter("callee_id", "==", "bob"), FieldFilter("callee_id", "==", "dave"))
    ),
    "bob's or dave's": lambda client: client.collection(SESSIONS).where(
        filter=FieldFilter("callee_id", "in", ["bob", "dave"])
    ),
    "bob's, anywhere": lambda client: client.collection_group(SESSIONS).where(
        filter=FieldFilter("callee_id", "==", "bob")
    ),
    "all history": lambda client: client.collection(HISTORY).where(filter=FieldFilter("updated_at", ">", ago(86_400))),
    "bob's and dave's history": lambda client: client.collection(HISTORY).where(
        filter=FieldFilter("participants", "array_contains_any", ["bob", "dave"])
    ),
    "all candidates": lambda client: client.collection_group("ice_candidates").limit(1),
    "all engagements": lambda client: client.collection("engagements").limit(1),
}


@pytest.mark.parametrize("broader", BROADER.values(), ids=BROADER)
def test_a_broader_query_is_refused(there: Backend, broader: Callable[[UserClient], AsyncQuery]) -> None:
    async def asking() -> None:
        async with user(there, "bob") as client:
            with pytest.raises(PermissionDenied):
                await names(broader(client))

    asyncio.run(asking())


def test_a_listener_hears_a_call_begin_to_ring_and_stop(there: Backend) -> None:
    async def listening() -> list[list[str]]:
        views = []
        async with user(there, "bob") as client, aclosing(listen(client, ringing(client, "bob"))) as said:
            async for documents in said:
                views.append(sorted(documents))
                if len(views) == 1:
                    there.client.collection(SESSIONS).document("another").create(ring(caller_id="erin"))
                elif len(views) == 2:
                    there.client.collection(SESSIONS).document("another").update({"status": "ended"})
                else:
                    break
        return views

    assert asyncio.run(listening()) == [["ringing-bob"], ["another", "ringing-bob"], ["ringing-bob"]]
