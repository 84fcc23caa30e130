"""core/turn.py. What a real Coturn says to these credentials: tests/interop."""

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webrtc_lite.core import turn
from webrtc_lite.core.turn import Relay, grant, relay_name

RELAY = Relay("turn.example.com", 3478, (5349, 443), "north-star-of-the-relay")
NOW = 1_893_452_400

any_uid = st.text(st.characters(codec=None), min_size=1, max_size=600)


# --- the credential


def test_the_password_is_the_one_that_openssl_computes() -> None:
    # printf %s 1893456060:alice | openssl dgst -sha1 -hmac north-star-of-the-relay -binary | base64
    issued = grant(RELAY, "alice", 3600, NOW)
    assert issued.username == "1893456060:alice"
    assert issued.password == "wdVCs8YZUVv5vsJ35whaBvJ0XU4="


def test_a_grant_is_the_same_for_the_same_arguments() -> None:
    assert grant(RELAY, "alice", 3600, NOW) == grant(RELAY, "alice", 3600, NOW)


@pytest.mark.parametrize(
    "other", [("bob", 3600, NOW), ("alice", 3601, NOW), ("alice", 3600, NOW + 1)], ids=["uid", "ttl", "now"]
)
def test_another_user_life_or_moment_has_another_password(other: tuple[str, int, int]) -> None:
    assert grant(RELAY, *other).password != grant(RELAY, "alice", 3600, NOW).password


def test_another_secret_has_another_password() -> None:
    rotated = dataclasses.replace(RELAY, secret="south-star-of-the-relay")
    assert grant(rotated, "alice", 3600, NOW).password != grant(RELAY, "alice", 3600, NOW).password


def test_neither_secret_nor_password_shows_when_printed() -> None:
    assert RELAY.secret not in repr(RELAY)
    assert grant(RELAY, "alice", 3600, NOW).password not in repr(grant(RELAY, "alice", 3600, NOW))


@pytest.mark.parametrize("kind", [turn.Relay, turn.Grant])
def test_what_was_issued_cannot_be_changed(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # of every dataclass, in no stub


# --- its life


@given(uid=any_uid, ttl=st.integers(turn.TTL_MIN, turn.TTL_MAX), now=st.integers(0, 2**31 - 1))
def test_whatever_is_asked_for_the_moments_are_in_order_and_coturn_can_read_the_expiry(
    uid: str, ttl: int, now: int
) -> None:
    issued = grant(RELAY, uid, ttl, now)
    expiry = int(issued.username.partition(":")[0])
    assert issued.server_time == now < issued.refresh_at < issued.expires_at == now + ttl
    assert issued.ttl == ttl
    assert expiry == min(issued.expires_at + 60, 2_147_483_647)


@pytest.mark.parametrize(
    ("ttl", "early"), [(60, 12), (61, 12), (1495, 299), (1499, 299), (1500, 300), (3600, 300), (86_400, 300)]
)
def test_a_refresh_is_due_five_minutes_before_the_end_or_in_the_last_fifth_of_a_short_life(
    ttl: int, early: int
) -> None:
    issued = grant(RELAY, "alice", ttl, NOW)
    assert issued.expires_at - issued.refresh_at == early


@pytest.mark.parametrize(
    ("now", "expiry"),
    [
        (2_147_483_647 - 3600 - 61, 2_147_483_646),
        (2_147_483_647 - 3600 - 60, 2_147_483_647),
        (2_147_483_647 - 3600 - 59, 2_147_483_647),
        (2_147_483_647, 2_147_483_647),
    ],
)
def test_the_expiry_stops_at_the_last_second_that_coturn_can_count(now: int, expiry: int) -> None:
    assert grant(RELAY, "alice", 3600, now).username == f"{expiry}:alice"


def test_the_bounds_of_a_life_are_those_of_the_specification() -> None:
    assert (turn.TTL_MIN, turn.TTL_DEFAULT, turn.TTL_MAX) == (60, 3600, 86_400)


# --- where it counts


def test_the_uris_are_in_the_order_in_which_a_client_should_try_them() -> None:
    assert grant(RELAY, "alice", 3600, NOW).uris == (
        "turn:turn.example.com:3478?transport=udp",
        "turn:turn.example.com:3478?transport=tcp",
        "turns:turn.example.com:5349?transport=tcp",
        "turns:turn.example.com:443?transport=tcp",
    )


@pytest.mark.parametrize("host", ["turn.example.com", "[2001:db8::1]"])
def test_a_grant_names_the_relay_with_which_a_client_begins(host: str) -> None:
    assert grant(dataclasses.replace(RELAY, host=host), "alice", 3600, NOW).relay == f"{host}:3478"


def test_stun_is_on_the_plain_port() -> None:
    assert grant(RELAY, "alice", 3600, NOW).stun_uris == ("stun:turn.example.com:3478",)


def test_a_relay_without_tls_has_no_turns_uri() -> None:
    plain = Relay("[2001:db8::1]", 3479, (), "north-star-of-the-relay")
    issued = grant(plain, "alice", 3600, NOW)
    assert issued.uris == (
        "turn:[2001:db8::1]:3479?transport=udp",
        "turn:[2001:db8::1]:3479?transport=tcp",
    )
    assert issued.stun_uris == ("stun:[2001:db8::1]:3479",)


# --- the name


@pytest.mark.parametrize(
    "uid",
    [
        "alice", "kXy4Zq7RtUb2Vw9sPdLmNoIhGfE3", "a:b:c", "-", ";--@/=#%|~+", "é", "用户", "😀", "union", "SELECT",
        "sha256", "sha-256-x",
    ],
)  # fmt: skip
def test_a_uid_that_coturn_takes_stands_as_it_is(uid: str) -> None:
    assert relay_name(uid) == uid


@pytest.mark.parametrize(
    "uid",
    [
        " ", "a b", "a'b", 'a"b', "a\\b", "a\tb", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\xa0b", "a\u2028b", "a\ud800b",
        "union-select", "UnIoN;sElEcT", "select*from(union)",
    ],
)  # fmt: skip
def test_a_uid_that_coturn_refuses_is_replaced(uid: str) -> None:
    assert relay_name(uid).startswith("sha256-")
    assert len(relay_name(uid)) == 50


def test_the_stable_form_is_the_one_that_openssl_computes() -> None:
    # printf %s 'a b' | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '='
    assert relay_name("a b") == "sha256-yGh6CKpdbtIEQyj6aml6uOltw0KR6MIDSujDjm_MbWU"


def test_a_uid_cannot_pass_for_the_stable_form_of_another() -> None:
    forged = relay_name("a b")
    assert relay_name(forged) != forged
    assert relay_name("sha256-") != "sha256-"


@pytest.mark.parametrize("letter", ["a", "é", "用", "😀"])
def test_a_name_fills_coturns_512_bytes_and_no_more(letter: str) -> None:
    width = len(letter.encode())
    longest = letter * (501 // width) + "x" * (501 % width)
    assert relay_name(longest) == longest
    assert len(grant(RELAY, longest, 3600, 2**31).username.encode()) == 512
    assert relay_name(longest + "x").startswith("sha256-")


def test_an_empty_uid_is_refused_because_no_quota_would_bind_it() -> None:
    with pytest.raises(ValueError, match=r"^an empty name would escape Coturn's user-quota$"):
        relay_name("")


@given(any_uid, st.integers(0, 2**31 - 1))
@example("\ud800", 0)
@example("x" * 501, 2**31 - 1)
@example("x" * 502, 2**31 - 1)
def test_any_uid_gives_a_username_that_coturn_takes(uid: str, now: int) -> None:
    username = grant(RELAY, uid, 3600, now).username
    assert len(username.encode()) <= 512
    assert username.isprintable()
    assert not set(username) & set(" \t\r\n'\"\\")
    assert not ("union" in username.lower() and "select" in username.lower())
    assert username.partition(":")[2]


@given(any_uid, any_uid)
@example("a b", relay_name("a b"))
def test_two_uids_never_share_a_name_and_so_a_quota(one: str, other: str) -> None:
    assert (relay_name(one) == relay_name(other)) == (one == other)
