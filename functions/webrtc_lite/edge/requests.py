"""The callable's request and reply (SPEC 3.5): anything a client sends becomes a checked value or a named refusal."""

import re
from collections.abc import Mapping
from typing import Annotated, NotRequired, TypedDict

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from webrtc_lite.core.errors import InvalidFieldError, MalformedRequestError, UnknownFieldError
from webrtc_lite.core.turn import TTL_DEFAULT, TTL_MAX, TTL_MIN, Grant

FIELD_SHOWN = 40  # characters of a name that only the client knows: enough to recognise it, no more to carry
INTEGER = re.compile(r"-?[0-9]{1,20}")  # 64 bits in decimal
# How the callable protocol writes a 64-bit integer: Kotlin's Long arrives like this, and the Python SDK leaves it so.
INTEGER_TYPES = (
    "type.googleapis.com/google.protobuf.Int64Value",
    "type.googleapis.com/google.protobuf.UInt64Value",
)


def _decoded(value: object) -> object:
    """A long of the callable protocol as the number it stands for; everything else as it is."""
    if isinstance(value, dict) and value.keys() == {"@type", "value"} and value["@type"] in INTEGER_TYPES:
        text = value["value"]
        if isinstance(text, str) and INTEGER.fullmatch(text):
            return int(text)
    return value


def _whole(value: object) -> object:
    """JSON has one kind of number, and a Kotlin Double of 3600 arrives as 3600.0: a whole one counts."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class IssueRequest(BaseModel):
    """The descriptions finish the sentence "<field> has to be ..." that the client reads."""

    model_config = ConfigDict(strict=True, frozen=True)  # strict: neither true nor "3600" is a number

    ttl: Annotated[int, BeforeValidator(_whole)] = Field(
        TTL_DEFAULT, ge=TTL_MIN, le=TTL_MAX, description=f"a whole number of seconds from {TTL_MIN} to {TTL_MAX}"
    )
    session_id: str | None = Field(
        None, pattern=r"\A[A-Za-z0-9_-]{16,64}\z", description="16 to 64 characters out of A-Z, a-z, 0-9, _ and -"
    )
    region: str | None = Field(
        None, pattern=r"\A[A-Za-z0-9_-]{1,64}\z", description="1 to 64 characters out of A-Z, a-z, 0-9, _ and -"
    )


def parse(data: object) -> IssueRequest:
    """A client without arguments sends null, one with optional arguments a null for each that it leaves out."""
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise MalformedRequestError("data has to be an object or null.", field="data", hint=_known())
    _refuse_unknown(data)
    given = {name: _decoded(value) for name, value in data.items() if value is not None}
    try:
        return IssueRequest.model_validate(given)
    except ValidationError as error:
        name = str(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
    # Outside the handler: pydantic's text quotes the input, and a chained exception would carry it into a traceback.
    raise InvalidFieldError(f"{name} has to be {IssueRequest.model_fields[name].description}.", field=name)


def _refuse_unknown(data: Mapping[str, object]) -> None:
    """A misspelt field would otherwise be a default that nobody asked for."""
    for name in data:
        if name not in IssueRequest.model_fields:
            shown = name if len(name) <= FIELD_SHOWN else name[:FIELD_SHOWN] + "…"
            raise UnknownFieldError("The request has a field that is not known here.", field=shown, hint=_known())


def _known() -> str:
    return f"The fields are {', '.join(IssueRequest.model_fields)}; each may be left out."


class IceServer(TypedDict):
    """RTCIceServer of the W3C's WebRTC, section 4.2.2."""

    urls: list[str]
    username: NotRequired[str]
    credential: NotRequired[str]


class IssueReply(TypedDict):
    """Typed, but no model: it is made here from values already checked, and a model costs a cold start 5 ms."""

    username: str
    password: str
    ttl: int
    expires_at: int
    refresh_at: int
    server_time: int
    uris: list[str]
    ice_servers: list[IceServer]  # goes into RTCPeerConnection as it is


def reply(grant: Grant) -> IssueReply:
    uris = list(grant.uris)
    servers: list[IceServer] = [{"urls": uris, "username": grant.username, "credential": grant.password}]
    if grant.stun_uris:  # none where clients are to use nothing but the relay; an RTCPeerConnection takes no empty list
        servers.insert(0, {"urls": list(grant.stun_uris)})
    return {
        "username": grant.username,
        "password": grant.password,
        "ttl": grant.ttl,
        "expires_at": grant.expires_at,
        "refresh_at": grant.refresh_at,
        "server_time": grant.server_time,
        "uris": uris,
        "ice_servers": servers,
    }
