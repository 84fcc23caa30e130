"""What we issue, a real Coturn takes; what we would never issue, it refuses."""

import asyncio
import base64
import hmac
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.interop.conftest import SECRET, RunningCoturn
from tests.support.turn_client import BAD_REQUEST, Way, allocation, refusal
from webrtc_lite.core.turn import Grant, grant, relay_name

UNAUTHORIZED, QUOTA_REACHED = 401, 486
TTL = 3600
USER_QUOTA = 32

# What Coturn refuses as it stands, so that relay_name has to put something else in its place.
REFUSED_UIDS = [
    "two words",
    "o'neil",
    'quo"ted',
    "back\\slash",
    "tab\tbed",
    "line\nbroken",
    "carriage\rreturned",
    "Select-a-Union",
    "𝄞" * 128,
]
ACCEPTED_UIDS = [
    "kZ3vQ9xW2bTn7YcLrE5sUaHf1gM2",
    "alice@example.org",
    "a:b:c",
    "semi;colon--dash",
    "50%|~+=#/",
    "é",
    "用户",
    "union",
    "x" * 128,
]


def fresh(coturn: RunningCoturn, uid: str = "alice") -> Grant:
    return grant(coturn.relay, uid, TTL, int(time.time()))


def signed(username: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


def refused(coturn: RunningCoturn, username: str | None, password: str | None) -> int | None:
    return asyncio.run(refusal(username, password, coturn.relay.port))


def way_and_port(uri: str) -> tuple[Way, int]:
    parts = urlsplit(uri.replace(":", "://", 1))
    assert parts.port is not None
    transport = parse_qs(parts.query)["transport"][0]
    return "tls" if parts.scheme == "turns" else "tcp" if transport == "tcp" else "udp", parts.port


def test_a_fresh_credential_opens_an_allocation_on_every_uri(coturn: RunningCoturn) -> None:
    issued = fresh(coturn)

    async def relayed() -> list[tuple[str, str]]:
        opened: list[tuple[str, str]] = []
        for uri in issued.uris:
            way, port = way_and_port(uri)
            certificate = coturn.coturn.certificate
            async with allocation(issued.username, issued.password, port, way, certificate) as client:
                assert client.relayed_address is not None
                opened.append((way, client.relayed_address[0]))
        return opened

    assert asyncio.run(relayed()) == [("udp", "127.0.0.1"), ("tcp", "127.0.0.1"), ("tls", "127.0.0.1")]


@pytest.mark.parametrize("uid", ACCEPTED_UIDS)
def test_a_uid_that_coturn_takes_stands_in_the_username_as_it_is(coturn: RunningCoturn, uid: str) -> None:
    issued = fresh(coturn, uid)

    assert issued.username.partition(":")[2] == uid
    assert refused(coturn, issued.username, issued.password) is None


@pytest.mark.parametrize("uid", REFUSED_UIDS)
def test_a_uid_that_coturn_refuses_gets_an_allocation_under_its_safe_form(coturn: RunningCoturn, uid: str) -> None:
    issued = fresh(coturn, uid)
    as_it_is = issued.username.replace(relay_name(uid), uid)

    assert refused(coturn, as_it_is, signed(as_it_is)) in {UNAUTHORIZED, BAD_REQUEST}
    assert refused(coturn, issued.username, issued.password) is None


def test_a_credential_works_a_minute_longer_than_the_client_is_told_and_then_no_more(coturn: RunningCoturn) -> None:
    now = int(time.time())
    slow_phone = grant(coturn.relay, "alice", TTL, now - TTL - 30)
    expired = grant(coturn.relay, "alice", TTL, now - TTL - 61)

    assert slow_phone.expires_at < now
    assert refused(coturn, slow_phone.username, slow_phone.password) is None
    assert refused(coturn, expired.username, expired.password) == UNAUTHORIZED


def test_the_last_second_that_coturn_can_count_to_is_still_accepted(coturn: RunningCoturn) -> None:
    issued = grant(coturn.relay, "alice", TTL, 2_147_483_647 - 10)

    assert refused(coturn, issued.username, issued.password) is None
    beyond = "2147483648:alice"
    assert refused(coturn, beyond, signed(beyond)) == UNAUTHORIZED


def test_nobody_gets_in_without_a_credential(coturn: RunningCoturn) -> None:
    assert refused(coturn, None, None) == UNAUTHORIZED


def test_a_credential_signed_with_another_secret_is_refused(coturn: RunningCoturn) -> None:
    foreign = grant(replace(coturn.relay, secret="not the secret of this relay"), "alice", TTL, int(time.time()))

    assert refused(coturn, foreign.username, foreign.password) == UNAUTHORIZED


def test_a_credential_signed_with_an_empty_secret_is_refused(coturn: RunningCoturn) -> None:
    issued = fresh(coturn)

    assert refused(coturn, issued.username, signed(issued.username, "")) == UNAUTHORIZED


@pytest.mark.parametrize(
    "mangle",
    [
        lambda issued: (issued.username, issued.password.rstrip("=")),
        lambda issued: (issued.username, issued.password.swapcase()),
        lambda issued: (issued.username, base64.b64decode(issued.password).hex()),
        lambda issued: (issued.username + "x", issued.password),
        lambda issued: (f"{int(issued.username.partition(':')[0]) + 1}:alice", issued.password),
        lambda issued: (issued.username, ""),
    ],
    ids=["padding stripped", "password changed", "password in hex", "other uid", "later expiry", "no password"],
)
def test_a_mangled_credential_is_refused(coturn: RunningCoturn, mangle: object) -> None:
    assert callable(mangle)
    username, password = mangle(fresh(coturn))

    assert refused(coturn, username, password) == UNAUTHORIZED


def test_the_quota_of_a_user_binds_across_credentials_and_leaves_others_alone(coturn: RunningCoturn) -> None:
    now = int(time.time())

    async def fill() -> tuple[int | None, int | None]:
        async with AsyncExitStack() as taken:
            for nth in range(USER_QUOTA):
                issued = grant(coturn.relay, "greedy", TTL, now + nth)
                await taken.enter_async_context(allocation(issued.username, issued.password, coturn.relay.port))
            one_more = grant(coturn.relay, "greedy", TTL, now + USER_QUOTA)
            other = grant(coturn.relay, "modest", TTL, now)
            return (
                await refusal(one_more.username, one_more.password, coturn.relay.port),
                await refusal(other.username, other.password, coturn.relay.port),
            )

    assert asyncio.run(fill()) == (QUOTA_REACHED, None)
