"""edge/requests.py."""

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc_lite.core import turn
from webrtc_lite.core.errors import InvalidFieldError, InvalidRequestError, MalformedRequestError, UnknownFieldError
from webrtc_lite.edge import requests

LONG = "type.googleapis.com/google.protobuf.Int64Value"
UNSIGNED_LONG = "type.googleapis.com/google.protobuf.UInt64Value"

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


# --- the request


@pytest.mark.parametrize("data", [None, {}, {"ttl": None, "session_id": None, "region": None}])
def test_everything_may_be_left_out(data: object) -> None:
    asked = requests.parse(data)
    assert (asked.ttl, asked.session_id, asked.region) == (3600, None, None)


def test_everything_may_be_given() -> None:
    asked = requests.parse({"ttl": 60, "session_id": "Aa0_-" * 4, "region": "eu-west1"})
    assert (asked.ttl, asked.session_id, asked.region) == (60, "Aa0_-" * 4, "eu-west1")


@pytest.mark.parametrize(
    "ttl",
    [
        600, 600.0, {"@type": LONG, "value": "600"}, {"@type": UNSIGNED_LONG, "value": "600"},
    ],
    ids=["Int", "Double", "Long", "ULong"],
)  # fmt: skip
def test_a_ttl_counts_as_every_sdk_writes_a_number(ttl: object) -> None:
    asked = requests.parse({"ttl": ttl})
    assert asked.ttl == 600
    assert type(asked.ttl) is int


@pytest.mark.parametrize("ttl", [60, 86_400])
def test_the_bounds_of_a_ttl_are_within_it(ttl: int) -> None:
    assert requests.parse({"ttl": ttl}).ttl == ttl


@pytest.mark.parametrize(
    "ttl",
    [
        59, 86_401, 0, -60, 10**400, 59.0, 600.5, 1e300, float("nan"), float("inf"), True, "600", "", [600], {},
        {"@type": LONG, "value": "59"}, {"@type": LONG, "value": 600}, {"@type": LONG, "value": "six"},
        {"@type": LONG, "value": "600\n"}, {"@type": LONG, "value": "9" * 5000}, {"@type": LONG, "value": True},
        {"@type": LONG}, {"@type": LONG, "value": "600", "more": 1}, {"@type": "Int64Value", "value": "600"},
        {"@type": ["x"], "value": "600"},
    ],
)  # fmt: skip
def test_any_other_ttl_is_refused_with_the_range(ttl: object) -> None:
    with pytest.raises(InvalidFieldError) as raised:
        requests.parse({"ttl": ttl})
    assert raised.value.field == "ttl"
    assert raised.value.message == "ttl has to be a whole number of seconds from 60 to 86400."


@pytest.mark.parametrize("session_id", ["a" * 16, "a" * 64, "0123456789-_ABCDEFxyz"])
def test_a_session_id_is_of_the_form_that_a_caller_makes(session_id: str) -> None:
    assert requests.parse({"session_id": session_id}).session_id == session_id


@pytest.mark.parametrize(
    "session_id",
    [
        "", "a" * 15, "a" * 65, "a" * 16 + "\n", "\n" + "a" * 16, "a" * 16 + "/", "a" * 16 + " ", "ä" * 16,
        "a" * 16 + "\0", 16, True, ["a" * 16],
    ],
)  # fmt: skip
def test_any_other_session_id_is_refused_with_its_form(session_id: object) -> None:
    with pytest.raises(InvalidFieldError) as raised:
        requests.parse({"session_id": session_id})
    assert raised.value.field == "session_id"
    assert raised.value.message == "session_id has to be 16 to 64 characters out of A-Z, a-z, 0-9, _ and -."


@pytest.mark.parametrize("region", ["e", "us-central1", "a" * 64])
def test_a_region_is_taken(region: str) -> None:
    assert requests.parse({"region": region}).region == region


@pytest.mark.parametrize("region", ["", "a" * 65, "eu west", "eu\n", 7, {}])
def test_any_other_region_is_refused_with_its_form(region: object) -> None:
    with pytest.raises(InvalidFieldError) as raised:
        requests.parse({"region": region})
    assert raised.value.field == "region"
    assert raised.value.message == "region has to be 1 to 64 characters out of A-Z, a-z, 0-9, _ and -."


@pytest.mark.parametrize("data", [[], [{}], "", "ttl", 0, 600, True, False, 1.5])
def test_data_that_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(MalformedRequestError) as raised:
        requests.parse(data)
    assert raised.value.message == "data has to be an object or null."
    assert raised.value.field == "data"
    assert raised.value.hint == "The fields are ttl, session_id, region; each may be left out."


@pytest.mark.parametrize("value", [None, 1, "x"])
def test_an_unknown_field_is_refused_by_name(value: object) -> None:
    with pytest.raises(UnknownFieldError) as raised:
        requests.parse({"ttl": 600, "sessionId": value})
    assert raised.value.message == "The request has a field that is not known here."
    assert raised.value.field == "sessionId"
    assert raised.value.hint == "The fields are ttl, session_id, region; each may be left out."


def test_a_name_of_forty_characters_comes_back_whole_and_a_longer_one_cut() -> None:
    for name, shown in [("n" * 40, "n" * 40), ("n" * 41, "n" * 40 + "…")]:
        with pytest.raises(UnknownFieldError) as raised:
            requests.parse({name: 1})
        assert raised.value.field == shown


@pytest.mark.parametrize("field", ["ttl", "session_id", "region"])
def test_no_value_comes_back_in_an_error(field: str) -> None:
    with pytest.raises(InvalidFieldError) as raised:
        requests.parse({field: "hush hush" * 1000})
    error = raised.value
    assert "hush" not in f"{error.message} {error.hint} {error.field}"
    assert error.__cause__ is error.__context__ is None  # nor in a traceback


@given(any_json | st.fixed_dictionaries({}, optional=dict.fromkeys(["ttl", "session_id", "region"], any_json)))
def test_whatever_a_client_sends_is_taken_or_refused_by_name(data: object) -> None:
    with contextlib.suppress(InvalidRequestError):
        assert 60 <= requests.parse(data).ttl <= 86_400


# --- the reply


def issued(uid: str = "alice") -> turn.Grant:
    relay = turn.Relay("turn.example.com", 3478, (5349, 443), "north-star-of-the-relay")
    return turn.grant(relay, uid, 3600, 1_893_452_400)


def test_the_reply_is_the_one_of_the_specification() -> None:
    uris = [
        "turn:turn.example.com:3478?transport=udp",
        "turn:turn.example.com:3478?transport=tcp",
        "turns:turn.example.com:5349?transport=tcp",
        "turns:turn.example.com:443?transport=tcp",
    ]
    assert requests.reply(issued()) == {
        "username": "1893456060:alice",
        "password": "wdVCs8YZUVv5vsJ35whaBvJ0XU4=",
        "ttl": 3600,
        "expires_at": 1_893_456_000,
        "refresh_at": 1_893_455_700,
        "server_time": 1_893_452_400,
        "uris": uris,
        "ice_servers": [
            {"urls": ["stun:turn.example.com:3478"]},
            {"urls": uris, "username": "1893456060:alice", "credential": "wdVCs8YZUVv5vsJ35whaBvJ0XU4="},
        ],
    }


def test_a_reply_survives_json() -> None:
    assert json.loads(json.dumps(requests.reply(issued(uid="a\ud800b")))) == requests.reply(issued(uid="a\ud800b"))


def test_without_stun_the_reply_has_the_relay_alone_and_keeps_its_form() -> None:
    reply = requests.reply(replace(issued(), stun_uris=()))
    assert reply["ice_servers"] == requests.reply(issued())["ice_servers"][1:]
    assert reply.keys() == requests.reply(issued()).keys()
