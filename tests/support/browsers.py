"""People with the page open: one interface to tabs of Chromium (Playwright) and of Firefox (puppeteer-core, BiDi)."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import playwright
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

from tests.support.waiting import until
from tools import provision

FIREFOX = Path(__file__).with_name("firefox.mjs")
WITHIN_S = 30.0
# A window's address bar loads pages of its own before anybody types: a second of a processor for each person.
# Of several such switches the last one counts, so what Playwright turns off is in it again.
PLAYWRIGHT = Path(playwright.__file__).parent / "driver" / "package" / "lib" / "coreBundle.js"
[ITS_LIST] = re.findall(r"disabledFeatures = \[(.*?)\n *\]", PLAYWRIGHT.read_text(), re.DOTALL)
TURNED_OFF = [
    *re.findall(r'^\s*"(\w+)"', ITS_LIST, re.MULTILINE),
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
]
CHROMIUM_FLAGS = [
    f"--disable-features={','.join(TURNED_OFF)}",
    "--allow-loopback-in-peer-connection",  # offline, Chromium tries no UDP on loopback otherwise
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium does not start as root with one
]

# A picture of 1280 x 720, as the page asks for, thirty times a second and both ways is all that two cores can encode.
TEN_A_SECOND = "--use-fake-device-for-media-stream=fps=10"

WATCH = Path(__file__).with_name("watch.js").read_text()  # in every page, before its own


class Tab(Protocol):
    """One tab: what a person does in it, and what a test sees."""

    @property
    def console(self) -> Sequence[str]: ...
    def open(self, url: str) -> None: ...
    def js(self, expression: str) -> Any: ...  # noqa: ANN401  whatever the page says
    def click(self, button: str) -> None: ...
    def reload(self) -> None: ...
    def set_offline(self, offline: bool) -> None: ...  # noqa: FBT001
    def close(self) -> None: ...


@dataclass
class ChromiumTab:
    page: Page
    console: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note(error: object) -> None:
            self.console.append(str(error))

        self.page.on("pageerror", note)
        self.page.add_init_script(WATCH)

    def open(self, url: str) -> None:
        self.page.goto(url)

    def js(self, expression: str) -> Any:  # noqa: ANN401
        return self.page.evaluate(expression)

    def click(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click(timeout=WITHIN_S * 1000)

    def reload(self) -> None:
        self.page.reload()

    def set_offline(self, offline: bool) -> None:  # noqa: FBT001
        self.page.context.set_offline(offline)

    def close(self) -> None:
        self.page.context.close()


class Firefox:
    """A Firefox, spoken to line by line through a small Node program that holds puppeteer-core."""

    def __init__(self) -> None:
        environment = {**os.environ, "FIREFOX": str(provision.firefox())}
        self._process = subprocess.Popen(
            ["node", str(FIREFOX)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self._lock = threading.Lock()

    def ask(self, command: str, **arguments: object) -> Any:  # noqa: ANN401
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
            reply = json.loads(self._process.stdout.readline())
        assert "error" not in reply, reply["error"]
        return reply.get("value")

    def new_tab(self) -> FirefoxTab:
        return FirefoxTab(self, self.ask("new", script=WATCH))

    def quit(self) -> None:
        with self._process as process:  # closes its stdin, which ends it
            assert process.stdin is not None
            process.stdin.close()
            process.wait(WITHIN_S)


@dataclass
class FirefoxTab:
    firefox: Firefox
    tab: int

    @property
    def console(self) -> list[str]:
        errors: list[str] = self.firefox.ask("errors", tab=self.tab)
        return errors

    def open(self, url: str) -> None:
        self.firefox.ask("open", tab=self.tab, url=url)

    def js(self, expression: str) -> Any:  # noqa: ANN401
        return self.firefox.ask("js", tab=self.tab, expression=expression)

    def click(self, button: str) -> None:
        self.firefox.ask("click", tab=self.tab, button=button)

    def reload(self) -> None:
        self.firefox.ask("reload", tab=self.tab)

    def set_offline(self, offline: bool) -> None:  # noqa: FBT001
        self.firefox.ask("offline", tab=self.tab, offline=offline)

    def close(self) -> None:
        self.firefox.ask("close", tab=self.tab)


NAMES = (f"{name} {n}" for n in itertools.count(1) for name in ("Ada", "Bo", "Cleo", "Dan"))


@dataclass
class Someone:
    """A signed-in person with the page in front of them."""

    tab: Tab
    name: str
    uid: str = ""

    def sign_in(self, url: str) -> None:
        """As a guest with a name."""
        self.tab.open(url)
        self.sees("Sign in")
        self.tab.js(f"document.getElementById('name').value = {json.dumps(self.name)}")
        self.tab.click("Continue as guest")
        self.sees("Your call link")
        self.uid = self.tab.js("document.getElementById('uid').textContent")

    def sign_in_as(self, url: str, email: str, *, button: str) -> None:
        self.tab.open(url)
        self.sees("Sign in")
        for field_id, value in (("name", self.name), ("email", email), ("password", "a long password")):
            self.tab.js(f"document.getElementById('{field_id}').value = {json.dumps(value)}")
        self.tab.click(button)
        self.sees("Your call link")
        self.uid = self.tab.js("document.getElementById('uid').textContent")

    def call(self, other: Someone, button: str = "Video call") -> None:
        self.tab.js(f"document.getElementById('callee').value = {json.dumps(other.uid)}")
        self.tab.click(button)

    def answer(self) -> None:
        self.rings()
        self.tab.click("Answer")

    def rings(self) -> None:
        until(lambda: bool(self.tab.js("document.getElementById('incoming').open")), f"{self.name} rings", WITHIN_S)

    @property
    def is_rung(self) -> bool:
        return bool(self.tab.js("document.getElementById('incoming').open"))

    @property
    def text(self) -> str:
        return str(self.tab.js("document.body.innerText"))

    @property
    def state(self) -> str:
        return str(self.tab.js("document.getElementById('call-state').textContent"))

    @property
    def figures(self) -> list[str]:
        """What the live line says of the connection."""
        return list(self.tab.js("[...document.querySelectorAll('#live dd')].map((each) => each.textContent)"))

    def sees(self, text: str, within_s: float = WITHIN_S) -> None:
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            seen = self.text
            return text in seen

        try:
            until(is_there, f"{self.name} sees {text!r}", within_s)
        except AssertionError as never:
            raise AssertionError(f"{never}; instead: {seen}") from None

    def is_in(self, state: str, within_s: float = WITHIN_S) -> None:
        try:
            until(lambda: self.state == state, f"{self.name} is in {state!r}", within_s)
        except AssertionError as never:
            raise AssertionError(f"{never}; instead: {self.state!r}, {self.text}") from None

    @property
    def arriving(self) -> dict[str, Any]:
        found: dict[str, Any] = self.tab.js("window.arriving()")
        return found

    def gets(self, *, picture: bool = True, within_s: float = WITHIN_S) -> dict[str, Any]:
        """Voice, and a moving picture, from now on."""
        before = self.arriving

        def flows() -> bool:
            now = self.arriving
            new = now["peers"] != before["peers"]
            start = {"frames": 0, "heard": 0.0} if new else before
            return now["heard"] > start["heard"] and (not picture or now["frames"] >= start["frames"] + 5)

        until(flows, f"{self.name} gets voice and picture", within_s, look_every_s=0.1)
        return self.arriving


def past_of(tab: Tab) -> str:
    try:
        return f"{tab.js('window.past()')}\n{tab.console}"
    except Exception as closed:  # noqa: BLE001  the test has failed already, and this is all there is to say of the tab
        return f"(nothing to be had of this tab: {closed})"


type NewTab = Callable[[], Tab]


@dataclass
class Browsers:
    """Both browsers, started when first asked for; every tab is closed when its test ends."""

    playwright: Playwright
    chromium: Path
    _chromium: Any = None
    _firefox: Firefox | None = None
    _tabs: list[Tab] = field(default_factory=list)

    def tab(self, kind: str) -> Tab:
        tab = ChromiumTab(self.context().new_page()) if kind == "chromium" else self._firefox_tab()
        self._tabs.append(tab)
        return tab

    def beside(self, tab: Tab) -> Tab:
        """Another tab of the same browser profile, which closes with that."""
        assert isinstance(tab, ChromiumTab)
        return ChromiumTab(tab.page.context.new_page())

    def context(self, **options: Any) -> BrowserContext:  # noqa: ANN401
        if self._chromium is None:
            self._chromium = self.playwright.chromium.launch(
                executable_path=self.chromium, args=[*CHROMIUM_FLAGS, TEN_A_SECOND]
            )
        context: BrowserContext = self._chromium.new_context(**options)
        return context

    def _firefox_tab(self) -> Tab:
        self._firefox = self._firefox or Firefox()
        return self._firefox.new_tab()

    def someone(self, kind: str = "chromium") -> Someone:
        return Someone(self.tab(kind), next(NAMES))

    def past(self) -> str:
        """What all that is open has been through, for whoever looks into a failure."""
        return "\n".join(past_of(tab) for tab in self._tabs)

    def close_tabs(self) -> None:
        for tab in self._tabs:
            tab.close()
        self._tabs.clear()

    def quit(self) -> None:
        self.close_tabs()
        if self._chromium is not None:
            self._chromium.close()
        if self._firefox is not None:
            self._firefox.quit()


@contextmanager
def browsers() -> Iterator[Browsers]:
    chromium = provision.chromium()  # may ask Playwright itself, so not inside the one that starts here
    with sync_playwright() as playwright:
        started = Browsers(playwright, chromium)
        try:
            yield started
        finally:
            started.quit()
