"""core/summary.py."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.descriptions import ANSWER, CORPUS, DATA_ANSWER, DATA_OFFER, OFFER, captured, drop, rejected, swap
from webrtc_lite.core.summary import SectionSummary, Summary, summarize

AUDIO = ("opus", "red", "G722", "PCMU", "PCMA", "CN", "telephone-event")
VIDEO = ("VP8", "rtx", "H264", "AV1", "VP9", "red", "ulpfec")


def test_an_offer_proposes() -> None:
    assert summarize(OFFER) == Summary(
        sections=(SectionSummary("audio", "sendrecv", AUDIO), SectionSummary("video", "sendrecv", VIDEO)),
        bundled=2,
        dtls=("actpass",),
        ice=("trickle",),
    )


def test_an_answer_decides() -> None:
    answer = swap("(?<=SAVPF )111[^\r]*", "0 111", 1)(swap("a=sendrecv", "a=recvonly", 1)(ANSWER))
    found = summarize(OFFER, answer)
    assert found.sections[0] == SectionSummary("audio", "sendonly", ("PCMU", "opus"))
    assert found.dtls == ("passive", "active")
    assert (found.bundled, found.ice) == (2, ("trickle",))


@pytest.mark.parametrize(
    ("answered", "direction"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv")],
)
def test_directions_are_the_offerers(answered: str, direction: str) -> None:
    answer = swap("a=sendrecv", f"a={answered}", 1)(ANSWER)
    assert summarize(OFFER, answer).sections[0].direction == direction


def test_a_direction_may_stand_for_all_or_nowhere() -> None:
    bare = drop("a=sendrecv")(OFFER)
    assert summarize(bare).sections[0].direction == "sendrecv"
    assert summarize(bare.replace("a=group", "a=sendonly\r\na=group")).sections[0].direction == "sendonly"


def test_rejected_sections_and_data() -> None:
    assert summarize(OFFER, rejected(ANSWER, 1)).sections[1] == SectionSummary("video", "rejected")
    assert summarize(DATA_OFFER, DATA_ANSWER).sections[2] == SectionSummary("application", "sendrecv")
    assert summarize(swap("m=video", "m=text")(OFFER)).sections[1] == SectionSummary("other", "sendrecv")


def test_simulcast_is_its_number_of_streams() -> None:
    assert summarize(captured("chromium/simulcast-full.offer.sdp")).sections[1].simulcast == 3
    assert summarize(OFFER + "a=simulcast:recv 5 send 1,2;~3\r\n").sections[1].simulcast == 2
    for nonsense in ("", "send", " "):
        assert summarize(f"{OFFER}a=simulcast:{nonsense}\r\n").sections[1].simulcast == 0
    assert summarize(f"{OFFER}a=simulcast:send {'1;' * 500}1\r\n").sections[1].simulcast == 32


def test_who_is_lite_and_what_both_can_do() -> None:
    lite = OFFER.replace("a=group", "a=ice-lite\r\na=group").replace(
        "a=ice-options:trickle", "a=ice-options:ice2 trickle"
    )
    assert summarize(lite).ice == ("ice2", "trickle", "lite")
    assert summarize(lite, ANSWER).ice == ("trickle", "lite")
    assert summarize(OFFER, drop("a=ice-options")(ANSWER)).ice == ()


def test_a_static_payload_type_has_its_name_and_another_without_rtpmap_has_none() -> None:
    assert summarize(drop("a=rtpmap")(OFFER)).sections[0].codecs == ("G722", "PCMU", "PCMA", "CN")


def test_a_bundle_of_one_shares_nothing() -> None:
    assert summarize(swap("BUNDLE 0 1", "BUNDLE 0")(OFFER)).bundled == 0


def test_setup_that_is_missing_or_made_up_is_left_out() -> None:
    assert summarize(drop("a=setup")(OFFER)).dtls == ()
    assert summarize(swap("a=setup:actpass", "a=setup:10.0.0.1")(OFFER)).dtls == ()
    assert summarize(OFFER, swap("a=setup:active", "a=setup:actpass")(ANSWER)).dtls == ("actpass",)


def test_no_more_is_told_of_what_was_refused_for_its_size() -> None:
    assert len(summarize(OFFER + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n" * 99).sections) == 32
    many = swap("(?<=SAVPF )111[^\r]*", " ".join(map(str, range(100))), 1)(OFFER)
    many += "".join(f"a=rtpmap:{number} x{number}/1\r\n" for number in range(100))
    assert len(summarize(many.replace("m=video", "a=x\r\nm=video")).sections[0].codecs) <= 32


ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:]+|\.local|[0-9A-F]{2}:")


@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("*/*.answer.sdp")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_no_address_credential_or_fingerprint_is_in_it(path: object) -> None:
    name = str(path).rpartition("/sdp/")[2]
    answer = captured(name)
    offers = [name.replace(".answer.", ".offer.")]
    for offer in filter(lambda each: (CORPUS / each).exists(), offers):
        told = repr(summarize(captured(offer), answer))
        assert not ADDRESS.search(told)
        for secret in re.findall(r"a=(?:ice-ufrag|ice-pwd|msid|mid):(\S{4,})", answer):
            assert secret not in told


@given(st.text(st.characters(codec=None)), st.none() | st.text(st.characters(codec=None)))
@settings(max_examples=100, deadline=None)
def test_any_text_has_a_summary(offer: str, answer: str | None) -> None:
    assert summarize(offer, answer).sections == ()


@pytest.mark.parametrize("name", ["10.0.0.4", "fd99::1", "é", "a" * 33, "a b", "9x", ""])
def test_a_codec_with_a_name_that_nobody_needs_is_left_out(name: str) -> None:
    text = OFFER.replace("a=rtpmap:111 opus/48000/2", f"a=rtpmap:111 {name}/48000/2")
    assert summarize(text).sections[0].codecs == AUDIO[1:]
