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
from urllib.parse import parse_qs

from playwright.sync_api import Request, sync_playwright

from tests.bench.unwatched import desk, opened_unwatched
from tests.support.browsers import CHROMIUM_FLAGS
from tests.support.stack import started_stack
from tools import provision

ROUNDS = 20
WARM_UP = 20  # the emulators compile themselves while they run: a database that is deployed has been running
SCRIPT = provision.HOME / "bench" / "setup.js"
# What listeners are sent comes as a stream of fetch (WebChannel), which nobody outside of the page can read on its way.
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
# One after the other: each takes from the end of the one before it.
STEPS = {
    "offer made": "camera, and the offer",
    "call written": "call written: one transaction",
    "rings": "its event, the check, and the ring",
    "answer made": "camera, and the answer with a candidate",
    "answer seen": "answer written, and seen: one transaction",
    "ICE connected": "ICE connected at the caller",
    "pictures": "a picture on both sides",
}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        started_stack("bench", Path(directory) / "output") as stack,
    ):
        measure(stack.hosting)


def measure(hosting: str) -> None:
    subprocess.run(["node", "web/build.mjs", "--bench"], cwd=provision.ROOT, check=True)
    with desk(hosting, SCRIPT) as page:
        with opened_unwatched(f"{page.address}#{WARM_UP + ROUNDS}"):
            show([page.next() for _ in range(WARM_UP + ROUNDS)][WARM_UP:])
        count(page.address)


def show(rounds: list[dict[str, dict[str, float]]]) -> None:
    medians = {way: statistics.median(each[way]["pictures"] for each in rounds) for way in ("memory", "stack")}
    print(f"set-up, relay only, from the button to a picture on both sides (median of {ROUNDS})")  # noqa: T201
    for way, name in (("memory", "both sides wired in memory"), ("stack", "through the whole stack")):
        print(f"  {name:48} {medians[way]:8.0f} ms   x {medians[way] / medians['memory']:.2f}")  # noqa: T201
    for before, (step, name) in zip((None, *STEPS), STEPS.items(), strict=False):
        ms = {way: median_of(rounds, way, step, before) for way in ("memory", "stack")}
        print(f"    {name:46} {ms['stack']:8.0f} ms   in memory {ms['memory']:.0f} ms")  # noqa: T201


def median_of(rounds: list[dict[str, dict[str, float]]], way: str, step: str, before: str | None) -> float:
    took = statistics.median(each[way][step] - (each[way][before] if before else 0) for each in rounds)
    return max(took, 0.0)  # in memory it rings before the caller's own promise has gone on


def count(address: str) -> None:
    """The documents that one call's two clients write and are sent, when they have made a call before."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=provision.chromium(), args=CHROMIUM_FLAGS) as browser,
    ):
        page = browser.new_page()
        page.add_init_script(RECORD)
        page.goto(address)
        page.wait_for_function("!!window.setUp", timeout=60_000)
        page.evaluate("window.setUp('stack')")
        page.wait_for_timeout(2_000)
        page.evaluate("window.wire.forEach((entry) => { entry.received = ''; })")
        writes: Counter[str] = Counter()
        reads: Counter[str] = Counter()

        def note(request: Request) -> None:
            writes.update(kind(name) for name in written(request.url, request.post_data or ""))

        page.on("request", note)
        page.evaluate("window.setUp('stack')")
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
