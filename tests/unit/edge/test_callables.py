"""edge/callables.py, in the framework that calls it but without its server. With it: tests/emulator."""

import gzip
import inspect
import io
import json
import logging
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from firebase_admin import app_check  # type: ignore[import-untyped]  # it ships no types
from firebase_functions.https_fn import CallableRequest
from flask.testing import FlaskClient
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # it ships no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import TestResponse

from tests.support.functions import bearer, framework, segment, token
from webrtc_lite.core.errors import InvalidFieldError, NotSignedInError
from webrtc_lite.edge import callables, errors

pytestmark = pytest.mark.usefixtures("emulated")

JSON = {"Content-Type": "application/json"}
ALICE = JSON | bearer(token("alice"))
AS_GUNICORN = {"wsgi.input_terminated": True}  # the server watches over the end of a body
CANARY = "c4n4ry"  # stands in what clients send, and must never come back or be logged


def echo(request: CallableRequest[Any]) -> dict[str, object]:
    return {"uid": callables.uid(request), "data": request.data}


def client(handler: Callable[[CallableRequest[Any]], Any] = echo) -> FlaskClient:
    return framework(callables.on_call()(handler))


def refusal(response: TestResponse, code: str) -> dict[str, Any]:
    """The error of a reply that has to be a refusal as SPEC 3.6 wants it."""
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.content_type == "application/json"
    assert response.json is not None
    assert response.json.keys() == {"error"}
    error: dict[str, Any] = response.json["error"]
    assert error.keys() == {"status", "message", "details"}
    assert error["details"]["code"] == code
    return error


def malformed(response: TestResponse) -> str:
    error = refusal(response, "malformed_request")
    assert response.status_code == 400
    assert error["status"] == "INVALID_ARGUMENT"
    assert "data" in error["details"]["hint"]
    return str(error["message"])


def unauthenticated(response: TestResponse, code: str) -> str:
    error = refusal(response, code)
    assert response.status_code == 401
    assert error["status"] == "UNAUTHENTICATED"
    assert "ID token" in error["details"]["hint"]
    return str(error["message"])


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged by whatever way, since the last look."""
    caplog.set_level(logging.DEBUG)

    def look() -> str:
        text = "".join([*capfd.readouterr(), caplog.text])
        caplog.clear()
        return text

    return look


# --- what is right goes through


def test_a_signed_in_request_reaches_the_handler_with_its_data() -> None:
    response = client().post("/", headers=ALICE, json={"data": {"ttl": 60}})
    assert response.status_code == 200
    assert response.json == {"result": {"uid": "alice", "data": {"ttl": 60}}}


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-16", "application/json ;"],
)
def test_parameters_and_case_of_the_content_type_do_not_matter(content_type: str) -> None:
    response = client().post("/", headers=ALICE | {"Content-Type": content_type}, data=b'{"data": null}')
    assert response.json == {"result": {"uid": "alice", "data": None}}


@pytest.mark.parametrize("body", [b'\xef\xbb\xbf{"data": 1}', b' \r\n{"data": 1} \n', b'{"data": 0, "data": 1}'])
def test_json_may_look_as_it_likes(body: bytes) -> None:
    response = client().post("/", headers=ALICE, data=body)
    assert response.json == {"result": {"uid": "alice", "data": 1}}


def test_an_identity_encoding_is_none() -> None:
    assert client().post("/", headers=ALICE | {"Content-Encoding": "identity"}, data=b'{"data": 1}').status_code == 200


def test_a_preflight_is_answered_by_the_sdk() -> None:
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    response = client().options("/", headers=asks | {"Access-Control-Request-Headers": "authorization,content-type"})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"


def test_a_browser_may_read_a_reply() -> None:
    response = client().post("/", headers=ALICE | {"Origin": "https://app.example"}, json={"data": None})
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_discovery_still_finds_the_function() -> None:
    view = callables.on_call(region="us-central1")(echo)
    assert inspect.isfunction(view)
    assert view.__firebase_endpoint__.entryPoint == "echo"  # type: ignore[attr-defined]  # the SDK puts it there


# --- what is not a callable request


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_any_method_but_post_is_refused(method: str) -> None:
    response = client().open("/", method=method, headers=ALICE, data=b'{"data": null}')
    if method == "HEAD":
        assert response.status_code == 400
    else:
        assert malformed(response) == "The method has to be POST."


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "application/json, text/plain"],
)
def test_any_other_content_type_is_refused(content_type: str) -> None:
    response = client().post("/", headers=ALICE | {"Content-Type": content_type}, data=b'{"data": null}')
    assert malformed(response) == "The Content-Type has to be application/json."


def test_a_missing_content_type_is_refused() -> None:
    response = client().post("/", headers=bearer(token()), data=b'{"data": null}')
    assert malformed(response) == "The Content-Type has to be application/json."


def test_a_compressed_body_is_refused() -> None:
    response = client().post("/", headers=ALICE | {"Content-Encoding": "gzip"}, data=gzip.compress(b'{"data": null}'))
    assert malformed(response) == "The body has to be sent without a Content-Encoding."


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"data", b'{"data": }', b"{'data': 1}", b'{"data": 1}}', b'{"data": "\xff"}', b"\x1f\x8b\x08",
        b"\xff\xfe{\0}\0", b'{"data": ' + b"9" * 5000 + b"}", b'{"data": "\0"}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    assert malformed(client().post("/", headers=ALICE, data=body)) == "The body is not JSON in UTF-8."


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"data"', b"NaN", b'["data"]'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert malformed(client().post("/", headers=ALICE, data=body)) == "The body has to be an object."


@pytest.mark.parametrize("body", [{}, {"Data": 1}, {"data": 1, "more": 2}, {"ttl": 600}])
def test_a_body_holds_data_and_nothing_else(body: object) -> None:
    response = client().post("/", headers=ALICE, json=body)
    assert malformed(response) == "The body has to hold data, and nothing beside it."
    assert refusal(response, "malformed_request")["details"]["field"] == "data"


def test_sixty_four_objects_and_lists_are_taken_and_one_more_is_not() -> None:
    deep = {"data": json.loads("[" * 63 + "]" * 63)}
    assert client().post("/", headers=ALICE, json=deep).status_code == 200
    deep["data"] = [deep["data"]]
    assert malformed(client().post("/", headers=ALICE, json=deep)) == "The body holds more than 64 objects and lists."


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_nesting_without_end_is_refused_before_it_is_parsed(bracket: bytes) -> None:
    assert "more than 64" in malformed(client().post("/", headers=ALICE, data=b'{"data":' + bracket * 2500))


def padded(size: int) -> bytes:
    return b'{"data": null}'.ljust(size)


def test_a_body_of_sixteen_kib_is_taken_and_one_byte_more_is_not() -> None:
    assert client().post("/", headers=ALICE, data=padded(16 * 1024)).status_code == 200
    assert malformed(client().post("/", headers=ALICE, data=padded(16 * 1024 + 1))) == (
        "The body is larger than 16384 bytes."
    )


def test_a_huge_body_is_read_to_its_end_and_not_kept() -> None:
    body = CountingStream(padded(5_000_000))
    phone = client()
    tracemalloc.start()
    response = phone.post("/", headers=ALICE, input_stream=body, environ_overrides=AS_GUNICORN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "larger" in malformed(response)
    assert body.left == 0
    assert peak < 1_000_000


def test_a_body_without_length_is_read_to_its_end() -> None:
    body = CountingStream(padded(100))
    response = client().post("/", headers=ALICE, input_stream=body, environ_overrides=AS_GUNICORN)
    assert response.status_code == 200


@pytest.mark.parametrize("failure", [OSError("cut"), ClientDisconnected(), ParseException("no chunk")])
def test_a_body_that_breaks_off_is_refused(failure: Exception) -> None:
    response = client().post("/", headers=ALICE, input_stream=BrokenStream(failure), environ_overrides=AS_GUNICORN)
    assert malformed(response) == "The body broke off."


class CountingStream(io.BytesIO):
    """Whoever reads it can be asked how."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.left = len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.left -= len(chunk)
        return chunk


class BrokenStream(io.BytesIO):
    def __init__(self, failure: Exception) -> None:
        super().__init__(b"{")
        self._failure = failure

    def read(self, _size: int | None = -1, /) -> bytes:
        raise self._failure


# --- who is asking


@pytest.mark.parametrize("headers", [JSON, JSON | {"Authorization": ""}], ids=["none", "empty"])
def test_a_request_without_a_token_is_not_signed_in(headers: dict[str, str]) -> None:
    response = client().post("/", headers=headers, json={"data": None})
    assert unauthenticated(response, "not_signed_in") == "The request is not signed in."


HEAD, PAYLOAD, _ = token().split(".")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer", "Bearer ", "bearer " + token(), "Basic YWxpY2U6cHc=", token(), "Bearer  " + token(),
        f"Bearer {token()},Bearer {token()}", "Bearer a.b", "Bearer a.b.c.d", "Bearer null",
        f"Bearer {HEAD}.{PAYLOAD}.s!g", f"Bearer {HEAD}=.{PAYLOAD}.", "Bearer é.é.é",
    ],
)  # fmt: skip
def test_a_header_that_is_no_bearer_token_is_refused(header: str) -> None:
    response = client().post("/", headers=JSON | {"Authorization": header}, json={"data": None})
    assert unauthenticated(response, "invalid_token") == "The Authorization header is not a Bearer token."


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c", f"{HEAD}.{PAYLOAD}.a", f"{HEAD}.bm8.", f"{segment([])}.{PAYLOAD}.", f"{HEAD}.{segment(CANARY)}.",
        f"{segment(b'[' * 3000)}.{PAYLOAD}.", f"{HEAD}.{segment(b'9' * 5000)}.",
        f"{HEAD}.{segment(bytes([0xFF, 0xFE]))}.",
    ],
)  # fmt: skip
def test_a_token_that_is_no_jwt_is_refused(text: str) -> None:
    response = client().post("/", headers=JSON | bearer(text), json={"data": None})
    assert unauthenticated(response, "invalid_token") == "The ID token is not a JSON Web Token."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("which", [0, 1], ids=["header", "payload"])
def test_a_token_in_another_encoding_is_refused_before_the_sdk_would_quote_it(
    encoding: str, which: int, logged: Callable[[], str]
) -> None:
    parts = [HEAD, PAYLOAD, ""]
    parts[which] = segment(json.dumps({"alg": "none", "sub": CANARY}).encode(encoding))

    response = client().post("/", headers=JSON | bearer(".".join(parts)), json={"data": None})
    assert unauthenticated(response, "invalid_token") == "The ID token is not a JSON Web Token."
    assert CANARY not in logged()


@pytest.mark.parametrize(
    "text",
    [
        token(aud=f'x\n{{"severity": "{CANARY}"}}'),
        token(aud=[CANARY]),
        token(aud="x" * 201),
        token(iss={"x": CANARY}),
        token(iss="x\u2028"),
        f"{segment({'alg': None})}.{PAYLOAD}.",
        f"{segment({'alg': 'none', 'kid': 7})}.{PAYLOAD}.",
    ],
)
def test_a_token_whose_claims_would_forge_a_log_line_never_reaches_the_sdk(
    text: str, logged: Callable[[], str]
) -> None:
    response = client().post("/", headers=JSON | bearer(text), json={"data": None})
    assert unauthenticated(response, "invalid_token") == "The ID token is not one of Firebase Auth."
    assert "Error validating token" not in logged()


@pytest.mark.parametrize(
    "text",
    [token(aud="another-project"), token(aud="x" * 200), token(iss="https://example.com"), token(""), token("x" * 129)],
)
def test_a_token_that_the_sdk_refuses_is_refused_with_details_and_its_reason_logged(
    text: str, logged: Callable[[], str]
) -> None:
    response = client().post("/", headers=JSON | bearer(text), json={"data": None})
    assert unauthenticated(response, "invalid_token") == "The ID token has expired or is not one of this project."
    output = logged()
    assert "Error validating token: Firebase ID token has" in output
    assert '"code": "invalid_token"' in output
    assert text not in output


def test_a_refusal_by_the_sdk_keeps_its_cors_headers() -> None:
    response = client().post(
        "/", headers=JSON | bearer(token(aud="another")) | {"Origin": "https://app.example"}, json={"data": None}
    )
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.parametrize("uid", [None, ""])
def test_a_verified_token_without_a_uid_is_nobody(uid: str | None) -> None:
    asked: Any = type("Request", (), {"auth": type("Auth", (), {"uid": uid})})
    with pytest.raises(NotSignedInError):
        callables.uid(asked)


def test_a_request_that_nobody_verified_is_nobody() -> None:
    asked: Any = type("Request", (), {"auth": None})
    with pytest.raises(NotSignedInError):
        callables.uid(asked)


def test_an_app_check_token_that_nobody_asked_for_is_not_looked_at(logged: Callable[[], str]) -> None:
    app_check = f"{segment({'alg': 'RS256', 'typ': 'JWT', 'kid': CANARY})}.{segment({})}.AAAA"
    response = client().post("/", headers=ALICE | {"X-Firebase-AppCheck": app_check}, json={"data": None})
    assert response.status_code == 200
    assert "AppCheck" not in logged()


# --- App Check, where the deployment wants it


def checked(handler: Callable[[CallableRequest[Any]], Any] = echo) -> FlaskClient:
    return framework(callables.on_call(enforce_app_check=True)(handler))


def app_token(**head: object) -> str:
    header = {"alg": "RS256", "typ": "JWT", "kid": "lQe5Ig"} | head
    return f"{segment(header)}.{segment({'sub': '1:234567890:web:0123456789'})}.AAAA"


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SDK's seam: nothing emulates App Check. What was verified; only the token of `app_token()` stands up."""
    asked: list[str] = []

    def verify_token(text: str) -> dict[str, Any]:
        asked.append(text)
        if text != app_token():
            raise ValueError(f"The provided App Check token has an invalid signature. {CANARY}")
        return {"sub": "1:234567890:web:0123456789"}

    monkeypatch.setattr(app_check, "verify_token", verify_token)
    return asked


def test_a_verified_app_reaches_the_handler(verified: list[str]) -> None:
    headers = ALICE | {"X-Firebase-AppCheck": app_token()}
    assert checked().post("/", headers=headers, json={"data": 1}).json == {"result": {"uid": "alice", "data": 1}}
    assert verified == [app_token()]


def test_an_app_that_is_not_verified_gets_nothing_and_hears_which_token_was_refused(
    verified: list[str], logged: Callable[[], str]
) -> None:
    forged = app_token(kid="forged")
    response = checked().post("/", headers=ALICE | {"X-Firebase-AppCheck": forged}, json={"data": None})
    assert response.status_code == 401
    assert refusal(response, "app_check_invalid")["status"] == "UNAUTHENTICATED"
    assert verified == [forged]
    output = logged()
    assert '"code": "app_check_invalid", "uid": "alice"' in output
    assert forged not in output


@pytest.mark.parametrize("header", [{}, {"X-Firebase-AppCheck": ""}], ids=["none", "empty"])
def test_a_request_without_an_app_check_token_is_told_so(verified: list[str], header: dict[str, str]) -> None:
    response = checked().post("/", headers=ALICE | header, json={"data": None})
    assert response.status_code == 401
    assert "App Check" in refusal(response, "app_check_missing")["details"]["hint"]
    assert verified == []


@pytest.mark.parametrize(
    "text",
    [
        "garbage", "a.b.c", "..", token(), f"{app_token()},{app_token()}", app_token(alg="HS256"), app_token(alg=None),
        app_token(kid=None), app_token(kid=f"x\n{CANARY}"), app_token(kid="k" * 65), app_token(kid=[CANARY]),
        f"{segment([])}.{segment({})}.AAAA",
    ],
)  # fmt: skip
def test_what_is_no_app_check_token_has_nobody_fetch_keys_or_write_it_down(
    text: str, verified: list[str], logged: Callable[[], str]
) -> None:
    response = checked().post("/", headers=ALICE | {"X-Firebase-AppCheck": text}, json={"data": None})
    assert response.status_code == 401
    refusal(response, "app_check_invalid")
    assert verified == []
    assert CANARY not in logged()


def test_a_verified_app_without_a_user_is_still_nobody(verified: list[str]) -> None:
    response = checked().post("/", headers=JSON | {"X-Firebase-AppCheck": app_token()}, json={"data": None})
    assert unauthenticated(response, "not_signed_in")
    assert verified == []


def test_a_verified_app_does_not_mend_a_bad_id_token(verified: list[str]) -> None:
    headers = JSON | bearer(token(aud="another-project")) | {"X-Firebase-AppCheck": app_token()}
    assert unauthenticated(checked().post("/", headers=headers, json={"data": None}), "invalid_token")
    assert verified == [app_token()]


def test_the_manifest_knows_nothing_of_app_check() -> None:
    view = callables.on_call(region="us-central1", enforce_app_check=True)(echo)
    assert view.__firebase_endpoint__ is not None  # type: ignore[attr-defined]  # the SDK puts it there


# --- what the handler raises


def test_our_errors_become_their_status_with_details(logged: Callable[[], str]) -> None:
    def refuse(_request: CallableRequest[Any]) -> None:
        raise InvalidFieldError("ttl has to be a number.", field="ttl")

    response = client(refuse).post("/", headers=ALICE, json={"data": None})
    assert response.status_code == 400
    assert refusal(response, "invalid_field") == {
        "status": "INVALID_ARGUMENT",
        "message": "ttl has to be a number.",
        "details": {"code": "invalid_field", "field": "ttl"},
    }
    assert '"function": "refuse"' in logged()


def test_the_unforeseen_is_logged_once_with_its_place_and_nobody_hears_its_words(
    logged: Callable[[], str],
) -> None:
    def break_down(_request: CallableRequest[Any]) -> None:
        raise RuntimeError("the inner life of the server")

    response = client(break_down).post("/", headers=ALICE, json={"data": None})
    assert response.status_code == 500
    assert refusal(response, "internal") == {
        "status": "INTERNAL",
        "message": "Something went wrong here.",
        "details": {"code": "internal"},
    }
    output = logged()
    assert output.count("Unexpected RuntimeError in break_down.") == 1
    assert ' break_down"' in output
    assert "the inner life" not in output


def test_a_result_that_is_not_json_is_an_internal_error_too() -> None:
    response = client(lambda _request: object()).post("/", headers=ALICE, json={"data": None})
    assert response.status_code == 500
    assert refusal(response, "internal")["message"] == "Something went wrong here."


def test_an_error_in_the_sdks_own_form_is_left_as_it_is() -> None:
    def refuse(_request: CallableRequest[Any]) -> None:
        raise errors.internal()

    response = client(refuse).post("/", headers=ALICE, json={"data": None})
    assert response.status_code == 500
    refusal(response, "internal")


# --- and whatever else comes


@pytest.mark.parametrize(
    "body",
    [
        f'{{"data": null, "{CANARY}": "{CANARY}"}}', f'{{"{CANARY}": null}}', f'["{CANARY}"]', f"{CANARY}",
        f'{{"data": "{CANARY}", "x": 1}}', f'{{"data": {{"{CANARY}": "{CANARY}"}}}}'.ljust(20_000),
    ],
)  # fmt: skip
def test_neither_body_nor_token_reaches_a_log(body: str, logged: Callable[[], str]) -> None:
    for authorization in [token(), token(aud="another-project"), f"{HEAD}.{segment(CANARY)}.", CANARY, ""]:
        response = client().post("/", headers=JSON | {"Authorization": f"Bearer {authorization}"}, data=body.encode())
        assert response.status_code in {400, 401}
        assert CANARY not in response.text
        output = logged()
        assert "request_refused" in output
        assert CANARY not in output
        assert "Traceback" not in output
        assert not authorization or authorization not in output


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.binary(max_size=60) | st.text(st.characters(codec="utf-8")).map(str.encode),
    method=st.sampled_from(["POST", "POST", "GET", "PUT"]),
    content_type=st.sampled_from(["application/json", "application/json", "text/plain", ""]),
    authorization=st.sampled_from([f"Bearer {token()}", None])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
)
def test_nothing_that_a_client_sends_is_a_server_error(
    body: bytes, method: str, content_type: str, authorization: str | None
) -> None:
    headers = {"Content-Type": content_type} | ({} if authorization is None else {"Authorization": authorization})
    response = client().open("/", method=method, headers=headers, data=body)
    assert response.status_code in {200, 400, 401}


def test_the_probe_of_the_functions_emulator_is_answered_and_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    assert client().get("/__/health").status_code == 400
    assert "request_refused" not in capfd.readouterr().out

    assert client().get("/elsewhere").status_code == 400
    assert "request_refused" in capfd.readouterr().out
