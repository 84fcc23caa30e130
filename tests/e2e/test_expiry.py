"""The client contract of expiry, with a real client over a real relay: README, "Ask for credentials"."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import People, chromium, phone, two_people
from tests.support.functions import SECRET, Server, serve, token
from tests.support.relays import RunningRelay, running_relay
from tests.support.waiting import until
from webrtc_lite.core.turn import GRACE, TTL_MIN, Grant, grant
from webrtc_lite.edge.requests import reply

DAY_S = 86_400
UNAUTHORIZED = 401


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRelay]:
    with running_relay(tmp_path_factory.mktemp("coturn"), SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(relay: RunningRelay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {
        "TURN_HOST": "127.0.0.1",
        "TURN_PORT": str(relay.coturn.port),
        "TURN_TLS_PORTS": str(relay.coturn.tls_port),
        "TURN_SECRET": SECRET,
        "FUNCTIONS_EMULATOR": "true",
    }
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("issuer") / "log", environment) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def people(browser: Browser) -> Iterator[People]:
    with two_people(browser) as both:
        yield both


def ending_in(relay: RunningRelay, seconds: int) -> Grant:
    """A credential as one that was issued long ago: the relay takes it for so many seconds more."""
    return grant(relay.relay, "alice", TTL_MIN, int(time.time()) - TTL_MIN - GRACE + seconds)


def servers(granted: Grant) -> Any:  # noqa: ANN401 (as it goes into RTCPeerConnection)
    return reply(granted)["ice_servers"]


def refused(relay: RunningRelay, granted: Grant) -> bool:
    return relay.refusal(granted) == UNAUTHORIZED


@pytest.mark.parametrize("skew", [-DAY_S, 0, DAY_S, 40 * 365 * DAY_S], ids=["slow", "right", "fast", "absurd"])
def test_a_phone_with_a_wrong_clock_keeps_its_credential_until_refresh_at_and_no_longer(
    browser: Browser, issuer: Server, skew: int
) -> None:
    with phone(browser) as page:
        page.evaluate("given => Object.assign(window, given)", {"issuer": issuer.url, "token": token(), "skew": skew})

        def after(seconds: float) -> tuple[dict[str, Any], int]:
            """What the phone uses, so many seconds of its own clock later, and how often it has asked so far."""
            page.evaluate("seconds => { window.skew += seconds; }", seconds)
            return page.evaluate("relayCredentials()"), page.evaluate("asked")

        first, asked = after(0)
        assert asked == 1
        assert first["refresh_at"] == first["expires_at"] - 120
        assert after(first["ttl"] - 120 - 10) == (first, 1)
        assert after(10)[1] == 2
        assert after(100)[1] == 2


def test_what_the_function_issues_carries_a_call_of_a_phone_with_a_wrong_clock(people: People, issuer: Server) -> None:
    for page, uid in ((people.alice, "alice"), (people.bob, "bob")):
        given = {"issuer": issuer.url, "token": token(uid), "skew": -DAY_S}
        page.evaluate("given => Object.assign(window, given)", given)
    mine, theirs = (page.evaluate("relayCredentials()") for page in (people.alice, people.bob))
    call = people.call("wrong clock", mine["ice_servers"], theirs["ice_servers"])
    call.until_heard()
    assert [side.look()["pair"] for side in call.sides] == ["relay/relay"] * 2


def test_a_call_outlives_its_credential(people: People, relay: RunningRelay) -> None:
    granted = ending_in(relay, 4)
    call = people.call("outlives", servers(granted))
    call.until_heard()
    until(lambda: refused(relay, granted), "the credential ended", within_s=10, look_every_s=0.5)
    for side in call.sides:
        side.do("forget")
    call.until_heard(150)  # three seconds of voice
    for side in call.sides:
        seen = side.look()
        assert (seen["state"], seen["states"], seen["errors"]) == ("connected", [], [])
        assert seen["gap"] < 500


def test_an_ice_restart_with_a_dead_credential_is_refused_by_name_and_the_call_goes_on_as_it_was(
    people: People, relay: RunningRelay
) -> None:
    granted = ending_in(relay, 4)
    call = people.call("dead restart", servers(granted))
    call.until_heard()
    before = [side.look()["relayed"] for side in call.sides]
    until(lambda: refused(relay, granted), "the credential ended", within_s=10, look_every_s=0.5)
    call.restart()
    until(
        lambda: any(code == UNAUTHORIZED for code, _ in call.caller.look()["errors"]),
        "a candidate error 401",
        within_s=10,
    )
    call.until_heard(100)
    assert [side.look()["relayed"] for side in call.sides] == before
    assert {side.look()["state"] for side in call.sides} <= {"connected", "completed"}


def test_an_ice_restart_with_a_fresh_credential_moves_a_call_whose_first_one_has_ended(
    people: People, relay: RunningRelay
) -> None:
    granted = ending_in(relay, 4)
    call = people.call("fresh restart", servers(granted))
    call.until_heard()
    before = [side.look()["relayed"] for side in call.sides]
    until(lambda: refused(relay, granted), "the credential ended", within_s=10, look_every_s=0.5)
    for side, uid in zip(call.sides, ("alice", "bob"), strict=True):
        side.do("forget")
        side.do("configure", servers(grant(relay.relay, uid, 600, int(time.time()))))
    call.restart()

    def moved() -> bool:
        call.carry()
        return all(side.look()["relayed"] not in ("", was) for side, was in zip(call.sides, before, strict=True))

    until(moved, "both sides on new allocations", within_s=15)
    call.until_heard(100)
    for side in call.sides:
        seen = side.look()
        assert [code for code, _ in seen["errors"] if code == UNAUTHORIZED] == []
        assert seen["gap"] < 1_000
        assert not {"disconnected", "failed"} & set(seen["states"])


def test_a_call_that_starts_with_a_dead_credential_hears_401_and_starts_with_a_fresh_one(
    people: People, relay: RunningRelay
) -> None:
    call = people.call("dead start", servers(ending_in(relay, -1)))
    until(
        lambda: all({code for code, _ in side.look()["errors"]} >= {UNAUTHORIZED} for side in call.sides),
        "a candidate error 401",
        within_s=10,
    )
    assert [side.look()["pair"] for side in call.sides] == ["", ""]
    fresh = servers(grant(relay.relay, "alice", 600, int(time.time())))
    for side in call.sides:
        side.do("configure", fresh)
    call.restart()
    call.until_heard()


def test_the_credentials_of_one_user_carry_a_call_over_each_way_alone(people: People, relay: RunningRelay) -> None:
    granted = grant(relay.relay, "alice", 600, int(time.time()))
    for uri in granted.uris:
        server = {"urls": [uri], "username": granted.username, "credential": granted.password}
        call = people.call(uri, [server])
        call.until_heard()
        assert call.caller.look()["relay"] == uri
        call.close()
