"""Shows mutated descriptions to a real engine, and lists where it and the validator disagree.

`python -m tests.chromium` writes tests/sdp/CHROMIUM.md. Chromium takes what it is shown by setRemoteDescription in a
bare page: first offers, answers to offers of its own, and re-offers after a round that it has been through. The seed is
printed, and gives the same mutations of captured offers again; answers start from what Chromium itself writes.
"""

import argparse
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium.reasons import THEY_REFUSE, WE_REFUSE
from tests.fuzz.inputs import mutate
from tests.unit.core.descriptions import BAD, BROKEN, CORPUS, captured
from tools import provision
from webrtc_lite.core import sdp
from webrtc_lite.core.machine import CALLER

REPORT = CORPUS / "CHROMIUM.md"
COUNTS = {"offer": 1500, "answer": 400, "reoffer": 400}
PAGE_LIFE = 200  # peer connections of one page; they go with it

SHOW_OFFER = """async (offer) => {
  const peer = new RTCPeerConnection();
  try { await peer.setRemoteDescription({type: 'offer', sdp: offer}); return null; }
  catch (error) { return `${error.name}: ${error.message}`; }
  finally { peer.close(); }
}"""
FIRST_ROUND = """async (kinds) => {
  window.peer?.close(); window.other?.close();
  window.peer = new RTCPeerConnection(); window.other = new RTCPeerConnection();
  for (const kind of kinds) kind === 'data' ? peer.createDataChannel('x') : peer.addTransceiver(kind);
  await peer.setLocalDescription();
  await other.setRemoteDescription({type: 'offer', sdp: peer.localDescription.sdp.replace(/a=candidate.*\\r\\n/g, '')});
  await other.setLocalDescription();
  return [other.remoteDescription.sdp, other.localDescription.sdp];
}"""
SHOW = """async ([to, type, sdp]) => {
  try { await window[to].setRemoteDescription({type, sdp}); return null; }
  catch (error) { return `${error.name}: ${error.message}`; }
}"""


@dataclass
class Tally:
    shown: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)  # "accepted" and "refused"
    we_refuse: Counter[tuple[str, str]] = field(default_factory=Counter)
    they_refuse: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, what: str, problems: tuple[sdp.Problem, ...], error: str | None, text: str) -> None:
        self.shown[what] += 1
        if bool(problems) == bool(error):
            self.agreed["refused" if problems else "accepted"] += 1
        elif problems:
            self.we_refuse[what, problems[0].code] += 1
        else:
            kind = what, family(error or "")
            self.they_refuse[kind] += 1
            self.examples.setdefault(kind, f"{error}\n{text}")


def family(error: str) -> str:
    """Chromium's message without what differs from case to case: names, numbers and the line that it quotes."""
    found = re.sub(
        r"^.*?Failed to (?:parse SessionDescription|set remote [a-z]+ sdp)[.:]\s*", "", error, flags=re.DOTALL
    )
    found = re.sub(r"^.*?\b(?=(?:Expect|Failed to|Invalid|Duplicate|Can't|Two different|sctp-port attr))", "", found)
    found = re.sub(
        r"(Invalid value|codec collision|with mid=|ssrc attribute|remote stream|header extension).*", r"\1", found
    )
    found = re.sub(r"'[^']*'|\"[^\"]*\"", "...", found)
    return re.sub(r"[0-9]+", "N", found).strip()[:90].rstrip(" .:") or "(nothing)"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chromium", description=__doc__)
    parser.add_argument("--seed", type=int, default=20_261_121)
    for what, count in COUNTS.items():
        parser.add_argument(f"--{what}s", type=int, default=count, help="how many of them (default: %(default)s)")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    rng = random.Random(asked.seed)
    tally = Tally()
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium does not start as root with one
    chromium = provision.chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        version = browser.version
        for page, number in pages(browser, asked.offers):
            first_offer(page, number, rng, tally)
        for page, _ in pages(browser, asked.answers):
            answer(page, rng, tally)
        for page, _ in pages(browser, asked.reoffers):
            reoffer(page, rng, tally)
        browser.close()
    print(f"{sum(tally.shown.values())} shown")
    missing = list(unexplained(tally))
    for each in missing:
        print(f"without a reason: {each}\n{tally.examples.get(each, '')}")
    if {what: getattr(asked, f"{what}s") for what in COUNTS} == COUNTS:
        REPORT.write_text(report(tally, asked.seed, version))
        print(f"{REPORT.name} written")
    return int(bool(missing))


def pages(browser: Browser, count: int) -> Iterator[tuple[Page, int]]:
    for start in range(0, count, PAGE_LIFE):
        page = browser.new_page()
        for number in range(start, min(count, start + PAGE_LIFE)):
            yield page, number
        page.close()


BASES = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*.offer.sdp") if path.parent != BAD)


def first_offer(page: Page, number: int, rng: random.Random, tally: Tally) -> None:
    """The captured ones, those with one defect, then mutations."""
    broken = [bad.text() for code, bad in BROKEN.items() if bad.kind == "offer" and code != "sdp_lone_surrogate"]
    whole = [captured(str(path)) for path in BASES]
    text = (whole + broken)[number] if number < len(whole) + len(broken) else mutate(rng.choice(whole), rng, 2)
    text = text.encode(errors="replace").decode()
    tally.take("offer", sdp.offer_problems(text), page.evaluate(SHOW_OFFER, text), text)


def first_round(page: Page, rng: random.Random) -> tuple[str, str]:
    kinds = rng.choice((["audio"], ["audio", "video"], ["data"], ["audio", "video", "data"], ["video", "video"]))
    offer, answered = page.evaluate(FIRST_ROUND, kinds)
    return offer, answered


def answer(page: Page, rng: random.Random, tally: Tally) -> None:
    offer, answered = first_round(page, rng)
    text = mutate(answered, rng, 2).encode(errors="replace").decode()
    error: Any = page.evaluate(SHOW, ["peer", "answer", text])
    tally.take("answer", sdp.answer_problems(text, offer), error, text)


def reoffer(page: Page, rng: random.Random, tally: Tally) -> None:
    offer, answered = first_round(page, rng)
    text = mutate(offer, rng, 2).encode(errors="replace").decode()
    error: Any = page.evaluate(SHOW, ["other", "offer", text])
    agreed = sdp.agree(offer, CALLER, answered)
    tally.take("re-offer", sdp.reoffer_problems(text, agreed, CALLER), error, text)


def unexplained(tally: Tally) -> Iterator[tuple[str, str]]:
    for what, code in tally.we_refuse:
        if code not in WE_REFUSE:
            yield what, code
    for what, message in tally.they_refuse:
        if reason(message) is None:
            yield what, message


def reason(message: str) -> str | None:
    return next((why for start, why in THEY_REFUSE.items() if start in message), None)


def report(tally: Tally, seed: int, version: str) -> str:
    shown = ", ".join(f"{count} {what}s" for what, count in tally.shown.items())
    lines = [
        "# Mutated descriptions, as Chromium and the validator take them",
        "",
        f"Written by `make chromium` (Chromium {version.partition('.')[0]}, seed {seed}): {shown}.",
        f"Both accept {tally.agreed['accepted']}, both refuse {tally.agreed['refused']}.",
        "",
        "## Refused here, taken by Chromium",
        "",
        "By the first defect that the validator names.",
        "",
        "| code | offers | answers | re-offers | why it is refused all the same |",
        "|---|---|---|---|---|",
        *rows(tally.we_refuse, lambda code: f"`{code}`", WE_REFUSE.get),
        "",
        "## Accepted here, refused by Chromium",
        "",
        "By Chromium's words.",
        "",
        "| Chromium says | offers | answers | re-offers | why it is accepted all the same |",
        "|---|---|---|---|---|",
        *rows(tally.they_refuse, lambda message: message.replace("|", "/"), reason),
        "",
    ]
    return "\n".join(lines)


def rows(
    found: Counter[tuple[str, str]], name: Callable[[str], str], why: Callable[[str], str | None]
) -> Iterator[str]:
    totals: Counter[str] = Counter()
    for (_, kind), count in found.items():
        totals[kind] += count
    for kind, _ in sorted(totals.items(), key=lambda each: (-each[1], each[0])):
        counts = " | ".join(str(found[what, kind]) for what in ("offer", "answer", "re-offer"))
        yield f"| {name(kind)} | {counts} | {why(kind) or ''} |"


if __name__ == "__main__":
    sys.exit(main())
