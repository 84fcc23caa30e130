"""Calls to which something happens: a network, a relay or a page that is gone for a while."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Route

from tests.e2e.conftest import Meet
from tests.support.browsers import ChromiumTab
from tests.support.own_relay import OwnRelay
from tests.support.stack import RunningStack
from tests.support.talking import PAIRS, talking
from tests.support.waiting import until

BACK_WITHIN_S = 12.0
NO_FIGURE = "\N{EN DASH}"


@pytest.mark.parametrize("pair", PAIRS, ids=" restarts with ".join)
def test_ice_restarts_under_a_running_call(meet: Meet, pair: tuple[str, str]) -> None:
    alice, bob = meet(*pair)
    talking(alice, bob)
    for _ in range(3):  # one of them often goes well where the other side's checks are faster than its answer
        before = [someone.arriving["ufrag"] for someone in (alice, bob)]
        alice.tab.js("window.current().restartIce()")
        until(
            lambda before=before: all(  # type: ignore[misc]
                someone.arriving["ufrag"] != old for someone, old in zip((alice, bob), before, strict=True)
            ),
            "new credentials of ICE on both sides",
        )
        for someone in (alice, bob):
            someone.is_in("Connected")
            assert someone.gets()["peers"] == 1


def test_a_relay_that_freezes_delays_a_call_and_does_not_end_it(
    meet: Meet, stack: RunningStack, relay: OwnRelay
) -> None:
    alice, bob = meet(before=lambda someone: relay.serves(someone, stack))
    talking(alice, bob)
    for seconds in (3, 10):
        relay.freeze()
        time.sleep(seconds)
        relay.thaw()
        for someone in (alice, bob):
            someone.gets(within_s=BACK_WITHIN_S)
            someone.is_in("Connected")


def test_a_relay_that_was_killed_gives_the_picture_back_within_seconds_of_its_return(
    meet: Meet, stack: RunningStack, relay: OwnRelay
) -> None:
    alice, bob = meet(before=lambda someone: relay.serves(someone, stack))
    talking(alice, bob)
    relay.kill()
    for someone in (alice, bob):
        someone.is_in("Reconnecting …")
        shown = f"the figures of a connection that is lost are not shown to {someone.name}"
        until(lambda someone=someone: set(someone.figures) == {NO_FIGURE}, shown)  # type: ignore[misc]
    time.sleep(5)
    relay.start()
    for someone in (alice, bob):
        someone.gets(within_s=BACK_WITHIN_S)
        someone.is_in("Connected")
        until(lambda someone=someone: NO_FIGURE not in someone.figures, f"figures are shown to {someone.name}")  # type: ignore[misc]


def test_a_credential_that_has_expired_is_replaced_before_ice_restarts(
    meet: Meet, stack: RunningStack, relay: OwnRelay
) -> None:
    asked: list[list[float]] = []
    alice, bob = meet(before=lambda someone: asked.append(relay.serves(someone, stack, expires_in_s=30)))
    talking(alice, bob)
    signed_in = max(each[0] for each in asked)
    time.sleep(max(0.0, signed_in + 32 - time.monotonic()))
    for someone in (alice, bob):
        someone.gets()
    before = relay.allocations()

    alice.tab.js("window.current().restartIce()")
    # Playwright serves the page's question for credentials while it is asked something itself.
    until(lambda: bob.state == "Connected" and [len(each) for each in asked] == [2, 2], "another credential each")
    until(lambda: relay.allocations() >= before + 2, "an allocation for each side")
    for someone in (alice, bob):
        someone.gets()
        someone.is_in("Connected")


@pytest.mark.parametrize("pair", PAIRS, ids=" reloads, beside ".join)
def test_a_page_that_is_reloaded_goes_on_in_its_call(meet: Meet, pair: tuple[str, str]) -> None:
    alice, bob = meet(*pair)
    talking(alice, bob)
    alice.tab.reload()
    for someone in (alice, bob):
        until(lambda someone=someone: someone.state == "Connected", f"{someone.name} is back", within_s=40)  # type: ignore[misc]
        someone.gets()
    bob.tab.click("Hang up")
    alice.is_in("Call ended")


def test_a_page_that_comes_back_before_its_server_does_goes_on_once_that_is_there(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    assert isinstance(alice.tab, ChromiumTab)
    alice.tab.page.context.route("**/google.firestore.v1.Firestore/**", lambda route: route.abort())
    alice.tab.reload()
    alice.sees("You are offline.")
    alice.tab.page.context.unroute_all()
    for someone in (alice, bob):
        someone.is_in("Connected", within_s=40)
        someone.gets()


def test_a_page_whose_settings_change_before_it_is_back_goes_on_with_the_new_ones(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    assert isinstance(alice.tab, ChromiumTab)
    held: list[Route] = []
    alice.tab.page.context.route("**/google.firestore.v1.Firestore/**", lambda route: held.append(route))  # noqa: PLW0108  Playwright looks into it
    alice.tab.reload()
    alice.sees("Your call link")
    until(lambda: bool(alice.text and held), "the page asks for its call")  # looked at, Playwright serves it
    alice.tab.js("document.getElementById('relay-only').click()")
    alice.tab.page.context.unroute_all()  # and what is held goes on
    for someone in (alice, bob):
        someone.is_in("Connected", within_s=40)
        someone.gets()
    # It no longer hides its address.
    assert alice.tab.js("window.current().past.some((each) => each.includes(' typ host '))")


def test_what_a_page_could_not_ask_at_its_start_is_asked_once_the_server_is_there(meet: Meet) -> None:
    [alice] = meet("chromium")
    assert isinstance(alice.tab, ChromiumTab)
    alice.tab.page.context.route("**/google.firestore.v1.Firestore/**", lambda route: route.abort())
    alice.tab.reload()
    alice.sees("You are offline.")
    alice.tab.page.context.unroute_all()
    until(lambda: "You are offline." not in alice.text, "the alert is withdrawn", within_s=40)


def test_a_browser_that_is_offline_for_a_while_comes_back_into_its_call(meet: Meet) -> None:
    calls = {3: "Audio call", 10: "Audio call", 60: "Video call"}  # all at once: three pictures are much for two cores
    people = {seconds: meet() for seconds in calls}
    for seconds, (alice, bob) in people.items():
        talking(alice, bob, calls[seconds])
    for alice, _ in people.values():
        alice.tab.set_offline(True)
    for alice, _ in people.values():
        alice.sees("You are offline")
    offline = time.monotonic()
    for seconds, (alice, bob) in people.items():
        time.sleep(max(0.0, offline + seconds - time.monotonic()))
        alice.tab.set_offline(False)
        for someone in (alice, bob):
            someone.gets(picture=calls[seconds] == "Video call")
            someone.is_in("Connected")
        bob.tab.click("Hang up")  # and signalling has come back as well
        alice.is_in("Call ended")


def test_a_call_that_was_hung_up_while_its_page_was_offline_ends_there_too(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    alice.tab.set_offline(True)
    bob.tab.click("Hang up")
    alice.tab.set_offline(False)
    alice.is_in("Call ended")
