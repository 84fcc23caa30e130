"""https_fn.on_call with its defects mended at the edge (firebase-functions 0.6.0).

What it does to a bad request is here answered before it sees one:
- a body that is not JSON, not UTF-8, not an object, or holds a number of 5000 digits is a 500;
- refusals carry no details, and the body or the token goes into the log with them;
- a body of any size is read into memory, three times over.
What it does well stays its own: verifying tokens, CORS, the endpoint that discovery reads.
"""

import base64
import functools
import io
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from firebase_functions import https_fn
from firebase_functions.https_fn import CallableRequest, HttpsError
from flask import Request, Response

from webrtc_lite.core.errors import (
    AppCheckInvalidError,
    AppCheckMissingError,
    InvalidTokenError,
    MalformedRequestError,
    NotSignedInError,
    WebRTCLiteError,
)
from webrtc_lite.edge import errors, logs

type Handler = Callable[[CallableRequest[Any]], Any]
type View = Callable[[Request], Response]

BODY_MAX = 16 * 1024  # bytes: our requests have a few hundred
NESTED_MAX = 64  # objects and lists in one body: far from where any JSON parser runs out of stack
CLAIM_MAX = 200  # characters of a claim that the SDK quotes in its log; a project id has at most 30
JWT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")  # RFC 7515; unsigned: empty end
TOKEN = re.compile(f"Bearer {JWT.pattern}")
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
NOTED = "webrtc_lite.noted"  # where a request carries what its log line is to say

PROBE = "/__/health"  # the Functions emulator asks each new process, and takes any answer for a yes

SHAPE = 'POST {"data": {...}} as application/json, as the Firebase SDKs do.'
SIGN_IN = "Sign in with Firebase Auth and send its ID token, as the Firebase SDKs do."
APP_CHECK = "Initialize App Check in the app: the Firebase SDKs then send a fresh token with every call."
REFRESH = "Fetch a fresh ID token of this project, getIdToken(true), and call again."


def _mended[**P](sdk_on_call: Callable[P, Callable[[Handler], Handler]]) -> Callable[P, Callable[[Handler], View]]:
    def on_call(*args: P.args, **options: P.kwargs) -> Callable[[Handler], View]:
        # Not left to the SDK: its refusal is the one of a bad ID token, and an app has to tell them apart.
        app_check = bool(options.pop("enforce_app_check", False))

        def decorate(handler: Handler) -> View:
            inner = _of_a_known_app(handler) if app_check else handler
            sdk = cast("View", sdk_on_call(*args, **options)(_translating(inner)))
            return _guarding(sdk, handler.__name__, app_check=app_check)

        return decorate

    return on_call


on_call = _mended(https_fn.on_call)  # its options are the SDK's


def uid(request: CallableRequest[Any]) -> str:
    """Who is asking; a callable of ours always asks."""
    if request.auth is None or not request.auth.uid:
        raise NotSignedInError("The request is not signed in.", hint=SIGN_IN)
    return request.auth.uid


def note(request: CallableRequest[Any], **fields: object) -> None:
    """What a refusal's log line is to say of a request, as far as it has been checked."""
    request.raw_request.environ.setdefault(NOTED, {}).update(fields)


def _of_a_known_app(handler: Handler) -> Handler:
    """The SDK has verified the App Check token that came, and gives nothing on for one that did not stand up."""

    @functools.wraps(handler)
    def checked(request: CallableRequest[Any]) -> object:
        if request.app is None:
            raise AppCheckInvalidError("The App Check token is not one of this project's apps.", hint=APP_CHECK)
        return handler(request)

    return checked


def _translating(handler: Handler) -> Handler:
    """Inside the SDK: errors become replies."""

    @functools.wraps(handler)
    def translated(request: CallableRequest[Any]) -> object:
        try:
            if request.auth is not None:
                note(request, uid=request.auth.uid)
            return handler(request)
        except WebRTCLiteError as error:
            logs.request_refused(handler.__name__, error, request.raw_request.environ.get(NOTED, {}))
            raise errors.to_https_error(error) from None
        except Exception as error:  # noqa: BLE001 (the edge is where the unforeseen ends)
            logs.unexpected(handler.__name__, error)
            raise errors.internal() from None

    return translated


def _guarding(sdk: View, name: str, *, app_check: bool) -> View:
    """In front of the SDK: it sees only requests that it can serve, and its bare refusals get their details."""

    @functools.wraps(sdk)  # with its __dict__, and so with the __firebase_endpoint__ that discovery looks for
    def guarded(request: Request) -> Response:
        try:
            body = _read(request)
            if request.method == "OPTIONS":  # a browser asks before it POSTs
                return sdk(request)
            _check_headers(request)
            _check_body(body)
            _check_token(request.environ.get("HTTP_AUTHORIZATION"))
            if app_check:
                _check_app_token(request.environ.get("HTTP_X_FIREBASE_APPCHECK"))
        except WebRTCLiteError as error:
            if request.path != PROBE:
                logs.request_refused(name, error, {})
            return _refusal(error)
        if not app_check:
            # Verifying what nobody asks for would let any stranger have us fetch keys.
            request.environ.pop("HTTP_X_FIREBASE_APPCHECK", None)
        return _with_details(sdk(request), name)

    return guarded


def _read(request: Request) -> bytes:
    """The one reading of the body, to its end (the framework insists on that), keeping no more than is allowed."""
    kept = bytearray()
    broken = False
    try:
        while chunk := request.stream.read(BODY_MAX + 1):
            kept += chunk[: BODY_MAX + 1 - len(kept)]
    except Exception:  # noqa: BLE001 (chunks that are none, a connection that breaks off: each server has its own)
        broken = True
    # From here on everybody, the SDK and the framework, reads what was kept.
    request.stream = io.BytesIO(kept)
    if broken:
        raise MalformedRequestError("The body broke off.", hint=SHAPE)
    if len(kept) > BODY_MAX:
        raise MalformedRequestError(f"The body is larger than {BODY_MAX} bytes.", hint=SHAPE)
    return bytes(kept)


def _check_headers(request: Request) -> None:
    if request.method != "POST":
        raise MalformedRequestError("The method has to be POST.", hint=SHAPE)
    media_type = request.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MalformedRequestError("The Content-Type has to be application/json.", hint=SHAPE)
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise MalformedRequestError("The body has to be sent without a Content-Encoding.", hint=SHAPE)


def _check_body(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") > NESTED_MAX:
        raise MalformedRequestError(f"The body holds more than {NESTED_MAX} objects and lists.", hint=SHAPE)
    try:
        content = json.loads(body.decode("utf-8-sig"))  # RFC 8259 section 8.1: UTF-8, and a BOM may be ignored
    except ValueError:  # not UTF-8, not JSON, or a number too long for int()
        raise MalformedRequestError("The body is not JSON in UTF-8.", hint=SHAPE) from None
    if not isinstance(content, dict):
        raise MalformedRequestError("The body has to be an object.", hint=SHAPE)
    if content.keys() != {"data"}:
        raise MalformedRequestError("The body has to hold data, and nothing beside it.", field="data", hint=SHAPE)


def _check_token(header: str | None) -> None:
    """What the SDK would quote in its log when it fails: a token it cannot parse, or claims full of line breaks."""
    if not header:
        raise NotSignedInError("The request is not signed in.", hint=SIGN_IN)
    segments = TOKEN.fullmatch(header)
    if segments is None:
        raise InvalidTokenError("The Authorization header is not a Bearer token.", hint=REFRESH)
    json_parts = _json_parts(*segments.groups())
    if not json_parts:
        raise InvalidTokenError("The ID token is not a JSON Web Token.", hint=REFRESH)
    claims = [part[name] for part in json_parts for name in ("alg", "kid", "aud", "iss") if name in part]
    if not all(isinstance(claim, str) and claim.isprintable() and len(claim) <= CLAIM_MAX for claim in claims):
        raise InvalidTokenError("The ID token is not one of Firebase Auth.", hint=REFRESH)


def _check_app_token(header: str | None) -> None:
    """Only what looks like a token of App Check reaches the SDK, which fetches keys for it and quotes what it says."""
    if not header:
        raise AppCheckMissingError("The request has no App Check token.", hint=APP_CHECK)
    segments = JWT.fullmatch(header)
    json_parts = _json_parts(*segments.groups()) if segments else []
    key_id = json_parts[0].get("kid") if json_parts else None
    if not (isinstance(key_id, str) and KEY_ID.fullmatch(key_id)) or json_parts[0].get("alg") != "RS256":
        raise AppCheckInvalidError("The App Check token is not a JSON Web Token of App Check.", hint=APP_CHECK)


def _json_parts(head: str, payload: str, signature: str) -> list[dict[str, Any]]:
    """A token's header and claims, or nothing where it is no JSON Web Token."""
    try:
        # As text: of bytes json would guess the encoding, and pass what the SDK then cannot parse, and quotes.
        parts = [json.loads(_base64url(head).decode()), json.loads(_base64url(payload).decode())]
        _base64url(signature)
    except (ValueError, RecursionError):
        return []
    return parts if all(isinstance(part, dict) for part in parts) else []


def _base64url(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _refusal(error: WebRTCLiteError) -> Response:
    https_error = errors.to_https_error(error)
    return _json(
        Response(status=errors.HTTP_STATUS[https_error.code], headers={"Access-Control-Allow-Origin": "*"}), https_error
    )


def _with_details(response: Response, name: str) -> Response:
    """The SDK's own refusals say no more than UNAUTHENTICATED or INTERNAL."""
    if response.status_code < HTTPStatus.BAD_REQUEST or "details" in response.get_json()["error"]:
        return response
    if response.status_code != HTTPStatus.UNAUTHORIZED:
        return _json(response, errors.internal())
    error = InvalidTokenError("The ID token has expired or is not one of this project.", hint=REFRESH)
    logs.request_refused(name, error, {})  # beside the SDK's own line, which has the reason
    return _json(response, errors.to_https_error(error))


def _json(response: Response, error: HttpsError) -> Response:
    """The callable protocol's error body."""
    body = {"error": {"status": error.code.name, "message": error.message, "details": error.details}}
    response.set_data(json.dumps(body))
    response.mimetype = "application/json"
    return response
