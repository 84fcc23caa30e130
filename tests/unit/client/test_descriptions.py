"""Descriptions of a connection that goes on, of a new one, and on paper."""

import secrets
from pathlib import Path

from tools.provision import ROOT
from webrtc_lite.core import candidates, sdp
from webrtc_lite_client.descriptions import NONSENSE, is_new_connection, paper

CHROMIUM = ROOT / "tests" / "sdp" / "chromium"


def read(path: Path) -> str:
    return path.read_bytes().decode()


def test_a_description_with_the_old_fingerprint_goes_on_and_one_without_starts_anew() -> None:
    offer, other = read(CHROMIUM / "av-trickle.offer.sdp"), read(CHROMIUM / "av-trickle.answer.sdp")

    assert not is_new_connection(offer, offer.replace("a=ice-ufrag:", "a=ice-ufrag:x"))
    assert not is_new_connection(offer.lower(), offer)
    assert is_new_connection(offer, other)
    assert is_new_connection("", offer)


def test_the_server_takes_what_paper_connections_say_as_it_takes_an_engines() -> None:
    offer, [candidate] = paper("actpass", secrets.token_hex)
    answer, _ = paper("active", secrets.token_hex)

    assert sdp.offer_verdict(offer, media="audio").problems == ()
    assert sdp.answer_verdict(answer, offer).problems == ()
    assert is_new_connection(offer, answer)
    assert isinstance(candidates.parse(candidate["candidate"]), candidates.Candidate)


def test_nonsense_is_refused_by_the_server_and_not_by_the_rules() -> None:
    assert NONSENSE.startswith("v=0")
    assert sdp.offer_verdict(NONSENSE).problems
    assert sdp.answer_verdict(NONSENSE, paper("actpass", secrets.token_hex)[0]).problems
