"""What the validator takes for an offer of a real engine, a real engine takes for one as well."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.chromium.__main__ import SHOW_OFFER
from tests.unit.core.descriptions import BAD, CORPUS, captured
from tools import provision
from webrtc_lite.core.sdp import offer_problems

OFFERS = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.offer.sdp") if path.parent != BAD)

# What libwebrtc does not take, though others write it: see the reasons in tests/chromium.
NOT_BY_CHROMIUM = {
    "made/every-line.offer.sdp",
    "made/rejected-but-one.offer.sdp",
    "made/several-fingerprints.offer.sdp",
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = provision.chromium()
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser.new_page()
        browser.close()


def test_chromium_takes_what_is_accepted_here(page: Page) -> None:
    refused = {name for name in OFFERS if page.evaluate(SHOW_OFFER, captured(name)) is not None}
    assert refused == NOT_BY_CHROMIUM
    assert all(offer_problems(captured(name)) == () for name in OFFERS)
