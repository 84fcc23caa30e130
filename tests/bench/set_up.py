"""How long a call takes to set up: over the whole local stack, against the same page with both sides wired in memory.

Relay only, in Chromium, from the caller's button to a picture on both sides; the two ways take turns, so that a noisy
moment meets both. And what one call asks of Firestore, counted in what the page sends and receives.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.support.browsers import CHROMIUM_FLAGS
from tests.support.stack import started_stack
from tools import provision

ROUNDS = 20
WARM_UP = 20  # the emulators compile themselves while they run: a database that is deployed has been running
BUNDLE = provision.HOME / "bench" / "setup.js"
# What listeners are sent comes as a stream of fetch (WebChannel), which nobody outside of the page can read on its way.
# Listening in takes time, so where time is measured nobody does.
RECORD = """
window.wire = [];
const real = window.fetch;
window.fetch = async (...asked) => {
  const [url] = asked;
  const entry = { url: String(url?.url ?? url), received: "" };
  const reply = await real(...asked);
  if (!/\\/documents:|\\/(Listen|Write)\\/channel/.test(entry.url) || !reply.body) return reply;
  window.wire.push(entry);
  const [ours, theirs] = reply.body.tee();
  (async () => {
    const text = new TextDecoder();
    for await (const part of ours) entry.received += text.decode(part, { stream: true });
  })().catch(() => undefined);
  return new Response(theirs, reply);
};
"""
# A step of one side, and the one before it that it waits for.
BREAKDOWN = [
    ("offer made", "caller", "offer made", None),
    ("call written: one transaction", "caller", "call written", ("caller", "offer made")),
    ("answer made, from the ring on", "callee", "answer made", ("callee", "rings here")),
    ("answer written: one transaction", "callee", "answer written", ("callee", "answer made")),
    ("ICE connected at the caller, from the answer on", "caller", "ICE connected", ("caller", "answer seen")),
    ("first picture at the caller, from ICE on", "caller", "first picture", ("caller", "ICE connected")),
]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        started_stack("bench", Path(directory) / "output") as stack,
    ):
        measure(stack.hosting)


def measure(hosting: str) -> None:
    subprocess.run(["node", "web/build.mjs", "--bench"], cwd=provision.ROOT, check=True)
    chromium = provision.chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS) as browser,
    ):
        page = opened(browser, hosting)
        for _ in range(WARM_UP):
            for through in ("memory", "stack"):
                set_up(page, through)
        rounds = [{through: set_up(page, through) for through in ("memory", "stack")} for _ in range(ROUNDS)]
        page.close()
        show(rounds)
        count(opened(browser, hosting, RECORD))


def opened(browser: Browser, hosting: str, before: str = "") -> Page:
    page = browser.new_page(bypass_csp=True)
    page.add_init_script(before)
    page.goto(f"{hosting}/check.html")
    page.add_script_tag(path=BUNDLE, type="module")
    page.wait_for_function("!!window.setUp", timeout=60_000)
    return page


def set_up(page: Page, through: str) -> dict[str, Any]:
    measured: dict[str, Any] = page.evaluate(f"window.setUp({through!r})")
    return measured


def show(rounds: list[dict[str, dict[str, Any]]]) -> None:
    medians = {through: statistics.median(each[through]["ms"] for each in rounds) for through in ("memory", "stack")}
    print(f"set-up, relay only, from the button to a picture on both sides (median of {ROUNDS})")  # noqa: T201
    for through, name in (("memory", "both sides wired in memory"), ("stack", "through the whole stack")):
        print(f"  {name:48} {medians[through]:8.0f} ms   x {medians[through] / medians['memory']:.2f}")  # noqa: T201
    for name, side, step, before in BREAKDOWN:
        ms = {through: median_step(rounds, through, side, step, before) for through in ("memory", "stack")}
        print(f"    {name:46} {ms['stack']:8.0f} ms   in memory {ms['memory']:.0f} ms")  # noqa: T201


def median_step(
    rounds: list[dict[str, dict[str, Any]]], through: str, side: str, step: str, before: tuple[str, str] | None
) -> float:
    def took(measured: dict[str, Any]) -> float:
        start = measured[before[0]].get(before[1], 0.0) if before else 0.0
        return float(measured[side].get(step, start)) - float(start)

    return statistics.median(took(each[through]) for each in rounds)


def count(page: Page) -> None:
    """The documents that one call's two clients write and are sent, when they have made a call before."""
    set_up(page, "stack")
    page.wait_for_timeout(2_000)
    page.evaluate("window.wire.forEach((entry) => { entry.received = ''; })")
    writes: Counter[str] = Counter()
    reads: Counter[str] = Counter()

    def note(request: Request) -> None:
        writes.update(kind(name) for name in written(request.url, request.post_data or ""))

    page.on("request", note)
    set_up(page, "stack")
    page.wait_for_timeout(2_000)
    for entry in page.evaluate("window.wire"):
        for name in re.findall(r'"documentChange":\s*{\s*"document":\s*{\s*"name":\s*"([^"]+)"', entry["received"]):
            reads[kind(name)] += 1
    print("\nFirestore operations of one call, both clients, from dialling to the end")  # noqa: T201
    for what, counted in (("written", writes), ("read, by listeners", reads)):
        found = ", ".join(f"{name} {n}" for name, n in sorted(counted.items()))
        print(f"  {what:20} {sum(counted.values()):3}   {found}")  # noqa: T201


def written(url: str, sent: str) -> list[str]:
    """The documents of a commit, or of a message on the stream of writes."""
    texts = [sent] if ":commit" in url else [each for said in parse_qs(sent).values() for each in said]
    names: list[str] = []
    for text in texts:
        try:
            said = json.loads(text)
        except ValueError:
            continue
        if isinstance(said, dict):
            names += [write["update"]["name"] for write in said.get("writes", []) if "update" in write]
    return names


def kind(name: str) -> str:
    return name.rpartition("/documents/")[2].split("/")[-2]


if __name__ == "__main__":
    main()
