"""core/sdp.py. What real engines send is in tests/sdp, byte for byte as it was captured."""

import re
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.core.descriptions import (
    ANSWER,
    ANSWERED,
    BAD,
    BROKEN,
    BROKEN_BATCHES,
    CORPUS,
    DATA_ANSWER,
    DATA_OFFER,
    FIRST_ANSWER,
    FIRST_OFFER,
    OFFER,
    REOFFER,
    TRANSPORT,
    Change,
    alone,
    both,
    captured,
    drop,
    files,
    filled,
    line_of,
    new_connection,
    parts,
    rejected,
    renewed,
    sections,
    swap,
)
from tests.unit.core.hostile import HOSTILE
from webrtc_lite.core import sdp
from webrtc_lite.core.defects import FOUND_MAX, Rule
from webrtc_lite.core.machine import CALLEE, CALLER, Actor
from webrtc_lite.core.sdp import (
    Problem,
    agree,
    answer_problems,
    answer_verdict,
    offer_problems,
    offer_verdict,
    reoffer_problems,
    reoffer_verdict,
)

NAMES = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.sdp") if path.parent != BAD)
CAPTURED = [name for name in NAMES if not name.startswith("made/")]
OFFERS = [name for name in CAPTURED if name.endswith(".offer.sdp")]
ANSWERS = [name for name in CAPTURED if name.endswith(".answer.sdp")]
MADE_OFFERS = [name for name in NAMES if name.startswith("made/") and name.endswith(".offer.sdp")]
MADE_ANSWERS = [name for name in NAMES if name.startswith("made/") and name.endswith(".answer.sdp")]
LATER = [name for name in OFFERS if name.replace(".offer.", ".initial.offer.") in OFFERS]
ENGINES = {"aiortc": 44, "chromium": 62, "chromium-mdns": 14, "firefox": 60, "firefox-mdns": 10, "wrtc": 60}

AGREED = agree(FIRST_OFFER, CALLER, FIRST_ANSWER)


def codes(problems: Iterable[Problem]) -> list[str]:
    return [problem.code for problem in problems]


# --- what real engines send


def test_the_corpus_has_what_was_captured_of_every_engine() -> None:
    assert Counter(name.partition("/")[0] for name in CAPTURED) == ENGINES
    assert len(LATER) == 17


@pytest.mark.parametrize("engine", ENGINES)
def test_every_captured_offer_is_accepted_as_a_first_one(engine: str) -> None:
    offers = {name: captured(name) for name in OFFERS if name.startswith(f"{engine}/")}
    assert {name: found for name, text in offers.items() if (found := offer_problems(text, media="video"))} == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_captured_answer_is_accepted_as_one_to_its_offer(engine: str) -> None:
    pairs = {
        name: (captured(name), captured(name.replace(".answer.", ".offer.")))
        for name in ANSWERS
        if name.startswith(f"{engine}/")
    }
    assert {name: found for name, pair in pairs.items() if (found := answer_problems(*pair))} == {}


@pytest.mark.parametrize("name", LATER)
def test_every_captured_re_offer_goes_on_from_its_first_round(name: str) -> None:
    first = name.replace(".offer.", ".initial.offer.")
    agreed = agree(captured(first), CALLER, captured(first.replace(".offer.", ".answer.")))
    assert reoffer_problems(captured(name), agreed, CALLER) == ()
    kept = {captured(first).split("a=fingerprint:")[1][:100]}
    assert captured(name).split("a=fingerprint:")[1][:100] in kept


@pytest.mark.parametrize("name", LATER)
def test_either_side_may_make_the_next_offer(name: str) -> None:
    first = name.replace(".offer.", ".initial.offer.")
    agreed = agree(captured(first), CALLEE, captured(first.replace(".offer.", ".answer.")))
    assert reoffer_problems(captured(name), agreed, CALLEE) == ()
    assert reoffer_problems(captured(name), agreed, CALLER) == ()  # as a new connection of the other side


@pytest.mark.parametrize("name", MADE_OFFERS)
def test_what_engines_write_that_nobody_captured_is_accepted(name: str) -> None:
    assert offer_problems(captured(name)) == ()
    assert offer_problems(captured(name).replace("\n", "\r\n")) == ()
    assert reoffer_problems(captured(name), None, CALLEE) == ()


@pytest.mark.parametrize("name", MADE_ANSWERS)
def test_what_servers_answer_that_nobody_captured_is_accepted(name: str) -> None:
    assert answer_problems(captured(name), captured("made/two-sections.offer.sdp")) == ()


@pytest.mark.parametrize("form", [str, swap("\r\n", "\n"), lambda text: text[:-2]], ids=["CRLF", "LF", "no last end"])
@pytest.mark.parametrize("name", ["aiortc", "chromium", "firefox", "wrtc"])
def test_line_ends_may_be_crlf_or_lf_and_the_last_one_may_be_missing(name: str, form: Change) -> None:
    assert offer_problems(form(captured(f"{name}/av-full.offer.sdp"))) == ()


# --- what engines may leave out


def at_session_level(text: str) -> str:
    """As Pion, libdatachannel and servers with ICE-lite write it: the transport once, before the first section."""
    lines = [next(line for line in text.split("\r\n") if line.startswith(f"a={name}:")) for name in TRANSPORT]
    bare = drop("|".join(f"a={name}:" for name in TRANSPORT))(text)
    return bare.replace("m=", "\r\n".join([*lines, "m="]), 1)


def only_where_the_bundle_starts(text: str) -> str:
    """As RFC 9143 7.1.3 has it in a later offer: the other sections say nothing of their transport."""
    head, first, *rest = parts(text)
    return head + first + drop("a=rtcp-mux|" + "|".join(f"a={name}:" for name in TRANSPORT))("".join(rest))


def bundle_only(text: str) -> str:
    head, first, second = parts(only_where_the_bundle_starts(text))
    return head + first + swap("^m=video [0-9]+ ", "m=video 0 ", 1)(second) + "a=bundle-only\r\n"


@pytest.mark.parametrize(
    "form",
    [
        at_session_level,
        only_where_the_bundle_starts,
        bundle_only,
        lambda text: rejected(text, 0),
        lambda text: rejected(text, 1),
        lambda text: rejected(rejected(text, 0), 1),
        swap("UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF"),
        swap("UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"),
        swap("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"),
        swap("m=audio [0-9]+ ", "m=audio 9/2 "),
        swap("m=audio [0-9]+ ", "m=audio 65535 "),
        swap("m=audio [0-9]+ UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 111  0  127 "),
        swap("a=mid:", "a=unheard-of\r\na=unheard-of:\r\na=unheard-of: of any form ☎ \r\na=mid:"),
        swap("c=IN", "i=the lobby\r\nc=IN"),
        swap("a=mid:0", "a=mid:0\r\nb=AS:500"),
        swap("c=IN IP4 [^\r]*", "c=IN IP6 fd99::1"),
        drop("c="),
        swap("s=-", "s= "),
        swap("s=-", "s=Büro 会议 😀"),
        drop("a=group:|a=mid:"),
        drop("a=rtpmap:|a=fmtp:"),
        swap("a=group:BUNDLE 0 1", "a=group:BUNDLE"),
        swap("a=group:BUNDLE 0 1", "a=group:LS 0 1 7\r\na=group:BUNDLE 1\r\na=group:BUNDLE 0"),
        swap("(?<=a=fingerprint:sha-256 )[^\r]*", ":".join(["0a"] * 32)),
        swap("a=fingerprint:sha-256", "a=fingerprint:SHA-256"),
        swap("a=fingerprint", f"a=fingerprint:sha-1 {':'.join(['0A'] * 20)}\r\na=fingerprint"),
        swap("a=fingerprint", "a=fingerprint:gost-r-34.11 00:FF\r\na=fingerprint"),
        swap("a=ice-ufrag:.*?(?=\r)", "a=ice-ufrag:" + "u/+=" * 64),
        swap("a=ice-pwd:.*?(?=\r)", "a=ice-pwd:" + "p-_#" * 64),
        swap("a=sendrecv", "a=sendrecv\r\na=sendrecv"),
        swap("a=setup:actpass", "a=setup:actpass\r\na=setup:actpass"),
        lambda text: (
            rejected(text, 1) + "a=setup:holdconn\r\na=rtpmap:0 x\r\na=rtpmap:0 y\r\na=sendonly\r\na=inactive\r\n"
        ),
    ],
)
def test_what_engines_that_nobody_captured_may_write_is_accepted(form: Change) -> None:
    changed = form(OFFER)
    assert changed != OFFER
    assert offer_problems(changed) == ()


@pytest.mark.parametrize("proto", ["TCP/DTLS/SCTP", "DTLS/SCTP"])
def test_data_may_go_by_tcp_or_under_its_old_name(proto: str) -> None:
    assert offer_problems(swap("UDP/DTLS/SCTP", proto)(DATA_OFFER)) == ()


@pytest.mark.parametrize("name", TRANSPORT)
def test_only_the_bundle_that_a_section_is_in_lends_it_a_transport(name: str) -> None:
    borrowed = only_where_the_bundle_starts(OFFER)
    for other in ("a=group:BUNDLE 0", "a=group:LS 0 1", "a=group:BUNDLE 1\r\na=group:BUNDLE 0", "a=group:BUNDLE 2 1 0"):
        lonely = swap("a=group:BUNDLE 0 1", other)(borrowed)
        assert (f"sdp_no_{name.replace('-', '_')}", 1) in [(each.code, each.section) for each in offer_problems(lonely)]
        assert ("sdp_no_rtcp_mux", 1) in [(each.code, each.section) for each in offer_problems(lonely)]


def test_the_bundle_starts_with_the_mid_that_it_names_first_wherever_that_section_stands() -> None:
    head, first, second = parts(OFFER)
    bare = drop("|".join(f"a={name}:" for name in TRANSPORT))(first)
    assert offer_problems(swap("BUNDLE 0 1", "BUNDLE 1 0")(head) + bare + second) == ()
    assert {each.section for each in offer_problems(head + bare + second)} == {0}


@pytest.mark.parametrize("name", ["ice-ufrag", "ice-pwd"])
def test_a_bundled_section_borrows_both_ice_credentials_or_none(name: str) -> None:
    head, first, second = parts(OFFER)
    half = head + first + drop(f"a={name}:")(second)
    assert [(each.code, each.section) for each in offer_problems(half)] == [(f"sdp_no_{name.replace('-', '_')}", 1)]
    at_session = half.replace("a=group", f"a={name}:{'a' * 22}\r\na=group", 1)
    assert offer_problems(at_session) == ()


def test_a_section_that_only_lives_in_its_bundle_is_looked_at_as_a_live_one() -> None:
    assert codes(offer_problems(drop("a=group:")(bundle_only(OFFER)))) == [
        "sdp_no_rtcp_mux", "sdp_no_ice_ufrag", "sdp_no_ice_pwd", "sdp_no_fingerprint", "sdp_no_setup",
    ]  # fmt: skip


def test_an_attribute_without_a_value_is_as_good_as_none() -> None:
    for name in TRANSPORT:
        for empty in (f"a={name}:", f"a={name}"):
            emptied = swap(f"a={name}:.*?(?=\r)", empty, 1)(OFFER)
            assert codes(offer_problems(emptied)) == [f"sdp_no_{name.replace('-', '_')}"]


def test_a_bundle_may_name_the_mid_that_a_rejected_section_left_out() -> None:
    assert offer_problems(rejected(OFFER, 1)) == ()
    assert codes(offer_problems(swap("BUNDLE 0 1", "BUNDLE 0 7")(OFFER))) == ["sdp_bundle_unknown_mid"]


# --- what is refused, each by one small defect of a real description

AUDIO, VIDEO = line_of(OFFER, "m=audio"), line_of(OFFER, "m=video")
END = OFFER.count("\r\n")  # the number of the last line
CANDIDATE = line_of(OFFER, "a=candidate")
SETUP, SECOND_SETUP = (line_of(OFFER, "a=setup", nth) for nth in (0, 1))

# code, what is changed, and where it is found: the section's index, the line
DEFECTS: list[tuple[str, Change, int | None, int | None]] = [
    ("sdp_too_large", filled(65_537), None, 6713),
    ("sdp_too_large", swap("s=-", "s=" + "x" * 65_536), None, 3),
    ("sdp_lone_surrogate", swap("s=-", "s=\ud83d"), None, 3),
    ("sdp_lone_surrogate", swap("s=-", "s=\udfff"), None, 3),
    *(
        ("sdp_control_character", swap("s=-", f"s=-{each}m=video 9 RTP/AVP 0"), None, 3)
        for each in "\0\x01\x08\t\x0b\x0c\r\x0e\x1c\x1d\x1e\x1f\x7f\x80\x85\x9f\u2028\u2029"
    ),
    ("sdp_control_character", swap("s=-", "s=é\u2028"), None, 3),
    ("sdp_control_character", swap("\r\n", "\r\r\n", 1), None, 1),
    ("sdp_control_character", swap("\r\n", "\r"), None, 1),
    ("sdp_control_character", lambda text: text + "\r", None, END + 1),
    ("sdp_too_many_sections", sections(33), 32, END + 31),
    ("sdp_malformed_line", swap("a=sendrecv", "sendrecv", 1), 0, line_of(OFFER, "a=sendrecv")),
    ("sdp_malformed_line", swap("a=rtcp-rsize", "A=rtcp-rsize", 1), 0, line_of(OFFER, "a=rtcp-rsize")),
    *(
        ("sdp_malformed_line", swap("a=extmap-allow-mixed", each), None, 6)
        for each in ("", "=", "a", "a:", " a=b", "aa=b", "a =b", "`=b", "{=b", "é=b", "1=b")
    ),
    ("sdp_malformed_line", lambda text: text + "\r\n", 1, END + 1),
    ("sdp_malformed_line", lambda text: text + "x", 1, END + 1),
    ("sdp_malformed_line", swap("\r\nm=video", "\r\n\r\nm=video"), 0, VIDEO),
    *(
        ("sdp_malformed_attribute", swap("a=extmap-allow-mixed", each), None, 6)
        for each in ("a=", "a= b", "a=:", "a=:b", "a= :")
    ),
    ("sdp_unknown_line", swap("a=extmap-allow-mixed", "x=extmap-allow-mixed"), None, 6),
    ("sdp_unknown_line", lambda text: text + "y=\r\n", 1, END + 1),
    ("sdp_line_too_long", swap("s=-", "s=" + "x" * 16_383), None, 3),
    ("sdp_line_too_long", lambda text: text + "a=" + "é" * 8_191 + "x\r\n", 1, END + 1),
    ("sdp_line_too_long", swap("(?<=m=video)(.*)96", f" 9 UDP/TLS/RTP/SAVPF 96{' 97' * 6000}"), 1, VIDEO),
    ("sdp_line_too_long", lambda text: rejected(text, 0) + "a=" + "x" * 16_383, 1, END - VIDEO + AUDIO + 2),
    ("sdp_no_version", drop("v="), None, 1),
    ("sdp_no_version", swap("v=0", "v=1"), None, 1),
    ("sdp_no_version", swap("v=0", "v=00"), None, 1),
    ("sdp_no_origin", drop("o="), None, AUDIO - 2),
    ("sdp_no_session_name", drop("s="), None, AUDIO - 2),
    ("sdp_no_timing", drop("t="), None, AUDIO - 2),
    *(
        ("sdp_repeated_line", swap(f"(?m)^{line[0]}=.*\n", f"{line}\r\n{line}\r\n", 1), None, number)
        for number, line in ((2, "v=0"), (3, "o=- 1 1 IN IP4 0.0.0.0"), (4, "s=-"), (5, "t=0 0"))
    ),
    ("sdp_repeated_line", swap("c=IN", "i=x\r\ni=y\r\nc=IN", 1), 0, AUDIO + 2),
    ("sdp_line_order", swap("s=-\r\nt=0 0", "t=0 0\r\ns=-"), None, 4),
    ("sdp_line_order", swap("t=0 0\r\n(a=group[^\n]*)\n", "a=group:BUNDLE 0 1\r\nt=0 0\r\n"), None, 5),
    ("sdp_line_order", swap("s=-\r\n", "s=-\r\nb=AS:1\r\nc=IN IP4 0.0.0.0\r\n"), None, 5),
    *(("sdp_line_order", lambda text, line=line: text + line, 1, END + 1) for line in ("v=0", "t=0 0", "s=-", "u=x")),
    *(
        ("sdp_malformed_origin", swap("o=.*?(?=\r)", f"o={each}"), None, 2)
        for each in ("", "-", "- 1 1 IN IP4", "- 1 1 IN IP5 x", "- 1 1 OUT IP4 x", "a b 1 1 IN IP4 x", "- 1 IN IP4 x")
    ),
    *(
        ("sdp_malformed_connection", swap("c=IN IP4 127.0.0.1", f"c={each}", 1), 0, AUDIO + 1)
        for each in ("", "127.0.0.1", "IN IP4", "IN IP4 ", "IN 127.0.0.1", "IN IP4 0.0.0.0 x", "in ip4 0.0.0.0")
    ),
    ("sdp_malformed_connection", swap("t=0", "c=0\r\nt=0"), None, 4),
    *(
        ("sdp_malformed_timing", swap("t=0 0", f"t={each}"), None, 4)
        for each in ("", "0", "0 0 0", "now then", "-1 0", "0  0")
    ),
    ("sdp_no_media", lambda text: drop("a=group")(text[: text.index("m=")]), None, AUDIO - 2),
    *(
        ("sdp_malformed_media", swap("m=audio.*", each), 0, AUDIO)
        for each in (
            "m=", "m=audio", "m=audio 9", "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 UDP/TLS/RTP/SAVPF ",
            "m=audio nine UDP/TLS/RTP/SAVPF 0", "m=audio -9 UDP/TLS/RTP/SAVPF 0", "m=audio ² UDP/TLS/RTP/SAVPF 0",
            "m=audio 65536 UDP/TLS/RTP/SAVPF 0", "m=audio 000009 UDP/TLS/RTP/SAVPF 0",
            "m=audio 9/ UDP/TLS/RTP/SAVPF 0", "m=audio  9 UDP/TLS/RTP/SAVPF 0", "m= audio 9 UDP/TLS/RTP/SAVPF 0",
            f"m=audio {'9' * 5000} UDP/TLS/RTP/SAVPF 0", "m=audio\r\na=bundle-only",
        )
    ),
    *(
        ("sdp_unsupported_media", swap("m=video", each), 1, VIDEO)
        for each in ("m=text", "m=image", "m=message", "m=Video", "m=vide", "m=videos")
    ),
    ("sdp_unsupported_media", swap("m=video [0-9]+ ", "m=text 0 "), 1, VIDEO),
    *(
        ("sdp_unsupported_protocol", swap("(?<=m=audio )(.*)SAVPF", f"9 {each}"), 0, AUDIO)
        for each in (
            "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/AVPF", "UDP/BFCP", "udp/tls/rtp/savpf",
            "UDP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPFX", "TCP/RTP/SAVPF", "SCTP", "UDP", "UDP/DTLS/SCTP",
        )
    ),
    ("sdp_sdes", lambda text: text + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", 1, END + 1),
    *(
        ("sdp_malformed_payload_type", swap("(?<=SAVPF )111", each, 1), 0, AUDIO)
        for each in ("128", "opus", "-1", "011", "1.5", "\u0661", "999999")
    ),
    ("sdp_payload_type_twice", swap("a=rtpmap:0 PCMU", "a=rtpmap:111 PCMU"), 0, line_of(OFFER, "a=rtpmap:0 ")),
    ("sdp_no_rtcp_mux", both(alone, drop("a=rtcp-mux", 1)), 0, AUDIO - 1),
    *((f"sdp_no_{name.replace('-', '_')}", drop(f"a={name}:", 1), 0, AUDIO) for name in TRANSPORT),
    *(
        ("sdp_malformed_ice_ufrag", swap("a=ice-ufrag:.*?(?=\r)", f"a=ice-ufrag:{each}", 1), 0, CANDIDATE + 6)
        for each in ("abc", "a" * 257, "abc!", "ab cd", "abcé", "a:bcd", "٠١٢٣")
    ),
    *(
        ("sdp_malformed_ice_pwd", swap("a=ice-pwd:.*?(?=\r)", f"a=ice-pwd:{each}", 1), 0, CANDIDATE + 7)
        for each in ("a" * 21, "a" * 257, "a" * 22 + " ", "a" * 22 + '"')
    ),
    *(
        ("sdp_malformed_fingerprint", swap("a=fingerprint:.*?(?=\r)", f"a=fingerprint:{each}", 1), 0, SETUP - 1)
        for each in (
            "sha-256", "sha-256 ", "sha-256 " + "AB" * 32, "sha-256 " + ":".join(["AB"] * 31), "x",
            "sha-256 " + ":".join(["AB"] * 33), "sha-256 " + ":".join(["AG"] * 32), "sha-512 " + ":".join(["AB"] * 32),
            "sha-256  " + ":".join(["AB"] * 32), "sha-256 " + ":".join(["AB"] * 32) + " x", "AB:CD",
        )
    ),
    *(
        ("sdp_weak_fingerprint", swap("a=fingerprint:.*?(?=\r)", f"a=fingerprint:{each}", 1), 0, SETUP - 1)
        for each in (
            "sha-1 " + ":".join(["AB"] * 20), "md5 " + ":".join(["AB"] * 16), "sha-224 " + ":".join(["AB"] * 28),
            "sha-999 AB", "SHA-1 " + ":".join(["AB"] * 20),
        )
    ),
    ("sdp_malformed_setup", swap("a=setup:actpass", "a=setup:holdconn", 1), 0, SETUP),
    ("sdp_malformed_setup", swap("a=setup:actpass", "a=setup:ACTPASS", 1), 0, SETUP),
    ("sdp_offer_setup", swap("a=setup:actpass", "a=setup:active", 1), 0, SETUP),
    ("sdp_offer_setup", lambda text: "a=setup:passive".join(text.rsplit("a=setup:actpass", 1)), 1, SECOND_SETUP),
    ("sdp_malformed_mid", both(alone, swap("a=mid:0", "a=mid:")), 0, line_of(OFFER, "a=mid:0") - 1),
    ("sdp_malformed_mid", both(alone, swap("a=mid:0", "a=mid:a b")), 0, line_of(OFFER, "a=mid:0") - 1),
    ("sdp_repeated_mid", both(alone, swap("a=mid:1", "a=mid:0")), 1, line_of(OFFER, "a=mid:1") - 1),
    ("sdp_bundle_unknown_mid", swap("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 2"), None, 5),
    ("sdp_bundled_twice", swap("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 0"), None, 5),
    ("sdp_bundled_twice", swap("a=group:BUNDLE 0 1", "a=group:BUNDLE 0\r\na=group:BUNDLE 1 0"), None, 6),
    ("sdp_contradiction", swap("a=sendrecv", "a=recvonly\r\na=sendrecv", 1), 0, line_of(OFFER, "a=sendrecv") + 1),
    ("sdp_empty_session_name", swap("s=-", "s="), None, 3),
    ("sdp_contradiction", swap("a=mid:0", "a=mid:0\r\na=mid:0"), 0, line_of(OFFER, "a=mid:0") + 1),
    ("sdp_contradiction", swap("a=mid:0", "a=mid:0\r\na=mid:1"), 0, line_of(OFFER, "a=mid:0") + 1),
    ("sdp_contradiction", swap("a=setup:actpass", "a=setup:actpass\r\na=setup:active", 1), 0, SETUP + 1),
    ("sdp_contradiction", swap("a=group", "a=sendonly\r\na=recvonly\r\na=group"), None, 6),
    ("sdp_malformed_candidate", swap("a=candidate:.*?(?=\r)", "a=candidate:", 1), 0, CANDIDATE),
    ("sdp_candidate_port", lambda text: text + "a=candidate:1 1 udp 1 10.0.0.1 65536 typ host\r\n", 1, END + 1),
]  # fmt: skip

ANSWER_DEFECTS: list[tuple[str, Change, int | None, int | None]] = [
    (
        "sdp_section_count",
        lambda text: alone(text)[: alone(text).index("m=video")],
        None,
        line_of(ANSWER, "m=video") - 2,
    ),
    ("sdp_section_count", sections(3), 2, ANSWER.count("\r\n") + 1),
    ("sdp_section_kind", swap("m=audio", "m=video"), 0, line_of(ANSWER, "m=audio")),
    ("sdp_section_kind", lambda text: rejected(swap("m=video", "m=audio")(text), 1), 1, line_of(ANSWER, "m=video")),
    ("sdp_section_mid", both(alone, swap("a=mid:1", "a=mid:video")), 1, line_of(ANSWER, "a=mid:1") - 1),
    ("sdp_answer_setup", swap("a=setup:active", "a=setup:actpass", 1), 0, line_of(ANSWER, "a=setup")),
]


@pytest.mark.parametrize(("code", "change", "section", "line"), DEFECTS)
def test_a_defect_of_an_offer_is_the_first_and_only_one_named_and_where_it_is(
    code: str, change: Change, section: int | None, line: int | None
) -> None:
    found = offer_problems(change(OFFER), media="video")
    assert [(each.code, each.section, each.line) for each in found] == [(code, section, line)]


@pytest.mark.parametrize(("code", "change", "section", "line"), ANSWER_DEFECTS)
def test_a_defect_of_an_answer_to_its_offer_is_named(
    code: str, change: Change, section: int | None, line: int | None
) -> None:
    found = answer_problems(change(ANSWER), OFFER)
    assert [(each.code, each.section, each.line) for each in found] == [(code, section, line)]


@pytest.mark.parametrize(("code", "change"), {each[0]: each[1] for each in DEFECTS}.items())
def test_what_is_wrong_in_a_first_offer_is_wrong_in_an_answer_and_in_a_later_offer(code: str, change: Change) -> None:
    offer = OFFER if code not in {"sdp_no_media", "sdp_too_many_sections"} else change(OFFER)
    by_itself = code != "sdp_offer_setup"
    assert (code in codes(answer_problems(change(OFFER), offer))) is by_itself
    assert (code in codes(reoffer_problems(change(OFFER), None, CALLER))) is by_itself
    assert code in codes(reoffer_problems(change(OFFER), AGREED, CALLER))  # of a new peer connection


def test_every_code_begins_as_the_contract_says_and_stands_once() -> None:
    table = [rule.code for rules in sdp.TABLE.values() for rule in rules]
    assert len(table) == len(set(table))
    assert all(re.fullmatch("sdp_[a-z_]{3,30}", code) for code in table)
    assert set(table) == sdp.CODES


@pytest.mark.parametrize(
    "change",
    [
        filled(65_536),
        swap("s=-", "s=" + "x" * 16_382),
        lambda text: text + "a=" + "é" * 8_191 + "\r\n",
        sections(32),
    ],
    ids=["65,536 bytes", "a line of 16 KiB", "a line of 16 KiB in fewer characters", "32 sections"],
)
def test_a_limit_is_the_last_that_is_allowed(change: Change) -> None:
    assert offer_problems(change(OFFER)) == ()


@pytest.mark.parametrize(("many", "line"), [("m=\n" * 33, 33), ("\n" + "m=\n" * 33, 34), ("x\n" + "m=\n" * 99, 34)])
def test_more_than_32_sections_are_named_once_where_the_first_too_many_begins(many: str, line: int) -> None:
    (found,) = offer_problems(many)
    assert (found.code, found.section, found.line) == ("sdp_too_many_sections", 32, line)
    assert "sdp_too_many_sections" not in codes(offer_problems("m=\n" * 32))


@pytest.mark.parametrize("text", ["", "hello", "\r\n", "{}", "m=", "v=0", "v=0\r\n", ANSWER[4:], '{"type": "offer"}'])
def test_what_is_no_description_is_refused(text: str) -> None:
    assert offer_problems(text) != ()
    assert answer_problems(text, OFFER) != ()
    assert reoffer_problems(text, AGREED, CALLEE) != ()
    assert answer_problems(ANSWER, text if "m=" not in text else "m=") != ()


def test_every_defect_is_named_in_the_order_of_the_text() -> None:
    text = drop("a=fingerprint:|a=setup:|o=|a=group")(OFFER).replace("m=video", "video\r\nm=text")
    found = offer_problems(text)
    video = line_of(text, "m=text")
    assert [(each.code, each.section, each.line) for each in found] == [
        ("sdp_no_origin", None, 5),
        ("sdp_no_fingerprint", 0, 6),
        ("sdp_no_setup", 0, 6),
        ("sdp_malformed_line", 0, video - 1),
        ("sdp_unsupported_media", 1, video),
        ("sdp_no_fingerprint", 1, video),
        ("sdp_no_setup", 1, video),
    ]


def test_the_defects_of_an_answer_and_those_against_its_offer_come_in_the_order_of_the_text() -> None:
    assert codes(answer_problems(drop("a=setup:")(DATA_ANSWER), OFFER)) == ["sdp_no_setup"] * 3 + ["sdp_section_count"]


def test_a_text_whose_lines_depend_on_who_splits_it_is_not_read() -> None:
    hidden = drop("v=|a=setup:")(OFFER) + "a=x\u2028m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    assert codes(offer_problems(hidden)) == ["sdp_control_character"]
    assert codes(answer_problems(hidden, DATA_OFFER)) == ["sdp_control_character"]
    assert codes(reoffer_problems(hidden, AGREED, CALLER)) == ["sdp_control_character"]


def test_an_offer_that_nobody_can_read_still_gives_a_verdict_on_its_answer() -> None:
    assert codes(answer_problems(ANSWER, "\ud800\0\u2028")) == ["sdp_section_count"]


def test_one_rule_is_told_a_hundred_times_at_most() -> None:
    assert Counter(codes(offer_problems(OFFER + "x\n" * 1000))) == {"sdp_malformed_line": FOUND_MAX}
    assert Counter(codes(offer_problems(OFFER + "a=candidate:\n" * 1000))) == {"sdp_malformed_candidate": FOUND_MAX}


# --- transport at session level


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("sdp_offer_setup", swap("a=setup:actpass", "a=setup:active")),
        ("sdp_malformed_setup", swap("a=setup:actpass", "a=setup:holdconn")),
        ("sdp_malformed_ice_ufrag", swap("a=ice-ufrag:.*?(?=\r)", "a=ice-ufrag:x")),
        ("sdp_malformed_ice_pwd", swap("a=ice-pwd:.*?(?=\r)", "a=ice-pwd:x")),
        ("sdp_weak_fingerprint", swap("a=fingerprint:sha-256 .{36}", "a=fingerprint:sha-1 ")),
        ("sdp_malformed_fingerprint", swap("a=fingerprint:sha-256 .{36}", "a=fingerprint:sha-256 ")),
    ],
)
def test_what_is_wrong_at_session_level_is_told_once_and_there(code: str, change: Change) -> None:
    found = offer_problems(change(at_session_level(OFFER)))
    assert [(each.code, each.section) for each in found] == [(code, None)]
    assert found[0].line is not None
    assert found[0].line < AUDIO + 4


def test_where_nothing_lives_nothing_of_the_session_s_transport_counts() -> None:
    bare = rejected(rejected(swap("a=setup:actpass", "a=setup:holdconn")(at_session_level(OFFER)), 0), 1)
    assert offer_problems(bare) == ()


def test_a_section_s_own_transport_counts_more_than_the_session_s() -> None:
    weak = f"a=fingerprint:sha-1 {':'.join(['AB'] * 20)}\r\na=setup:passive\r\n"
    assert offer_problems(OFFER.replace("m=audio", weak + "m=audio", 1)) == ()


# --- the kind of call


def test_an_audio_call_begins_without_video_and_may_add_it_later() -> None:
    assert codes(offer_problems(OFFER, media="audio")) == ["sdp_video_in_audio_call"]
    assert offer_problems(OFFER, media="audio")[0].section == 1
    assert codes(offer_problems(bundle_only(OFFER), media="audio")) == ["sdp_video_in_audio_call"]
    assert offer_problems(rejected(OFFER, 1), media="audio") == ()
    assert offer_problems(captured("firefox/dc-full.offer.sdp"), media="audio") == ()
    assert offer_problems(OFFER) == ()
    assert reoffer_problems(new_connection(REOFFER), AGREED, CALLER) == ()


# --- answers


def answering(offered: str, answered: str) -> list[str]:
    offer = swap("a=sendrecv", f"a={offered}", 1)(OFFER)
    return codes(answer_problems(swap("a=sendrecv", f"a={answered}", 1)(ANSWER), offer))


@pytest.mark.parametrize("offered", ["sendrecv", "sendonly", "recvonly", "inactive"])
def test_an_answer_sends_what_was_asked_for_and_receives_what_is_sent(offered: str) -> None:
    accepted = {
        answered for answered in ("sendrecv", "sendonly", "recvonly", "inactive") if not answering(offered, answered)
    }
    assert (
        accepted
        == {
            "sendrecv": {"sendrecv", "sendonly", "recvonly", "inactive"},
            "sendonly": {"recvonly", "inactive"},
            "recvonly": {"sendonly", "inactive"},
            "inactive": {"inactive"},
        }[offered]
    )


def test_a_direction_not_chosen_is_told_where_it_stands_or_where_its_section_begins() -> None:
    offer = swap("a=sendrecv", "a=recvonly", 1)(OFFER)
    (found,) = answer_problems(ANSWER, offer)
    assert (found.code, found.line) == ("sdp_answer_direction", line_of(ANSWER, "a=sendrecv"))
    (found,) = answer_problems(drop("a=sendrecv", 1)(ANSWER), offer)  # which says sendrecv by saying nothing
    assert (found.code, found.line) == ("sdp_answer_direction", line_of(ANSWER, "m=audio"))
    at_session = drop("a=sendrecv", 1)(ANSWER).replace("a=group", "a=sendonly\r\na=group", 1)
    assert answer_problems(at_session, offer) == ()


def test_directions_are_a_matter_of_audio_and_video_that_live() -> None:
    data = DATA_OFFER.index("m=application")
    offer = DATA_OFFER[:data] + swap("a=sendrecv", "a=inactive")(DATA_OFFER[data:])
    assert answer_problems(DATA_ANSWER, offer) == ()
    assert answer_problems(rejected(ANSWER, 1), swap("a=sendrecv", "a=inactive")(rejected(OFFER, 1))[:0] + OFFER) == ()


def test_a_section_that_the_offer_rejects_stays_rejected() -> None:
    found = answer_problems(ANSWER, rejected(OFFER, 1))
    assert [(each.code, each.section) for each in found] == [("sdp_section_not_offered", 1)]
    assert answer_problems(rejected(ANSWER, 1), rejected(OFFER, 1)) == ()
    assert answer_problems(ANSWER, bundle_only(OFFER)) == ()


def test_a_mid_that_one_side_leaves_out_is_no_other_one() -> None:
    bare = drop("a=mid:|a=group:")
    assert answer_problems(bare(ANSWER), OFFER) == ()
    assert answer_problems(ANSWER, bare(OFFER)) == ()


@pytest.mark.parametrize(("offered", "answered", "expected"), [
    ("active", "active", ["sdp_answer_role"] * 2), ("passive", "passive", ["sdp_answer_role"] * 2),
    ("active", "passive", []), ("passive", "active", []), ("actpass", "active", []), ("actpass", "passive", []),
])  # fmt: skip
def test_one_side_is_active_and_the_other_passive(offered: str, answered: str, expected: list[str]) -> None:
    offer = swap("a=setup:actpass", f"a=setup:{offered}")(OFFER)
    assert codes(answer_problems(swap("a=setup:active", f"a=setup:{answered}")(ANSWER), offer)) == expected


def test_the_same_role_at_session_level_is_told_once() -> None:
    offer = swap("a=setup:actpass", "a=setup:active")(OFFER)
    found = answer_problems(at_session_level(ANSWER), offer)
    assert [(each.code, each.section) for each in found] == [("sdp_answer_role", None)]
    assert answer_problems(rejected(rejected(ANSWER, 0), 1), offer) == ()


# --- later offers: those that go on


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda text: renewed("ice-pwd", renewed("ice-ufrag", text)),  # an ICE restart
        only_where_the_bundle_starts,
        drop("a=candidate"),
        swap("a=mid:1", "a=mid:1"),
        lambda text: rejected(text, 1),
        lambda text: text + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:2\r\na=rtcp-mux\r\n" + section_transport(text),
        swap("a=sendrecv", "a=inactive"),
        swap("o=- [0-9]+", "o=- 1"),  # the id decides nothing
        swap("a=fingerprint", f"a=fingerprint:sha-512 {':'.join(['AB'] * 64)}\r\na=fingerprint"),
        drop("a=mid:|a=group:"),
        swap("a=setup:actpass", "a=setup:passive"),  # the role of the side that offered and was answered "active"
        lambda text: rejected(rejected(text, 0), 1),
    ],
)
def test_a_re_offer_may_go_on_like_this(change: Change) -> None:
    assert reoffer_problems(change(FIRST_OFFER), AGREED, CALLER) == ()


def section_transport(text: str) -> str:
    return "".join(re.findall(r"(?m)^a=(?:ice-ufrag|ice-pwd|fingerprint|setup):[^\n]*\n", parts(text)[1]))


@pytest.mark.parametrize(
    ("code", "change", "places"),
    [
        ("sdp_section_removed", lambda text: alone("".join(parts(text)[:2])), [(None, VIDEO - 2)]),
        ("sdp_section_removed", lambda text: alone(parts(text)[0] + parts(text)[2]), None),
        ("sdp_section_replaced", lambda text: "".join([parts(text)[0], *parts(text)[:0:-1]]), None),
        ("sdp_section_replaced", both(alone, swap("a=mid:1", "a=mid:2")), None),
        ("sdp_reoffer_setup", swap("a=setup:actpass", "a=setup:active", 1), None),
        ("sdp_half_ice_restart", lambda text: renewed("ice-ufrag", text), None),
        ("sdp_half_ice_restart", lambda text: renewed("ice-pwd", text), None),
        ("sdp_half_new_connection", lambda text: renewed("fingerprint", text), None),
        ("sdp_half_new_connection", lambda text: renewed("ice-ufrag", renewed("fingerprint", text)), None),
    ],
)
def test_a_re_offer_may_not_go_on_like_this(
    code: str, change: Change, places: list[tuple[int | None, int | None]] | None
) -> None:
    found = reoffer_problems(change(FIRST_OFFER), AGREED, CALLER)
    assert code in codes(found)
    assert set(codes(found)) <= {code, "sdp_half_ice_restart"}
    assert places is None or [(each.section, each.line) for each in found] == places


def test_the_other_side_goes_on_with_what_it_answered() -> None:
    answered = swap("a=setup:active", "a=setup:actpass")(FIRST_ANSWER)
    assert reoffer_problems(answered, AGREED, CALLEE) == ()
    assert reoffer_problems(FIRST_ANSWER, AGREED, CALLEE) == ()  # it is the active side
    passive = swap("a=setup:active", "a=setup:passive")(FIRST_ANSWER)
    assert codes(reoffer_problems(passive, AGREED, CALLEE)) == ["sdp_reoffer_setup"] * 2


def test_a_place_that_was_rejected_may_be_used_again_for_something_else() -> None:
    agreed = agree(rejected(FIRST_OFFER, 1), CALLER, rejected(FIRST_ANSWER, 1))
    recycled = swap("BUNDLE 0 1", "BUNDLE 0 2")(FIRST_OFFER).replace("a=mid:1", "a=mid:2").replace("m=video", "m=audio")
    assert reoffer_problems(recycled, agreed, CALLER) == ()
    refused_by_the_answer = agree(FIRST_OFFER, CALLER, rejected(FIRST_ANSWER, 1))
    assert reoffer_problems(recycled, refused_by_the_answer, CALLER) == ()


# --- later offers: those that start anew


def test_new_fingerprints_with_new_ice_credentials_are_a_new_peer_connection() -> None:
    fresh = new_connection(FIRST_OFFER)
    assert reoffer_problems(fresh, AGREED, CALLER) == ()
    shorter = alone("".join(parts(fresh)[:2]))
    assert reoffer_problems(shorter, AGREED, CALLER) == ()
    passive = swap("a=setup:actpass", "a=setup:passive")(fresh)
    assert codes(reoffer_problems(passive, AGREED, CALLER)) == ["sdp_offer_setup"] * 2


def test_what_the_other_side_is_known_by_does_not_count() -> None:
    assert reoffer_problems(FIRST_OFFER, AGREED, CALLEE) == ()
    assert codes(reoffer_problems(alone("".join(parts(FIRST_OFFER)[:2])), AGREED, CALLEE)) == []


def test_what_was_agreed_is_what_offer_and_answer_say() -> None:
    agreed = agree(FIRST_OFFER, CALLEE, FIRST_ANSWER)
    assert agreed.sections == (sdp.AgreedSection("audio", "0", live=True), sdp.AgreedSection("video", "1", live=True))
    assert agreed.party(CALLEE).roles == {"passive"}
    assert agreed.party(CALLER).roles == {"active"}
    for party, text in ((agreed.party(CALLEE), FIRST_OFFER), (agreed.party(CALLER), FIRST_ANSWER)):
        assert party.ufrags == set(re.findall("a=ice-ufrag:(.*?)\r", text))
        assert party.pwds == set(re.findall("a=ice-pwd:(.*?)\r", text))
        assert party.fingerprints == {each.lower() for each in re.findall("a=fingerprint:(.*?)\r", text)}
    without = agree(drop("a=mid:|a=group:")(FIRST_OFFER), CALLER, rejected(FIRST_ANSWER, 0))
    assert [(each.mid, each.live) for each in without.sections] == [("", False), ("1", True)]


def test_fingerprints_are_the_same_in_small_and_in_large_letters() -> None:
    small = re.sub("(?<=a=fingerprint:).*?(?=\r)", lambda found: found[0].lower(), FIRST_OFFER)
    assert reoffer_problems(alone("".join(parts(small)[:2])), AGREED, CALLER) != ()


def test_a_later_offer_is_checked_by_itself_where_nobody_knows_what_was_agreed() -> None:
    assert reoffer_problems(FIRST_OFFER, None, CALLER) == ()
    for setup in ("active", "passive"):
        assert reoffer_problems(swap("a=setup:actpass", f"a=setup:{setup}")(FIRST_OFFER), None, CALLER) == ()
    assert codes(reoffer_problems(drop("a=ice-pwd")(FIRST_OFFER), None, CALLER)) == ["sdp_no_ice_pwd"] * 2


# --- tests/sdp/bad


def test_the_bad_files_are_derived_from_captured_ones_one_for_every_rule() -> None:
    assert set(BROKEN) | set(BROKEN_BATCHES) >= sdp.CODES
    assert {path.name: path.read_bytes() for path in BAD.iterdir()} == files()


@pytest.mark.parametrize("code", BROKEN)
def test_a_bad_file_has_one_defect_and_that_is_the_one_in_its_name(code: str) -> None:
    bad = BROKEN[code]
    assert codes(verdict_on_bad(code).problems) == [code]
    assert (BAD / f"{code}.{bad.kind}.sdp").is_file()


def verdict_on_bad(code: str, warn_only: frozenset[str] = frozenset()) -> sdp.Verdict:
    bad = BROKEN[code]
    if bad.kind == "reoffer":
        return reoffer_verdict(bad.text(), AGREED, CALLER, warn_only=warn_only)
    if bad.kind == "answer":
        offer = ANSWERED[code].text() if code in ANSWERED else captured(bad.base.replace(".answer.", ".offer."))
        return answer_verdict(bad.text(), offer, warn_only=warn_only)
    media = "audio" if code == "sdp_video_in_audio_call" else "video"
    return offer_verdict(bad.text(), media=media, warn_only=warn_only)


# --- warnings


@pytest.mark.parametrize("code", BROKEN)
def test_any_check_can_be_turned_into_a_warning(code: str) -> None:
    verdict = verdict_on_bad(code, frozenset({code}))
    assert verdict.problems == ()
    assert codes(verdict.warnings) == [code]


def test_a_warning_leaves_every_other_check_as_it_is() -> None:
    both_missing = drop("a=setup:|a=ice-pwd:")(OFFER)
    verdict = offer_verdict(both_missing, warn_only={"sdp_no_setup"})
    assert codes(verdict.problems) == ["sdp_no_ice_pwd"] * 2
    assert codes(verdict.warnings) == ["sdp_no_setup"] * 2
    assert verdict.problems == offer_problems(both_missing, warn_only={"sdp_no_setup"})


def test_a_text_that_only_warns_is_read() -> None:
    text = drop("a=setup:")(swap("s=-", "s=\x01")(OFFER))
    assert codes(offer_problems(text, warn_only={"sdp_control_character"})) == ["sdp_no_setup"] * 2
    assert codes(offer_problems(text, warn_only={"sdp_no_setup"})) == ["sdp_control_character"]


# --- what a developer reads


def test_a_message_says_where_and_what() -> None:
    (found,) = offer_problems(drop("a=ice-pwd:", 1)(OFFER))
    assert found.message == (
        "m-section 0, line 8: "
        "No a=ice-pwd with a value in this section, at session level or where its BUNDLE group starts."
    )
    (found,) = offer_problems(drop("o=")(OFFER))
    assert found.message == "line 6: No o= line before the first m= line."


@pytest.mark.parametrize("rule", [rule for rules in sdp.TABLE.values() for rule in rules], ids=lambda rule: rule.code)
def test_every_rule_has_a_sentence_and_its_source(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Za-z].{15,240}\.", rule.sentence)
    assert "|" not in rule.sentence.replace("IP4|IP6", "")
    source = r"(RFC \d{4}( [\d.]+( and [\d.]+)?)?|SPEC [\d.]+|W3C WebRTC [\d.]+)"
    assert re.fullmatch(f"{source}(, {source})*", rule.source)


# --- any text at all

SENTENCES = {rule.code: rule.sentence for rules in sdp.TABLE.values() for rule in rules}
PIECES = sorted({line[:60] for name in OFFERS[::9] + ANSWERS[::9] for line in captured(name).split("\r\n")})

any_text = st.text(st.characters(codec=None))
any_line = st.sampled_from(PIECES) | any_text
any_lines = st.lists(any_line, max_size=30).map("\r\n".join)
any_wounded = st.builds(
    lambda text, start, length, between: text[:start] + between + text[start + length :],
    st.sampled_from([OFFER, ANSWER, DATA_OFFER, DATA_ANSWER]), st.integers(0, 4000), st.integers(0, 200), any_text,
)  # fmt: skip
any_sdp = any_text | any_lines | any_wounded
any_warnings = st.just(frozenset[str]()) | st.frozensets(st.sampled_from(sorted(sdp.CODES))) | st.just(sdp.CODES)


def verdict_stands(verdict: sdp.Verdict, text: str, warn_only: frozenset[str]) -> None:
    lines = text.count("\n") + 1
    for found in (verdict.problems, verdict.warnings):
        assert [each.line or 0 for each in found] == sorted(each.line or 0 for each in found)
    assert warn_only.isdisjoint(codes(verdict.problems))
    assert warn_only.issuperset(codes(verdict.warnings))
    for each in verdict.problems + verdict.warnings:
        section = "" if each.section is None else f"m-section {each.section}, "
        # A number or two and a sentence of ours: nothing that stood in the text.
        assert each.message == f"{section}line {each.line}: {SENTENCES[each.code]}"
        assert each.line is not None
        assert 1 <= each.line <= lines
        assert each.section is None or 0 <= each.section < lines


@given(any_sdp, any_warnings)
@settings(max_examples=100, deadline=None)
@example("\ud800" * 70_000, frozenset())
@example("\ud800" * 70_000, sdp.CODES)
@example("m=" * 10, frozenset())
def test_any_text_gives_a_verdict_that_quotes_nothing(text: str, warn_only: frozenset[str]) -> None:
    verdict_stands(offer_verdict(text, media="audio", warn_only=warn_only), text, warn_only)


@given(any_sdp, any_sdp, any_warnings)
@settings(max_examples=100, deadline=None)
def test_any_answer_to_any_offer_gives_a_verdict_that_quotes_nothing(
    text: str, offer: str, warn_only: frozenset[str]
) -> None:
    verdict_stands(answer_verdict(text, offer, warn_only=warn_only), text, warn_only)


@given(any_sdp, any_sdp, any_sdp, st.sampled_from([CALLER, CALLEE]), any_warnings)
@settings(max_examples=100, deadline=None)
def test_any_later_offer_after_anything_gives_a_verdict_that_quotes_nothing(
    text: str, offer: str, answer: str, by: Actor, warn_only: frozenset[str]
) -> None:
    verdict_stands(reoffer_verdict(text, agree(offer, CALLER, answer), by, warn_only=warn_only), text, warn_only)


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_time_for_a_verdict_grows_as_the_text_does_whatever_it_is_made_of(shape: str) -> None:
    everything = sdp.CODES  # so that nothing is left unread

    def seconds(size: int) -> float:
        text = HOSTILE[shape](size)
        agreed = agree(text, CALLER, text)
        times = []
        for _ in range(3):
            started = time.process_time()
            offer_verdict(text, media="audio", warn_only=everything)
            answer_verdict(text, text, warn_only=everything)
            reoffer_verdict(text, agreed, CALLER, warn_only=everything)
            times.append(time.process_time() - started)
        return min(times)

    # Eight times the text: eight times the time where it is linear, 64 times where it is square.
    assert seconds(32_768) < 25 * max(seconds(4_096), 0.0004)


@pytest.mark.parametrize("name", ["chromium/av-full.offer.sdp", "chromium/twovideo-full.offer.sdp"])
def test_a_verdict_takes_a_small_multiple_of_the_text_in_memory(name: str) -> None:
    text = captured(name)
    offer_problems(text)
    tracemalloc.start()
    try:
        assert offer_problems(text) == ()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * len(text)


def test_a_problem_is_told_by_its_rule() -> None:
    (found,) = offer_problems(drop("o=")(OFFER))
    assert replace(found, message="") == Problem("sdp_no_origin", "", None, 6)
