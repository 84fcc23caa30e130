"""What the page looks like and how it is used without a mouse or without eyes: every view, both themes, both widths."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsers import NAMES, Browsers, ChromiumTab, Someone
from tests.support.stack import RunningStack
from tools.provision import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
SIZES = {"phone": {"width": 360, "height": 720}, "desktop": {"width": 1280, "height": 800}}
THEMES: list[Literal["light", "dark"]] = ["light", "dark"]
NARROW = {"width": 320, "height": 640}


@pytest.fixture(params=itertools.product(SIZES, THEMES), ids=" ".join)
def two(
    request: pytest.FixtureRequest, all_browsers: Browsers, stack: RunningStack
) -> Iterator[tuple[Someone, Someone]]:
    size, theme = request.param
    contexts = [
        all_browsers.context(viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce") for _ in range(2)
    ]
    people = [Someone(ChromiumTab(context.new_page()), next(NAMES)) for context in contexts]
    alice, bob = people
    alice.tab.open(f"{stack.hosting}/?relay=only")
    yield alice, bob
    for context in contexts:
        context.close()


def page_of(someone: Someone) -> Page:
    assert isinstance(someone.tab, ChromiumTab)
    return someone.tab.page


def is_fit_to_be_seen(someone: Someone, what: str) -> None:
    """Axe finds nothing, and nothing is wider than the screen."""
    page = page_of(someone)
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    told = [(each["id"], [node["target"] for node in each["nodes"]], each["help"]) for each in found]
    assert told == [], what
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


def test_axe_finds_nothing_in_any_view(two: tuple[Someone, Someone], stack: RunningStack) -> None:
    alice, bob = two
    alice.sees("Sign in")
    is_fit_to_be_seen(alice, "sign-in")
    for someone in two:
        someone.sign_in(f"{stack.hosting}/?relay=only")
    is_fit_to_be_seen(alice, "home")
    alice.call(bob)
    bob.rings()
    is_fit_to_be_seen(bob, "incoming")
    alice.is_in("Ringing …")
    is_fit_to_be_seen(alice, "ringing")
    bob.answer()
    for someone in two:
        someone.is_in("Connected")
    alice.sees("Relayed")
    is_fit_to_be_seen(alice, "connected")
    alice.tab.click("Devices")
    is_fit_to_be_seen(alice, "devices")
    bob.tab.click("Hang up")
    alice.is_in("Call ended")
    is_fit_to_be_seen(alice, "ended")
    for someone in two:
        someone.tab.click("Done")
    bob.call(alice)
    alice.rings()
    alice.tab.click("Decline and block")
    alice.sees("Blocked people")
    is_fit_to_be_seen(alice, "home, with somebody blocked")
    alice.tab.open(f"{stack.hosting}/check.html")
    is_fit_to_be_seen(alice, "relay check")


def test_a_whole_call_needs_nothing_but_a_keyboard(all_browsers: Browsers, stack: RunningStack) -> None:
    contexts = [all_browsers.context(viewport=NARROW) for _ in range(2)]
    alice, bob = (Someone(ChromiumTab(context.new_page()), next(NAMES)) for context in contexts)
    bob.name = "W" * 40
    for someone, keys in ((alice, ["Tab", "Enter"]), (bob, ["Enter"])):
        page = page_of(someone)
        page.goto(f"{stack.hosting}/?relay=only")
        someone.sees("Sign in")  # what is not shown yet takes no focus
        page.get_by_label("Your name").focus()
        page.keyboard.type(someone.name)
        for key in keys:
            page.keyboard.press(key)
        someone.sees("Your call link")
        someone.uid = someone.tab.js("document.getElementById('uid').textContent")
    near, far = page_of(alice), page_of(bob)
    near.get_by_label("Call link or id").focus()
    near.keyboard.type(bob.uid)
    near.keyboard.press("Enter")
    expect(far.get_by_role("dialog", name=alice.name)).to_be_visible(timeout=30_000)
    expect(far.get_by_role("button", name="Answer")).to_be_focused()
    for _ in range(3):  # a browser lets a page hold back the first one only
        far.keyboard.press("Escape")
    expect(far.get_by_role("dialog", name=alice.name)).to_be_visible()
    far.get_by_role("button", name="Answer").focus()
    far.keyboard.press("Enter")
    for page, someone in ((near, alice), (far, bob)):
        expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible(timeout=30_000)
        expect(page.get_by_role("button", name="Hang up")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), someone.name
    near.keyboard.press("Enter")
    expect(far.get_by_role("button", name="Done")).to_be_focused(timeout=30_000)
    far.keyboard.press("Enter")
    expect(far.get_by_role("heading", name="Call somebody")).to_be_focused()
    near.get_by_role("button", name="Done").press("Enter")
    expect(near.get_by_role("button", name=f"Call {bob.name}")).to_be_visible()
    for page, someone in ((near, alice), (far, bob)):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), someone.name
    for context in contexts:
        context.close()


def test_it_asks_nobody_but_its_own_back_end_and_shows_no_password(all_browsers: Browsers, stack: RunningStack) -> None:
    context = all_browsers.context()
    page = context.new_page()
    asked: list[str] = []
    console: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: console.append(message.text))
    alice = Someone(ChromiumTab(page), next(NAMES))
    with page.expect_response("**/issue_turn_credentials") as reply:
        alice.sign_in(stack.hosting)
    password = reply.value.json()["result"]["password"]
    ours = (stack.hosting, stack.auth, stack.functions, stack.firestore, "data:")
    assert [url for url in asked if not url.startswith(ours)] == []
    assert password not in page.content()
    assert console == []
    context.close()
