"""Clients in headless Chromium: a bare page each, which a test drives, and through which it talks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.waiting import until
from tools import provision

PAGE = Path(__file__).with_name("bare.html").read_text()
ADDRESS = "http://localhost/"  # a secure context, and nobody is asked for it
FLAGS = [
    "--allow-loopback-in-peer-connection",  # offline, Chromium tries no UDP on loopback otherwise
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--ignore-certificate-errors",  # the test relays' own certificates
    "--disable-features=LocalNetworkAccessChecks",  # or the page, which nobody serves, asks leave to call loopback
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium does not start as root with one
]
WITHIN_S = 20.0

type IceServers = Sequence[Mapping[str, Any]]


@contextmanager
def chromium() -> Iterator[Browser]:
    program = provision.chromium()  # may ask Playwright itself, so not inside the one that starts here
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=FLAGS) as browser:
        yield browser


@dataclass(frozen=True)
class Side:
    """One side of a call, in a page of its own."""

    page: Page
    call: str

    def do(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 (whatever the page answers)
        return self.page.evaluate(f"([...given]) => {function}(...given)", [self.call, *arguments])

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.do("look")
        return seen

    @property
    def packets(self) -> int:
        return int(self.look()["packets"])


@dataclass(frozen=True)
class Call:
    """Two people who talk. What signalling does is done here, by hand."""

    caller: Side
    callee: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.caller, self.callee

    def negotiate(self) -> None:
        self.callee.do("accept", self.caller.do("describe", "offer"))
        self.caller.do("accept", self.callee.do("describe", "answer"))
        self.carry()

    def carry(self) -> None:
        """What has been gathered since the last time, to the other side."""
        self.callee.do("add", self.caller.do("candidates"))
        self.caller.do("add", self.callee.do("candidates"))

    def until_heard(self, packets: int = 25) -> None:
        """Until both sides hear half a second more of each other than they did."""
        before = [side.packets for side in self.sides]

        def heard() -> bool:
            self.carry()
            return all(side.packets >= had + packets for side, had in zip(self.sides, before, strict=True))

        until(heard, f"both sides heard ({[side.look() for side in self.sides]})", within_s=WITHIN_S)

    def restart(self) -> None:
        self.caller.do("restart")
        self.negotiate()

    def close(self) -> None:
        for side in self.sides:
            side.do("close")


@dataclass(frozen=True)
class People:
    """Two phones, which may call each other as often as they like."""

    alice: Page
    bob: Page

    def call(self, name: str, *ice_servers: IceServers, relay_only: bool = True) -> Call:
        """A call on its way, with one list of servers for both or one for each."""
        call = Call(Side(self.alice, name), Side(self.bob, name))
        for side, servers in zip(call.sides, (ice_servers * 2)[:2], strict=True):
            side.do("open", servers, relay_only)
        call.negotiate()
        return call


@contextmanager
def two_people(browser: Browser) -> Iterator[People]:
    with phone(browser) as alice, phone(browser) as bob:
        yield People(alice, bob)


@contextmanager
def phone(browser: Browser) -> Iterator[Page]:
    with browser.new_context(permissions=["microphone"], bypass_csp=True) as context:
        context.route(ADDRESS, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page = context.new_page()
        page.goto(ADDRESS)
        yield page
