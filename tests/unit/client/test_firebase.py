"""What Auth and a callable answer, and what the user is told of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from webrtc_lite_client.backend import deployment, local_stack
from webrtc_lite_client.credentials import Issued
from webrtc_lite_client.firebase import Firebase, User
from webrtc_lite_client.problem import Exit, NotThere, Problem, Refused
from webrtc_lite_client.relay import Relay

SOMEBODY = User("alice", "token")
ISSUED = {
    "username": "1:alice",
    "password": "p",
    "uris": ["turn:t:3478?transport=tcp", "turn:t:3478?transport=udp"],
    "ttl": 3600,
    "expires_at": 4600,
    "refresh_at": 4300,
    "server_time": 1000,
}


def ask[T](answer: Callable[[httpx.Request], httpx.Response], question: Callable[[Firebase], Awaitable[T]]) -> T:
    async def run() -> T:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await question(Firebase(local_stack(), http))

    return asyncio.run(run())


def ask_for_credentials(answer: Callable[[httpx.Request], httpx.Response]) -> Issued:
    return ask(answer, lambda firebase: firebase.issue(SOMEBODY, session_id="the-session", region=None))


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

    assert ask_for_credentials(answer) == Issued.parse(ISSUED)


def test_a_token_that_has_expired_is_renewed_and_the_request_made_once_more() -> None:
    user, asked = User("alice", "old", "refresh"), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            assert json.loads(request.content) == {"grant_type": "refresh_token", "refresh_token": "refresh"}
            return httpx.Response(200, json={"user_id": "alice", "id_token": "new", "refresh_token": "next"})
        asked.append(request.headers["Authorization"])
        refused = {"status": "UNAUTHENTICATED", "message": "No.", "details": {"code": "invalid_token"}}
        return httpx.Response(200, json={"error": refused} if len(asked) == 1 else {"result": ISSUED})

    ask(answer, lambda firebase: firebase.issue(user))

    assert asked == ["Bearer old", "Bearer new"]
    assert user == User("alice", "new", "next")


def test_an_account_that_auth_does_not_know_any_more_is_reported() -> None:
    error = {"error": {"message": "TOKEN_EXPIRED"}}

    with pytest.raises(Problem, match="does not know the account any more: TOKEN_EXPIRED"):
        ask(lambda _: httpx.Response(400, json=error), lambda firebase: firebase.sign_in_again("old"))


def test_nothing_of_a_user_or_a_credential_is_printed() -> None:
    printed = repr([User("alice", "id-token", "refresh-token"), Issued.parse(ISSUED), Relay("turn:t", "name", "pass")])

    for secret in ("id-token", "refresh-token", "name'", "pass'", "'p'", "1:alice"):
        assert secret not in printed


def test_the_servers_clock_is_read_from_what_it_answers() -> None:
    async def run() -> float | None:
        headers = {"Date": "Thu, 01 Jan 1970 00:01:40 GMT"}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"kind": ""}, headers=headers))
        async with httpx.AsyncClient(transport=transport) as http:
            firebase = Firebase(local_stack(), http, wall=lambda: 60.0)
            await firebase.delete(SOMEBODY)
            return firebase.ahead_s

    assert asyncio.run(run()) == 40.0


def test_a_function_that_is_deployed_elsewhere_is_found_by_its_answer_to_a_preflight() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "/europe-west1/" in request.url.path:
            return httpx.Response(204, headers={"Access-Control-Allow-Origin": "*"})
        if "/europe-west2/" in request.url.path:
            raise httpx.ConnectError("")
        return httpx.Response(404)

    assert ask(answer, lambda firebase: firebase.regions_with("f")) == ["europe-west1"]


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("ADMIN_ONLY_OPERATION", "Anonymous provider"),
        ("API key not valid. Please pass a valid API key.", "web API key"),
        ("TOO_MANY_ATTEMPTS_TRY_LATER", "100 new accounts an hour"),
    ],
)
def test_what_auth_refuses_comes_with_what_to_do(message: str, hint: str) -> None:
    with pytest.raises(Problem) as problem:
        ask(
            lambda _: httpx.Response(400, json={"error": {"message": message}}),
            lambda firebase: firebase.sign_up(),
        )
    assert hint in problem.value.hint
    assert problem.value.ends is Exit.SIGN_IN


def test_a_refusal_is_reported_with_its_status_its_message_and_its_hint() -> None:
    refusal = {"status": "UNAVAILABLE", "message": "No relay.", "details": {"code": "no_relay", "hint": "Wait."}}

    with pytest.raises(Refused, match=r"issue_turn_credentials refused, UNAVAILABLE: No relay\.") as problem:
        ask_for_credentials(lambda _: httpx.Response(503, json={"error": refusal}))
    assert (problem.value.hint, problem.value.code) == ("Wait.", "no_relay")


def test_auth_that_refuses_is_reported_with_its_message() -> None:
    with pytest.raises(Problem, match="Auth refused to signUp: ADMIN_ONLY_OPERATION"):
        ask(
            lambda _: httpx.Response(400, json={"error": {"message": "ADMIN_ONLY_OPERATION"}}),
            lambda firebase: firebase.sign_up(),
        )


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_something_else_at_that_address_is_reported_as_that(body: bytes) -> None:
    with pytest.raises(Problem, match="answered 502 in a form that is not its own"):
        ask_for_credentials(lambda _: httpx.Response(502, content=body))


def test_an_address_that_knows_nothing_of_the_function_is_told_from_one_that_fails() -> None:
    with pytest.raises(NotThere, match="issue_turn_credentials is not there"):
        ask_for_credentials(lambda _: httpx.Response(404, content=b"<html>"))


def test_a_function_that_is_not_open_to_all_says_what_has_to_be_opened() -> None:
    with pytest.raises(Problem) as problem:
        ask_for_credentials(lambda _: httpx.Response(403, content=b"<html>"))
    assert "allUsers" in problem.value.hint


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
        ask_for_credentials(answer)
    assert "make run" in problem.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("POST https://identitytoolkit.googleapis.com/v1/accounts:signUp?key=the-key"),
        httpx.ReadTimeout("?key=the-key"),
        httpx.Response(400, json={"error": {"message": "API key not valid. Please pass a valid API key."}}),
        httpx.Response(404, content=b"<html>"),
        httpx.Response(500, content=b"<html>"),
    ],
    ids=["unreachable", "silent", "refused", "not there", "broken"],
)
def test_the_web_api_key_is_in_nothing_that_is_said(answer: httpx.Response | httpx.TransportError) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        assert request.url.params["key"] == "the-key"
        if isinstance(answer, httpx.Response):
            return answer
        raise answer

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answers)) as http:
            await Firebase(deployment("my-app", "the-key"), http).sign_up()

    with pytest.raises(Problem) as problem:
        asyncio.run(run())
    assert "the-key" not in f"{problem.value} {problem.value.hint} {problem.value.__cause__}"
