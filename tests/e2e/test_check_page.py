"""The page that checks the relay, in a real browser, against the whole local stack and its real relay."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect, sync_playwright

from tests.support.stack import RunningStack
from tools import provision

DONE_WITHIN_MS = 30_000  # the page's own limits: 20 s for an answer, 10 s for a relay
FLAGS = [
    "--allow-loopback-in-peer-connection",  # offline, Chromium tries no UDP on loopback otherwise
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium does not start as root with one
]
RELAYS = re.compile(r"^Relays, as 127\.0\.0\.1:\d+$")
NOTE_PEERS = """
window.policies = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration) { super(configuration); window.policies.push(configuration.iceTransportPolicy); }
};
"""


@dataclass
class Opened:
    """The page, and all that it wrote to the console and asked of the network."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note(message: ConsoleMessage) -> None:
            self.console.append(message.text)

        self.page.on("console", note)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.add_init_script(NOTE_PEERS)

    def run(self) -> None:
        """Presses the button and waits for the end, good or bad."""
        self.page.get_by_role("button", name="Relay a message").click()
        expect(self.page.get_by_role("button", name="Run again")).to_be_visible(timeout=DONE_WITHIN_MS)

    @property
    def headline(self) -> Locator:
        return self.page.get_by_role("status")

    def step(self, name: str) -> Locator:
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_role("heading", name=name))

    def address(self, transport: str) -> Locator:
        rows = self.page.get_by_role("list", name="Relay addresses").get_by_role("listitem")
        return rows.filter(has=self.page.get_by_text(transport, exact=True))


type Launch = Callable[..., Browser]


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """Starts Chromium with the flags that every machine needs, and more if asked."""
    chromium = provision.chromium()  # may ask Playwright itself, so not inside the one that starts here
    with sync_playwright() as playwright:

        def start(*flags: str) -> Browser:
            return playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])

        yield start


@pytest.fixture(scope="module")
def browser(launch: Launch) -> Iterator[Browser]:
    with launch() as browser:
        yield browser


@pytest.fixture(scope="module")
def trusting_browser(launch: Launch) -> Iterator[Browser]:
    with launch("--ignore-certificate-errors") as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    with browser.new_page() as page:
        yield Opened(page)


def test_credentials_from_the_function_relay_over_udp_and_tcp(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    expect(opened.step("Sign in")).to_contain_text("Signed in as ")
    expect(opened.step("Get credentials")).to_contain_text(re.compile(r"Username\s*\d{10}:\w+"))
    expect(opened.step("Get credentials")).to_contain_text("3600 s")
    for transport in ("UDP", "TCP"):
        row = opened.address(transport)
        expect(row).to_contain_text(f"turn:127.0.0.1:{stack.turn_port}?transport={transport.lower()}")
        expect(row.get_by_role("paragraph")).to_have_text(RELAYS)
        expect(row).to_contain_text(" ms")


def test_an_untrusted_local_certificate_is_explained(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    row = opened.address("TLS")
    expect(row).to_contain_text(f"turns:127.0.0.1:{stack.turn_tls_port}?transport=tcp")
    expect(row).to_contain_text("no browser trusts the local self-signed certificate")
    expect(row).to_contain_text("--ignore-certificate-errors")
    expect(opened.step("Reach the relay")).to_contain_text("2 of 3 addresses relay")


def test_with_the_certificate_accepted_it_relays_over_tls(trusting_browser: Browser, stack: RunningStack) -> None:
    with trusting_browser.new_page() as page:
        opened = Opened(page)
        page.goto(f"{stack.hosting}/check.html")
        opened.run()
        expect(opened.address("TLS").get_by_role("paragraph")).to_have_text(RELAYS)
        expect(opened.step("Reach the relay")).to_contain_text("3 of 3 addresses relay")


def test_two_relay_only_peers_exchange_a_message(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    expect(opened.headline).to_have_text(
        re.compile(r"^A message went through the relay and back in \d+(\.\d)? ms\.$"),
    )
    expect(opened.step("Message there and back")).to_contain_text(
        re.compile(r"Relayed between 127\.0\.0\.1:\d+ and 127\.0\.0\.1:\d+"),
    )
    assert opened.page.evaluate("window.policies") == ["relay"] * 5  # three addresses, two peers


def test_the_password_is_nowhere_in_the_page_or_the_console(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    with opened.page.expect_response("**/issue_turn_credentials") as answer:
        opened.run()
    granted = answer.value.json()["result"]
    shown = opened.page.content()
    assert granted["username"] in shown
    assert granted["password"]
    for place in (shown, *opened.console):
        assert granted["password"] not in place


def test_it_says_what_runs_and_asks_nobody_else(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    parts = opened.page.get_by_role("list", name="What runs here")
    for where in (stack.hosting, stack.auth, stack.functions, stack.firestore, f"127.0.0.1:{stack.turn_port} udp tcp"):
        expect(parts).to_contain_text(where)
    expect(parts).not_to_contain_text("does not answer")
    expect(opened.page.get_by_role("banner")).to_contain_text(stack.project)
    ours = (stack.hosting, stack.auth, stack.functions, stack.firestore, "data:")
    assert [url for url in opened.requests if not url.startswith(ours)] == []
    assert opened.console == []


def test_the_commands_that_it_shows_get_credentials(opened: Opened, stack: RunningStack) -> None:
    opened.page.goto(f"{stack.hosting}/check.html")
    expect(opened.page.get_by_role("button", name="Copy")).to_be_enabled()
    commands = opened.page.locator("pre").inner_text()
    done = subprocess.run(["sh", "-c", commands], capture_output=True, text=True, timeout=30, check=True)
    granted = json.loads(done.stdout)["result"]
    assert granted["uris"][0] == f"turn:127.0.0.1:{stack.turn_port}?transport=udp"


@pytest.mark.parametrize(
    ("broken", "who", "step"),
    [("**/issue_turn_credentials", "The function", "Get credentials"), ("**/accounts:signUp*", "Auth", "Sign in")],
)
def test_it_says_so_when_a_part_cannot_be_reached(
    opened: Opened, stack: RunningStack, broken: str, who: str, step: str
) -> None:
    opened.page.route(broken, lambda route: route.abort())
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    where = stack.auth if who == "Auth" else stack.functions
    expect(opened.headline).to_have_text(f"Stopped. {who} cannot be reached at {where}.")
    expect(opened.step(step)).to_contain_text("Is the stack running? Look at the terminal of make run.")


def test_a_refusal_is_shown_with_the_hint_of_the_function(opened: Opened, stack: RunningStack) -> None:
    refusal = {
        "status": "FAILED_PRECONDITION",
        "message": "This deployment cannot issue relay credentials.",
        "details": {"code": "relay_not_configured", "hint": "The operator finds the reason in the log."},
    }
    anyone = {"Access-Control-Allow-Origin": "*"}
    opened.page.route(
        "**/issue_turn_credentials",
        lambda route: route.fulfill(status=400, headers=anyone, json={"error": refusal}),
    )
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    step = opened.step("Get credentials")
    expect(step).to_contain_text("FAILED_PRECONDITION: This deployment cannot issue relay credentials.")
    expect(step).to_contain_text("The operator finds the reason in the log.")


def test_a_credential_that_the_relay_refuses_is_named(opened: Opened, stack: RunningStack) -> None:
    def spoil(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        content["result"]["password"] = "signed with another secret"
        route.fulfill(response=answer, json=content)

    opened.page.route("**/issue_turn_credentials", spoil)
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    for transport in ("UDP", "TCP"):
        expect(opened.address(transport)).to_contain_text("Credential refused (401).")
    expect(opened.headline).to_have_text("Stopped. No address relays.")


def test_without_emulators_it_asks_the_deployed_project(opened: Opened, stack: RunningStack) -> None:
    """Hosting describes a deployment; what the page then asks of Google is answered by the emulators."""

    def instead(url: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(response=route.fetch(url=url))

    sign_up = "identitytoolkit.googleapis.com/v1/accounts:signUp?key=a-key"
    function = f"{stack.functions}/{stack.project}/us-central1/issue_turn_credentials"
    config = {"projectId": "an-app", "apiKey": "a-key"}
    opened.page.route("**/__/firebase/init.js*", lambda route: route.fulfill(body="var firebaseEmulators = undefined;"))
    opened.page.route("**/__/firebase/init.json", lambda route: route.fulfill(json=config))
    opened.page.route(f"https://{sign_up}", instead(f"{stack.auth}/{sign_up}"))
    opened.page.route("https://us-central1-an-app.cloudfunctions.net/issue_turn_credentials", instead(function))
    opened.page.goto(f"{stack.hosting}/check.html")
    opened.run()
    expect(opened.headline).to_contain_text("A message went through the relay and back")
    expect(opened.page.get_by_role("banner")).to_contain_text("Project an-app")


def test_it_works_by_keyboard_on_a_narrow_phone(browser: Browser, stack: RunningStack) -> None:
    with browser.new_page(viewport={"width": 320, "height": 640}) as page:
        page.goto(f"{stack.hosting}/check.html")
        expect(page.get_by_role("button", name="Relay a message")).to_be_enabled()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        again = page.get_by_role("button", name="Run again")
        expect(again).to_be_focused(timeout=DONE_WITHIN_MS)
        expect(page.get_by_role("log", name="Results")).to_contain_text("UDP: Relays, as ")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
