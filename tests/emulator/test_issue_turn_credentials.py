"""issue_turn_credentials as a client meets it, over HTTP: SPEC 3.5, and every row of 3.6 that this function has."""

import base64
import hashlib
import hmac
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from httpx._types import HeaderTypes, RequestContent

from tests.support.functions import SECRET, Server, bearer, segment, token

LONG = "type.googleapis.com/google.protobuf.Int64Value"


def call(
    server: Server,
    data: object = None,
    authorization: str | None = None,
    *,
    headers: HeaderTypes | None = None,
    content: RequestContent | None = None,
) -> httpx.Response:
    """One call as the Firebase SDKs make it, except for what is given."""
    return httpx.post(
        server.url,
        headers=bearer(authorization or token()) if headers is None else headers,
        content=content,
        json={"data": data} if content is None else None,
        timeout=10,
    )


def refused(response: httpx.Response, http: int, status: str, code: str) -> dict[str, Any]:
    """The details of a refusal, which has this form and no other."""
    assert response.status_code == http
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"status", "message", "details"}
    assert body["error"]["status"] == status
    assert body["error"]["message"]
    assert body["error"]["details"]["code"] == code
    assert body["error"]["details"].keys() <= {"code", "field", "hint"}
    assert "Traceback" not in response.text
    details: dict[str, Any] = body["error"]["details"]
    return details


# --- the reply


def test_a_signed_in_user_gets_what_the_specification_promises(server: Server) -> None:
    before = int(time.time())
    result = call(server, {"ttl": 600}).json()["result"]
    assert before <= result["server_time"] <= time.time()
    assert result["ttl"] == 600
    assert result["expires_at"] == result["server_time"] + 600
    assert result["refresh_at"] == result["expires_at"] - 120
    assert result["username"] == f"{result['expires_at'] + 60}:alice"
    mac = hmac.new(SECRET.encode(), result["username"].encode(), hashlib.sha1).digest()
    assert result["password"] == base64.b64encode(mac).decode()
    assert result["uris"] == [
        "turn:turn.example.com:3478?transport=udp",
        "turn:turn.example.com:3478?transport=tcp",
        "turns:turn.example.com:5349?transport=tcp",
        "turns:turn.example.com:443?transport=tcp",
    ]
    assert result["ice_servers"] == [
        {"urls": ["stun:turn.example.com:3478"]},
        {"urls": result["uris"], "username": result["username"], "credential": result["password"]},
    ]
    assert result.keys() == {
        "username", "password", "ttl", "expires_at", "refresh_at", "server_time", "uris", "ice_servers",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "ttl"),
    [
        (None, 3600), ({}, 3600), ({"ttl": None}, 3600), ({"ttl": 60}, 60), ({"ttl": 86_400}, 86_400),
        ({"ttl": 90.0}, 90), ({"ttl": {"@type": LONG, "value": "90"}}, 90),
        ({"session_id": None, "region": "eu"}, 3600),
    ],
)  # fmt: skip
def test_a_request_may_be_written_as_every_sdk_writes_it(server: Server, data: object, ttl: int) -> None:
    assert call(server, data).json()["result"]["ttl"] == ttl


def test_a_uid_that_coturn_refuses_is_issued_a_safe_name(server: Server) -> None:
    result = call(server, None, token("a 'uid' with \"everything\" \ud800")).json()["result"]
    assert result["username"].partition(":")[2].startswith("sha256-")


def test_many_at_once_get_their_own(server: Server) -> None:
    uids = [f"user-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as phones:
        names = phones.map(lambda uid: call(server, None, token(uid)).json()["result"]["username"], uids)
    assert [name.partition(":")[2] for name in names] == uids


def test_a_browser_may_call(server: Server) -> None:
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(server.url, headers=asks | {"Access-Control-Request-Headers": "authorization"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    reply = call(server, headers=bearer(token()) | {"Origin": "https://app.example"})
    assert reply.headers["access-control-allow-origin"] == "https://app.example"


# --- UNAUTHENTICATED


def test_nobody_gets_nothing(server: Server) -> None:
    details = refused(call(server, headers={}), 401, "UNAUTHENTICATED", "not_signed_in")
    assert "Sign in" in details["hint"]


@pytest.mark.parametrize(
    "authorization",
    [
        token(aud="another-project"),
        token(iss="https://example.com"),
        token(""),
        "garbage",
        f"{segment({})}.{segment({})}.",
        f"{segment({})}.{segment([])}.",
        "a.b.c",
    ],
    ids=["project", "issuer", "nobody", "garbage", "empty", "list", "letters"],
)
def test_a_bad_token_gets_nothing_but_advice(server: Server, authorization: str) -> None:
    details = refused(call(server, None, authorization), 401, "UNAUTHENTICATED", "invalid_token")
    assert "fresh ID token" in details["hint"]


def test_a_token_without_its_scheme_is_a_bad_one(server: Server) -> None:
    for header in (token(), f"bearer {token()}", f"Basic {token()}", "Bearer"):
        refused(call(server, headers={"Authorization": header}), 401, "UNAUTHENTICATED", "invalid_token")


def test_two_authorization_headers_are_none(server: Server) -> None:
    twice = [("Authorization", f"Bearer {token()}"), ("Authorization", f"Bearer {token('bob')}")]
    response = call(server, headers=twice)
    refused(response, 401, "UNAUTHENTICATED", "invalid_token")


# --- INVALID_ARGUMENT


@pytest.mark.parametrize("ttl", [59, 86_401, 60.5, True, "3600", [], {}, {"@type": LONG, "value": "59"}])
def test_a_bad_ttl_is_named_with_its_range(server: Server, ttl: object) -> None:
    response = call(server, {"ttl": ttl})
    assert refused(response, 400, "INVALID_ARGUMENT", "invalid_field")["field"] == "ttl"
    assert "from 60 to 86400" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("field", "value"), [("session_id", "short"), ("session_id", 7), ("region", "a b"), ("region", {})]
)
def test_a_bad_field_is_named_with_its_form(server: Server, field: str, value: object) -> None:
    response = call(server, {field: value})
    assert refused(response, 400, "INVALID_ARGUMENT", "invalid_field")["field"] == field
    assert "characters out of" in response.json()["error"]["message"]


def test_an_unknown_field_is_named(server: Server) -> None:
    details = refused(call(server, {"lifetime": 60}), 400, "INVALID_ARGUMENT", "unknown_field")
    assert details["field"] == "lifetime"
    assert "ttl, session_id, region" in details["hint"]


def test_a_field_name_of_surrogates_is_one_more_unknown_field(server: Server) -> None:
    response = call(server, content=b'{"data": {"\\ud800": 1}}', headers=as_json())
    refused(response, 400, "INVALID_ARGUMENT", "unknown_field")


@pytest.mark.parametrize("data", [[], "ttl", 600, True])
def test_data_that_is_no_object_is_refused(server: Server, data: object) -> None:
    assert refused(call(server, data), 400, "INVALID_ARGUMENT", "malformed_request")["field"] == "data"


def as_json(**more: str) -> dict[str, str]:
    return bearer(token()) | {"Content-Type": "application/json"} | more


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"hello", b"{'data': null}", b'{"data": "\xff"}', b"[]", b"null", b"{}",
        b'{"data": null, "more": 1}', b'{"data": ' + b"9" * 5000 + b"}", b'{"data": ' + b"[" * 8000,
        b'{"data": ' + b"[" * 4000 + b"]" * 4000 + b"}",
        b'{"data": null}'.ljust(16_385), b'{"data": null}'.ljust(3_000_000), b"\x1f\x8b\x08\x00",
    ],
    ids=[
        "empty", "cut", "text", "quotes", "latin", "list", "null", "bare", "more", "number", "open", "deep", "large",
        "huge", "gzip",
    ],
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(server: Server, body: bytes) -> None:
    response = call(server, content=body, headers=as_json())
    assert "POST" in refused(response, 400, "INVALID_ARGUMENT", "malformed_request")["hint"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_a_body_that_does_not_say_json_is_refused(server: Server, content_type: str) -> None:
    response = call(server, headers=as_json(**{"Content-Type": content_type}))
    refused(response, 400, "INVALID_ARGUMENT", "malformed_request")


def test_a_compressed_body_is_refused(server: Server) -> None:
    response = call(server, headers=as_json(**{"Content-Encoding": "gzip"}))
    refused(response, 400, "INVALID_ARGUMENT", "malformed_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_any_method_but_post_is_refused(server: Server, method: str) -> None:
    response = httpx.request(method, server.url, headers=bearer(token()))
    refused(response, 400, "INVALID_ARGUMENT", "malformed_request")


def test_head_is_refused_too(server: Server) -> None:
    assert httpx.head(server.url).status_code == 400


def test_a_chunked_body_is_a_body(server: Server) -> None:
    whole = iter([b'{"data"', b": {}}"])
    assert call(server, content=whole, headers=as_json()).status_code == 200
    huge = (b" " * 1000 for _ in range(3000))
    response = call(server, content=huge, headers=as_json())
    refused(response, 400, "INVALID_ARGUMENT", "malformed_request")


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b'Transfer-Encoding: chunked\r\n\r\nZZ\r\n{"data"',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"data"',
        HEAD + b'Content-Length: 100\r\n\r\n{"data"',
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: ten\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=["chunk", "cut-chunk", "cut", "negative", "word", "lengths", "types", "none", "no-host", "preflight"],
)  # fmt: skip
def test_broken_http_is_no_server_error(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 ")), answer
    assert b"Traceback" not in answer


# --- FAILED_PRECONDITION


def test_without_a_secret_nothing_is_signed_and_the_operator_is_told_once(server_without_secret: Server) -> None:
    for _ in range(2):
        details = refused(call(server_without_secret), 400, "FAILED_PRECONDITION", "relay_not_configured")
        assert "operator" in details["hint"]
        assert "TURN_SECRET" not in str(details)
    told = [line for line in entries(server_without_secret) if line["event"] == "relay_not_configured"]
    assert len(told) == 1
    assert "firebase functions:secrets:set TURN_SECRET" in told[0]["message"]


# --- the log


def entries(server: Server) -> list[dict[str, Any]]:
    """Our own lines, among those of the SDK."""
    return [json.loads(line) for line in server.output().splitlines() if line.startswith('{"severity"')]


def test_neither_secret_nor_password_nor_token_nor_body_reaches_the_log(server: Server) -> None:
    canary = "c4n4ry"
    good, foreign = token("carol"), token("carol", aud="another-project")
    password = call(server, None, good).json()["result"]["password"]
    broken = f"{segment({})}.{segment(canary)}.{canary}"
    for authorization in (good, foreign, broken, canary):
        for body in (f'{{"data": {{"{canary}": "{canary}"}}}}', f'{{"data": null, "{canary}": "{canary}"}}', canary):
            response = call(server, content=body, headers=as_json(Authorization=f"Bearer {authorization}"))
            assert response.status_code in {400, 401}
            assert password not in response.text
    output = server.output()
    assert "carol" in output
    for kept_out in (SECRET, password, good, foreign, broken, canary, segment(canary), "Traceback", "Logging error"):
        assert kept_out not in output


def test_an_issue_and_a_refusal_each_leave_one_line(server: Server) -> None:
    call(server, {"ttl": 61, "region": "eu"}, token("dave"))
    call(server, {"ttl": 1}, token("dave"))
    told = [line for line in entries(server) if line.get("uid") == "dave"]
    assert [(line["event"], line["code"], line["ttl"], line["region"], line["relay"]) for line in told] == [
        ("credentials_issued", "ok", 61, "eu", "turn.example.com:3478"),
        ("request_refused", "invalid_field", None, None, None),
    ]


def test_why_a_token_was_refused_stands_in_the_log(server: Server) -> None:
    call(server, None, token(aud="another-project"))
    assert 'incorrect "aud" (audience) claim. Expected "demo-webrtc-lite" but got "another-project"' in server.output()
