"""What Auth and a callable answer, and what the user is told of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from webrtc_lite_client.backend import local_stack
from webrtc_lite_client.firebase import Firebase, Relay, User
from webrtc_lite_client.problem import Problem

SOMEBODY = User("alice", "token")
ISSUED = {"username": "1:alice", "password": "p", "uris": ["turn:t:3478?transport=tcp", "turn:t:3478?transport=udp"]}


def ask[T](answer: Callable[[httpx.Request], httpx.Response], question: Callable[[Firebase], Awaitable[T]]) -> T:
    async def run() -> T:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await question(Firebase(local_stack(), http))

    return asyncio.run(run())


def ask_for_relay(answer: Callable[[httpx.Request], httpx.Response], uri: str | None = None) -> Relay:
    return ask(answer, lambda firebase: firebase.relay(SOMEBODY, "the-session", uri))


def test_a_new_account_is_anonymous() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url).endswith("/accounts:signUp?key=any")
        assert json.loads(request.content) == {"returnSecureToken": True}
        return httpx.Response(200, json={"localId": "alice", "idToken": "token"})

    assert ask(answer, lambda firebase: firebase.sign_up()) == SOMEBODY


def test_credentials_are_asked_for_by_a_user_and_for_a_session() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://127.0.0.1:5001/demo-webrtc-lite/us-central1/issue_turn_credentials"
        assert request.headers["Authorization"] == "Bearer token"
        assert json.loads(request.content) == {"data": {"session_id": "the-session"}}
        return httpx.Response(200, json={"result": ISSUED})

    assert ask_for_relay(answer) == Relay("turn:t:3478?transport=udp", "1:alice", "p")


def test_another_relay_than_the_issued_ones_can_be_tried() -> None:
    relay = ask_for_relay(lambda _: httpx.Response(200, json={"result": ISSUED}), "turn:other:1")

    assert relay == Relay("turn:other:1", "1:alice", "p")


def test_a_refusal_is_reported_with_its_status_its_message_and_its_hint() -> None:
    refusal = {"status": "UNAVAILABLE", "message": "No relay.", "details": {"code": "no_relay", "hint": "Wait."}}

    with pytest.raises(Problem, match=r"issue_turn_credentials refused, UNAVAILABLE: No relay\.") as problem:
        ask_for_relay(lambda _: httpx.Response(503, json={"error": refusal}))
    assert problem.value.hint == "Wait."


def test_auth_that_refuses_is_reported_with_its_message() -> None:
    with pytest.raises(Problem, match="Auth refused to signUp: ADMIN_ONLY_OPERATION"):
        ask(
            lambda _: httpx.Response(400, json={"error": {"message": "ADMIN_ONLY_OPERATION"}}),
            lambda firebase: firebase.sign_up(),
        )


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_something_else_at_that_address_is_reported_as_that(body: bytes) -> None:
    with pytest.raises(Problem, match="answered 404 in a form that is not its own"):
        ask_for_relay(lambda _: httpx.Response(404, content=body))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ConnectError, r"cannot be reached at http://127\.0\.0\.1:5001"),
        (httpx.ReadTimeout, "did not answer within"),
    ],
)
def test_a_function_that_is_not_there_is_reported_with_its_address(
    error: type[httpx.TransportError], message: str
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error("")

    with pytest.raises(Problem, match=message) as problem:
        ask_for_relay(answer)
    assert "make run" in problem.value.hint
