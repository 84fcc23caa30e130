"""core/sdp.py. What real engines send is in tests/sdp, byte for byte as it was captured."""

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webrtc_lite.core import sdp
from webrtc_lite.core.sdp import Problem, answer_problems, offer_problems, read

CORPUS = Path(__file__).resolve().parents[2] / "sdp"
OFFERS = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.offer.sdp"))
ANSWERS = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.answer.sdp"))
RE_OFFERS = [name for name in OFFERS if name.replace(".offer.", ".initial.offer.") in OFFERS]
ENGINES = {"aiortc": 44, "chromium": 62, "chromium-mdns": 14, "firefox": 60, "firefox-mdns": 10, "wrtc": 60}


def captured(name: str) -> str:
    return (CORPUS / name).read_bytes().decode()


OFFER = captured("chromium/av-full.offer.sdp")
ANSWER = captured("chromium/av-full.answer.sdp")
DATA_OFFER = captured("firefox/av-dc-full.offer.sdp")
DATA_ANSWER = captured("firefox/av-dc-full.answer.sdp")
TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")

Change = Callable[[str], str]


def drop(pattern: str, count: int = 0) -> Change:
    """Without the lines that start with the pattern: the first `count`, or all."""
    return swap(rf"(?m)^(?:{pattern})[^\n]*\n", "", count)


def swap(pattern: str, new: str, count: int = 0) -> Change:
    def changed(text: str) -> str:
        result, changes = re.subn(pattern, lambda _: new, text, count=count)
        assert changes, f"{pattern} stands nowhere"
        return result

    return changed


def line_of(text: str, start: str, nth: int = 0) -> int:
    return [number for number, line in enumerate(text.split("\r\n"), 1) if line.startswith(start)][nth]


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


# --- what real engines send


def test_the_corpus_has_what_was_captured_of_every_engine() -> None:
    assert Counter(name.partition("/")[0] for name in OFFERS + ANSWERS) == ENGINES
    assert len(RE_OFFERS) == 17


@pytest.mark.parametrize("engine", ENGINES)
def test_every_captured_offer_is_accepted_the_first_and_the_later_ones(engine: str) -> None:
    offers = {name: captured(name) for name in OFFERS if name.startswith(f"{engine}/")}
    assert {name: found for name, text in offers.items() if (found := offer_problems(text))} == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_captured_answer_is_accepted_as_one_to_its_offer(engine: str) -> None:
    pairs = {
        name: (captured(name), captured(name.replace(".answer.", ".offer.")))
        for name in ANSWERS
        if name.startswith(f"{engine}/")
    }
    assert {name: found for name, pair in pairs.items() if (found := answer_problems(*pair))} == {}


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
    first, second, rest = re.split(r"(?m)^(?=m=)", text, maxsplit=2)
    return first + second + drop("|".join(f"a={name}:" for name in TRANSPORT))(rest)


def rejected(text: str, index: int) -> str:
    """A section as bare as the grammar lets it be."""
    head, *sections = re.split(r"(?m)^(?=m=)", text)
    kind = sections[index].split(" ")[0]
    return head + "".join([*sections[:index], f"{kind} 0 UDP/TLS/RTP/SAVPF 0\r\n", *sections[index + 1 :]])


def bundle_only(text: str) -> str:
    head, first, second = re.split(r"(?m)^(?=m=)", only_where_the_bundle_starts(text), maxsplit=2)
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
        swap("a=mid:", "a=unheard-of\r\na=unheard-of:\r\na=unheard-of: of any form ☎ \r\na=mid:"),
        swap("c=IN", "i=the lobby\r\nc=IN"),
        swap("s=-", "s= "),
        swap("s=-", "s=Büro 会议 😀"),
        drop("a=group:|a=mid:"),
        swap("a=group:BUNDLE 0 1", "a=group:BUNDLE"),
        swap("a=group:BUNDLE 0 1", "a=group:LS 0 1\r\na=group:BUNDLE 1\r\na=group:BUNDLE 0"),
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
        alone = swap("a=group:BUNDLE 0 1", other)(borrowed)
        assert (f"sdp_no_{name.replace('-', '_')}", 1) in [(each.code, each.section) for each in offer_problems(alone)]


def test_the_bundle_starts_with_the_mid_that_it_names_first_wherever_that_section_stands() -> None:
    head, first, second = re.split(r"(?m)^(?=m=)", OFFER)
    bare = drop("|".join(f"a={name}:" for name in TRANSPORT))(first)
    assert offer_problems(swap("BUNDLE 0 1", "BUNDLE 1 0")(head) + bare + second) == ()
    assert {each.section for each in offer_problems(head + bare + second)} == {0}


def test_a_section_that_only_lives_in_its_bundle_is_looked_at_as_a_live_one() -> None:
    assert codes(offer_problems(drop("a=group:")(bundle_only(OFFER)))) == [
        "sdp_no_ice_ufrag", "sdp_no_ice_pwd", "sdp_no_fingerprint", "sdp_no_setup",
    ]  # fmt: skip


def test_an_attribute_without_a_value_is_as_good_as_none() -> None:
    assert codes(offer_problems(swap("a=setup:actpass", "a=setup:", 1)(OFFER))) == ["sdp_no_setup"]
    assert codes(offer_problems(swap("a=setup:actpass", "a=setup", 1)(OFFER))) == ["sdp_no_setup"]


# --- what is refused, each by one small defect of a real description


def filled(size: int) -> Change:
    """Up to that many bytes, in more bytes than characters."""

    def changed(text: str) -> str:
        lines, rest = divmod(size - len(text), len("a=filé\r\n".encode()))
        return text.replace("s=-", "s=-" + "x" * rest) + "a=filé\r\n" * lines

    return changed


def sections(number: int) -> Change:
    """That many, with rejected ones at the end."""
    return lambda text: text + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n" * (number - text.count("\r\nm="))


AUDIO, VIDEO = line_of(OFFER, "m=audio"), line_of(OFFER, "m=video")
END = OFFER.count("\r\n")  # the number of the last line

# code, what is changed, and where it is found: the section's index, the line
DEFECTS: list[tuple[str, Change, int | None, int | None]] = [
    ("sdp_too_large", filled(65_537), None, None),
    ("sdp_too_large", filled(1_000_000), None, None),
    ("sdp_lone_surrogate", swap("s=-", "s=\ud83d"), None, 3),
    ("sdp_lone_surrogate", swap("s=-", "s=\udfff"), None, 3),
    *(
        ("sdp_control_character", swap("s=-", f"s=-{each}m=video 9 RTP/AVP 0"), None, 3)
        for each in "\0\x01\x08\t\x0b\x0c\r\x0e\x1c\x1d\x1e\x1f\x7f\x80\x85\x9f\u2028\u2029"
    ),
    ("sdp_control_character", swap("\r\n", "\r\r\n", 1), None, 1),
    ("sdp_control_character", swap("\r\n", "\r"), None, 1),
    ("sdp_control_character", lambda text: text + "\r", None, END + 1),
    ("sdp_malformed_line", swap("a=mid:0", "mid:0"), 0, line_of(OFFER, "a=mid:0")),
    ("sdp_malformed_line", swap("a=rtcp-rsize", "A=rtcp-rsize", 1), 0, line_of(OFFER, "a=rtcp-rsize")),
    *(
        ("sdp_malformed_line", swap("a=extmap-allow-mixed", each), None, 6)
        for each in ("", "=", "a", "a:", " a=b", "aa=b", "a =b", "`=b", "{=b", "é=b", "1=b")
    ),
    ("sdp_malformed_line", lambda text: text + "\r\n", 1, END + 1),
    ("sdp_malformed_line", lambda text: text + "x", 1, END + 1),
    ("sdp_malformed_line", swap("\r\nm=video", "\r\n\r\nm=video"), 0, VIDEO),
    ("sdp_line_too_long", swap("s=-", "s=" + "x" * 16_383), None, 3),
    ("sdp_line_too_long", lambda text: text + "a=" + "é" * 8_191 + "x\r\n", 1, END + 1),
    ("sdp_line_too_long", swap("(?<=m=video)(.*)96", f" 9 UDP/TLS/RTP/SAVPF 96{' 97' * 6000}"), 1, VIDEO),
    ("sdp_line_too_long", lambda text: rejected(text, 0) + "a=" + "x" * 16_383, 1, END - VIDEO + AUDIO + 2),
    ("sdp_no_version", drop("v="), None, 1),
    ("sdp_no_version", swap("v=0", "v=1"), None, 1),
    ("sdp_no_version", swap("v=0", "v=00"), None, 1),
    ("sdp_no_version", lambda text: drop("v=")(text) + "v=0\r\n", None, 1),
    ("sdp_no_origin", drop("o="), None, None),
    ("sdp_no_origin", lambda text: drop("o=")(text) + "o=- 1 1 IN IP4 0.0.0.0\r\n", None, None),
    ("sdp_no_session_name", drop("s="), None, None),
    ("sdp_no_timing", drop("t="), None, None),
    ("sdp_no_media", lambda text: text[: text.index("m=")], None, None),
    ("sdp_too_many_sections", sections(33), 32, END + 31),
    *(
        ("sdp_malformed_media", swap("m=audio.*", each), 0, AUDIO)
        for each in (
            "m=", "m=audio", "m=audio 9", "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 UDP/TLS/RTP/SAVPF ",
            "m=audio nine UDP/TLS/RTP/SAVPF 0", "m=audio -9 UDP/TLS/RTP/SAVPF 0", "m=audio ² UDP/TLS/RTP/SAVPF 0",
            "m=audio 65536 UDP/TLS/RTP/SAVPF 0", "m=audio 000009 UDP/TLS/RTP/SAVPF 0",
            "m=audio 9/ UDP/TLS/RTP/SAVPF 0", "m=audio  9 UDP/TLS/RTP/SAVPF 0", "m= audio 9 UDP/TLS/RTP/SAVPF 0",
            f"m=audio {'9' * 5000} UDP/TLS/RTP/SAVPF 0",
        )
    ),
    ("sdp_malformed_media", swap("m=audio.*", "m=audio\r\na=bundle-only"), 0, AUDIO),
    *(
        ("sdp_unsupported_media", swap("m=video", each), 1, VIDEO)
        for each in ("m=text", "m=image", "m=message", "m=Video", "m=vide", "m=videos")
    ),
    ("sdp_unsupported_media", swap("m=video [0-9]+ ", "m=text 0 "), 1, VIDEO),
    *(
        ("sdp_unsupported_protocol", swap("(?<=m=audio )(.*)SAVPF", f"9 {each}"), 0, AUDIO)
        for each in (
            "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/AVPF", "UDP/BFCP", "udp/tls/rtp/savpf",
            "UDP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPFX", "TCP/RTP/SAVPF", "SCTP", "UDP",
        )
    ),
    *((f"sdp_no_{name.replace('-', '_')}", drop(f"a={name}:", 1), 0, AUDIO) for name in TRANSPORT),
]  # fmt: skip

ANSWER_DEFECTS: list[tuple[str, Change, int | None, int | None]] = [
    ("sdp_section_count", lambda text: text[: text.index("m=video")], None, None),
    ("sdp_section_count", lambda text: text[: text.index("m=audio")] + text[text.index("m=video") :], None, None),
    ("sdp_section_count", sections(3), None, None),
    ("sdp_section_kind", swap("m=audio", "m=video"), 0, line_of(ANSWER, "m=audio")),
    ("sdp_section_kind", lambda text: rejected(swap("m=video", "m=audio")(text), 1), 1, line_of(ANSWER, "m=video")),
]


@pytest.mark.parametrize(("code", "change", "section", "line"), DEFECTS)
def test_a_defect_of_an_offer_is_the_first_and_only_one_named_and_where_it_is(
    code: str, change: Change, section: int | None, line: int | None
) -> None:
    found = offer_problems(change(OFFER))
    assert [(each.code, each.section, each.line) for each in found] == [(code, section, line)]


@pytest.mark.parametrize(("code", "change", "section", "line"), ANSWER_DEFECTS)
def test_a_defect_of_an_answer_to_its_offer_is_named(
    code: str, change: Change, section: int | None, line: int | None
) -> None:
    found = answer_problems(change(ANSWER), OFFER)
    assert [(each.code, each.section, each.line) for each in found] == [(code, section, line)]


@pytest.mark.parametrize(("code", "change"), {each[0]: each[1] for each in DEFECTS}.items())
def test_what_is_wrong_in_an_offer_is_wrong_in_an_answer(code: str, change: Change) -> None:
    offer = OFFER if code not in {"sdp_no_media", "sdp_too_many_sections"} else change(OFFER)
    assert code in codes(answer_problems(change(OFFER), offer))


def test_every_code_has_its_defect_and_begins_as_the_contract_says() -> None:
    table = [rule.code for rules in (sdp.TEXT_RULES, sdp.RULES, sdp.ANSWER_RULES) for rule in rules]
    assert set(table) == {each[0] for each in DEFECTS + ANSWER_DEFECTS}
    assert len(table) == len(set(table))
    assert all(code.startswith("sdp_") for code in table)


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


def test_more_than_32_sections_are_named_once_where_the_first_too_many_begins() -> None:
    many = sections(40)(OFFER)
    (found,) = offer_problems(many)
    assert (found.section, found.line) == (32, line_of(many, "m=", 32))


@pytest.mark.parametrize("text", ["", "hello", "\r\n", "{}", "m=", "v=0", "v=0\r\n", ANSWER[4:], '{"type": "offer"}'])
def test_what_is_no_description_is_refused(text: str) -> None:
    assert offer_problems(text) != ()
    assert answer_problems(text, OFFER) != ()
    assert answer_problems(ANSWER, text if "m=" not in text else "m=") != ()


def test_every_defect_is_named_and_the_gravest_is_the_first() -> None:
    text = drop("a=fingerprint:|a=setup:|o=|a=mid:1")(OFFER).replace("m=video", "video\r\nm=text")
    found = offer_problems(text)
    assert [(each.code, each.section) for each in found] == [
        ("sdp_malformed_line", 0),
        ("sdp_no_origin", None),
        ("sdp_unsupported_media", 1),
        ("sdp_no_fingerprint", 0),
        ("sdp_no_fingerprint", 1),
        ("sdp_no_setup", 0),
        ("sdp_no_setup", 1),
    ]


def test_the_defects_of_an_answer_itself_come_before_those_against_the_offer() -> None:
    assert codes(answer_problems(drop("a=setup:")(DATA_ANSWER), OFFER)) == ["sdp_no_setup"] * 3 + ["sdp_section_count"]


def test_a_text_whose_lines_depend_on_who_splits_it_is_not_read() -> None:
    hidden = drop("v=|a=setup:")(OFFER) + "a=x\u2028m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    assert codes(offer_problems(hidden)) == ["sdp_control_character"]
    assert codes(answer_problems(hidden, DATA_OFFER)) == ["sdp_control_character"]


def test_an_offer_that_nobody_can_read_still_gives_a_verdict_on_its_answer() -> None:
    assert codes(answer_problems(ANSWER, "\ud800\0\u2028")) == ["sdp_section_count"]


# --- what a developer reads


def test_a_message_says_where_and_what() -> None:
    (found,) = offer_problems(drop("a=ice-pwd:", 1)(OFFER))
    assert found.message == (
        "m-section 0, line 8: "
        "No a=ice-pwd with a value in this section, at session level or where its BUNDLE group starts."
    )
    (found,) = offer_problems(drop("o=")(OFFER))
    assert found.message == "No o= line before the first m= line."
    found = offer_problems(swap("s=-", "session")(OFFER))[0]
    assert found.message.startswith("line 3: Not of the form <type>=<value>: ")


@pytest.mark.parametrize("rule", [*sdp.TEXT_RULES, *sdp.RULES, *sdp.ANSWER_RULES], ids=lambda rule: rule.code)
def test_every_rule_has_a_sentence_and_its_source(rule: sdp.Rule[str]) -> None:
    assert re.fullmatch(r"[A-Z].{20,200}\.", rule.sentence)
    assert re.fullmatch(r"(RFC \d{4}|SPEC) [\d.]+( and \d+)?", rule.source)


# --- any text at all

SENTENCES = {rule.code: rule.sentence for rules in (sdp.TEXT_RULES, sdp.RULES, sdp.ANSWER_RULES) for rule in rules}
PIECES = sorted({line[:60] for name in OFFERS[::9] + ANSWERS[::9] for line in captured(name).split("\r\n")})

any_text = st.text(st.characters(codec=None))
any_line = st.sampled_from(PIECES) | any_text
any_lines = st.lists(any_line, max_size=30).map("\r\n".join)
any_wounded = st.builds(
    lambda text, start, length, between: text[:start] + between + text[start + length :],
    st.sampled_from([OFFER, ANSWER, DATA_OFFER, DATA_ANSWER]), st.integers(0, 4000), st.integers(0, 200), any_text,
)  # fmt: skip
any_sdp = any_text | any_lines | any_wounded


def verdict_stands(problems: tuple[Problem, ...], text: str) -> None:
    lines = text.count("\n") + 1
    for each in problems:
        section = "" if each.section is None else f"m-section {each.section}"
        line = "" if each.line is None else f"line {each.line}"
        where = ", ".join(part for part in (section, line) if part)
        # A number or two and a sentence of ours: nothing that stood in the text.
        assert each.message == (f"{where}: " if where else "") + SENTENCES[each.code]
        assert each.line is None or 1 <= each.line <= lines
        assert each.section is None or 0 <= each.section < lines


@given(any_sdp)
@settings(max_examples=100, deadline=None)
@example("\ud800" * 70_000)
@example("m=" * 10)
def test_any_text_gives_a_verdict_that_quotes_nothing(text: str) -> None:
    verdict_stands(offer_problems(text), text)


@given(any_sdp, any_sdp)
@settings(max_examples=100, deadline=None)
def test_any_answer_to_any_offer_gives_a_verdict_that_quotes_nothing(text: str, offer: str) -> None:
    verdict_stands(answer_problems(text, offer), text)


HOSTILE: dict[str, Callable[[int], str]] = {
    "blank lines": lambda size: "\n" * size,
    "sections of nothing": lambda size: "m=\n" * (size // 3),
    "sections": lambda size: "m=a 1 b c\n" * (size // 10),
    "attributes": lambda size: "a=b\n" * (size // 4),
    "line ends of nobody": lambda size: "\r" * size,
    "one m= line": lambda size: "m=a 1" + " 1" * (size // 2),
    "spaces": lambda size: "m=a 1 b" + " " * size,
    "digits": lambda size: "m=a " + "1" * size,
    "a crowd in one bundle": lambda size: "a=group:BUNDLE" + " 0" * (size // 4) + "\nm=a 1 b c\na=mid:0" * (size // 36),
    "bundles of one": lambda size: "a=group:BUNDLE 0\n" * (size // 34) + "m=a 1 b c\na=mid:0\n" * (size // 36),
    "a leader that says nothing": lambda size: (
        "a=group:BUNDLE 0\nm=a 1 b c\na=mid:0\n" + "a=setup:\n" * (size // 18) + "m=a 1 b c\na=mid:0\n" * (size // 36)
    ),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_time_for_a_verdict_grows_as_the_text_does_whatever_it_is_made_of(shape: str) -> None:
    def seconds(size: int) -> float:
        text = HOSTILE[shape](size)
        times = []
        for _ in range(3):
            started = time.process_time()
            offer_problems(text)
            times.append(time.process_time() - started)
        return min(times)

    # Eight times the text: eight times the time where it is linear, 64 times where it is square.
    assert seconds(8_192) < 25 * max(seconds(1_024), 0.0002)


# --- the reader


@pytest.mark.parametrize("name", ["aiortc", "chromium", "firefox", "wrtc"])
def test_the_reader_loses_no_line_and_changes_none(name: str) -> None:
    text = captured(f"{name}/av-dc-full.offer.sdp")
    description = read(text)
    parts = [description.session, *description.sections]
    assert "".join(f"{line.text}\r\n" for line in description.lines) == text
    assert tuple(line for part in parts for line in part.lines) == description.lines
    assert [line.number for line in description.lines] == list(range(1, text.count("\r\n") + 1))


def test_a_section_is_read_as_what_its_media_line_says() -> None:
    (section,) = read(
        "v=0\nm=audio 9/2 UDP/TLS/RTP/SAVPF 111 0\na=mid:x:y\na=mid:z\na=rtcp-mux\na=ice-ufrag:\n"
    ).sections
    assert (section.index, section.kind, section.port, section.proto) == (0, "audio", 9, "UDP/TLS/RTP/SAVPF")
    assert section.formats == ("111", "0")
    assert [line.text for line in section.attributes["mid"]] == ["a=mid:x:y", "a=mid:z"]
    assert list(section.attributes) == ["mid", "rtcp-mux", "ice-ufrag"]
    assert [section.value(name) for name in ("mid", "rtcp-mux", "ice-ufrag", "setup")] == ["x:y", "", "", ""]


@given(any_sdp)
@settings(max_examples=50, deadline=None)
def test_lines_end_at_crlf_and_lf_and_nowhere_else(text: str) -> None:
    lines = re.split("\r\n|\n", text)
    assert [line.text for line in read(text).lines] == (lines if lines[-1] else lines[:-1])
