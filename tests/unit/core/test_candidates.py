"""core/candidates.py. What real engines send is in tests/sdp, as it was captured."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.descriptions import BAD, BROKEN_BATCHES, CORPUS, captured
from webrtc_lite.core import candidates
from webrtc_lite.core.candidates import BATCH_MAX, Candidate, Trickled, parse, read_batch
from webrtc_lite.core.defects import Problem, Rule

FILES = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.candidates.json") if path.parent != BAD)
HOST = "candidate:1 1 udp 2122260223 10.0.0.4 54021 typ host"
UUID = "5a3ba1c2-91ac-4ac7-b7c4-5a4d5f1d6a52"


def code(line: str) -> str | None:
    found = parse(line)
    return found.code if isinstance(found, Problem) else None


@pytest.mark.parametrize("name", FILES)
def test_every_captured_candidate_is_read(name: str) -> None:
    sent = [each for side in json.loads(captured(name)).values() for each in side]
    batches = [sent[start : start + BATCH_MAX] for start in range(0, len(sent), BATCH_MAX)]
    found = [each for batch in batches for each in read_batch(batch)]
    assert [each for each in found if isinstance(each, Problem)] == []
    assert len(found) == len(sent)


def test_a_candidate_is_read_whole() -> None:
    line = (
        "a=candidate:4 2 TCP 1685987071 2001:db8::4 9 typ srflx generation 0 rport 54021 tcptype active "
        "ufrag QM8y raddr 0.0.0.0 network-cost 50"
    )
    assert parse(line) == Candidate(
        foundation="4",
        component=2,
        transport="tcp",
        priority=1_685_987_071,
        address="2001:db8::4",
        port=9,
        kind="srflx",
        related=("0.0.0.0", 54_021),
        tcp_type="active",
        extensions=(
            ("generation", "0"), ("rport", "54021"), ("tcptype", "active"), ("ufrag", "QM8y"), ("raddr", "0.0.0.0"),
            ("network-cost", "50"),
        ),
    )  # fmt: skip


def test_one_without_more_says_nothing_more() -> None:
    found = parse(HOST)
    assert isinstance(found, Candidate)
    assert (found.related, found.tcp_type, found.extensions) == (None, None, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("candidate:1", "candidate:" + "+/aZ09=#_-" * 3 + "zz"),
        (" 1 udp", " 256 udp"),
        (" udp ", " UDP "),
        ("2122260223", "1"),
        ("2122260223", "2147483647"),
        ("10.0.0.4", "255.255.255.254"),
        ("10.0.0.4", "::1"),
        ("10.0.0.4", "fe80::1%eth0"),
        ("10.0.0.4", "::ffff:10.0.0.4"),
        ("10.0.0.4", f"{UUID}.local"),
        ("10.0.0.4", "turn-1.example.com."),
        ("10.0.0.4", "relay_1"),
        ("10.0.0.4", ".".join(["a" * 63] * 3)),
        ("54021", "1"),
        ("54021", "65535"),
        ("udp 2122260223 10.0.0.4 54021 typ host", "tcp 1 10.0.0.4 9 typ host tcptype active"),
        ("udp 2122260223 10.0.0.4 54021 typ host", "TCP 1 10.0.0.4 0 typ host tcptype active"),
        ("udp 2122260223 10.0.0.4 54021 typ host", "tcp 1 10.0.0.4 5 typ host generation 0 tcptype passive"),
        ("udp 2122260223 10.0.0.4 54021 typ host", "tcp 1 10.0.0.4 5 typ host tcptype so"),
        ("host", "srflx raddr 0.0.0.0 rport 0"),
        ("host", "prflx raddr :: rport 9"),
        ("host", f"relay raddr {UUID}.local rport 65535"),
        ("host", "relay"),  # privacy: libdatachannel and servers leave it out
        ("host", "host x-new 1 y-new 2"),
        (" typ", "  typ"),
        ("host", "host "),
    ],
)
def test_what_an_engine_may_write_is_read(old: str, new: str) -> None:
    assert code(HOST.replace(old, new)) is None


@pytest.mark.parametrize(
    ("expected", "old", "new"),
    [
        *(("sdp_malformed_candidate", HOST, each) for each in ("", "x", "candidate", "candidate:", HOST[:-5])),
        ("sdp_malformed_candidate", " typ", ""),
        ("sdp_malformed_candidate", "typ", "TYP"),
        ("sdp_malformed_candidate", "1 udp", "udp"),
        ("sdp_malformed_candidate", " ", "\u00a0"),
        ("sdp_candidate_foundation", "candidate:1", "candidate:"),
        ("sdp_candidate_foundation", "candidate:1", "candidate:" + "a" * 33),
        ("sdp_candidate_foundation", "candidate:1", "candidate:é"),
        *(("sdp_candidate_component", " 1 udp", f" {each} udp") for each in ("0", "257", "one", "-1", "1.0", "٣")),
        *(("sdp_candidate_transport", " udp ", f" {each} ") for each in ("sctp", "ssltcp", "tls", "u")),
        *(("sdp_candidate_tcptype", " udp ", f" {each} ") for each in ("tcp", "TCP")),
        ("sdp_candidate_tcptype", "udp 2122260223 10.0.0.4 54021 typ host", "tcp 1 10.0.0.4 9 typ host tcptype x"),
        *(("sdp_candidate_priority", "2122260223", each) for each in ("0", "2147483648", "-1", "x", "9" * 5000)),
        *(
            ("sdp_candidate_address", "10.0.0.4", each)
            for each in (
                "10.0.0", "10.0.0.256", "010.0.0.4", "10.0.0.4.", "1", "0x7f.1", "a.1", ":", "::g", "fe80::1%", "[::1]",
                "-a.example", "a-.example", "a..b", ".", "é.example", "a" * 64, ".".join(["a" * 63] * 4), "@", "a/b",
            )
        ),
        *(
            ("sdp_candidate_unusable_address", "10.0.0.4", each)
            for each in (
                "0.0.0.0", "::", "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::fb", "ff00::",
                "::ffff:0.0.0.0",
                "::ffff:224.0.0.251", "::ffff:255.255.255.255", "0:0:0:0:0:0:0:0",
            )
        ),
        *(("sdp_candidate_port", "54021", each) for each in ("0", "65536", "-1", "x", "1e3", "٣")),
        ("sdp_candidate_port", "udp 2122260223 10.0.0.4 54021 typ host", "tcp 1 a.b 65536 typ host tcptype so"),
        *(("sdp_candidate_type", "typ host", f"typ {each}") for each in ("local", "HOST", "hos")),
        ("sdp_candidate_extension", "host", "host generation"),
        ("sdp_candidate_extension", "host", "host generation 0 ufrag"),
        *(
            ("sdp_candidate_related", "host", f"srflx {each}")
            for each in ("raddr 10.0.0.4", "rport 9", "raddr x. rport 65536", "raddr ] rport 9", "raddr :: rport x")
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_candidate_is_named(expected: str, old: str, new: str) -> None:
    assert old in HOST
    assert code(HOST.replace(old, new)) == expected


def test_the_first_rule_that_is_broken_is_the_one_that_is_named() -> None:
    assert code("candidate: 0 x 0 :: 0 typ x y") == "sdp_candidate_foundation"


# --- batches


def entry(**changed: object) -> dict[str, Any]:
    return {"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "QM8y"} | changed


def batch_codes(batch: object) -> list[str | None]:
    return [each.code if isinstance(each, Problem) else None for each in read_batch(batch)]


def test_a_batch_is_read_in_its_order() -> None:
    found = read_batch([entry(), entry(candidate="", sdpMid=None, sdpMLineIndex=None)])
    assert found == (Trickled(parse(HOST), "0", 0, "QM8y"), Trickled(None, None, None, "QM8y"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"usernameFragment": None}, {"sdpMid": None}, {"sdpMLineIndex": None}, {"sdpMLineIndex": 31}, {"more": 1},
        {"candidate": "", "sdpMid": None, "sdpMLineIndex": None}, {"candidate": "a=end-of-candidates"},
        {"candidate": "end-of-candidates"}, {"candidate": "candidate:"}, {"candidate": HOST + " a é" + "é" * 483},
    ],
)  # fmt: skip
def test_what_a_client_may_send_is_read(changed: dict[str, object]) -> None:
    assert batch_codes([entry(**changed)]) == [None]


def test_what_a_client_may_leave_out_is_null() -> None:
    assert batch_codes([{"candidate": HOST, "sdpMLineIndex": 0}, {"candidate": HOST, "sdpMid": ""}]) == [None, None]


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        *(("sdp_candidate_entry", {"candidate": each}) for each in (None, 1, b"", ["x"])),
        *(("sdp_candidate_entry", {"sdpMLineIndex": each}) for each in (-1, 32, True, "0", 0.0)),
        ("sdp_candidate_entry", {"sdpMid": 0}),
        ("sdp_candidate_entry", {"usernameFragment": 0}),
        ("sdp_candidate_too_long", {"candidate": HOST + " a é" + "é" * 484}),
        ("sdp_candidate_too_long", {"candidate": "\ud800" * 342}),
        ("sdp_candidate_nowhere", {"sdpMid": None, "sdpMLineIndex": None}),
        ("sdp_candidate_port", {"candidate": HOST.replace("54021", "0")}),
    ],
)
def test_what_is_wrong_in_a_batch_is_named_with_its_place(expected: str, changed: dict[str, object]) -> None:
    good, found = read_batch([entry(), entry(**changed)])
    assert isinstance(good, Trickled)
    assert isinstance(found, Problem)
    assert (found.code, found.line, found.message[:8]) == (expected, 2, "line 2: ")


@pytest.mark.parametrize("entries", [None, {}, "x", b"x", 7, [], [entry()] * 21])
def test_a_document_holds_one_to_twenty(entries: object) -> None:
    assert batch_codes(entries) == ["sdp_candidate_batch"]
    assert batch_codes([entry()] * 20) == [None] * 20


@pytest.mark.parametrize("each", [None, 1, "x", ["x"]])
def test_what_is_no_map_is_no_candidate(each: object) -> None:
    assert batch_codes([each]) == ["sdp_candidate_entry"]


@pytest.mark.parametrize("name", BROKEN_BATCHES)
def test_a_bad_batch_has_the_defect_in_its_name(name: str) -> None:
    assert batch_codes(json.loads(captured(f"bad/{name}.candidates.json"))) == [name]


# --- anything at all

SENTENCES = {rule.code: rule.sentence for rule in (candidates.MALFORMED, *candidates.RULES, *candidates.BATCH_RULES)}
any_word = st.sampled_from([*HOST.split(), "raddr", "rport", "tcptype", "tcp", "::", "a=", ""]) | st.text(max_size=5)
any_line = st.lists(any_word, max_size=14).map(" ".join) | st.text(st.characters(codec=None))
any_value = st.none() | st.booleans() | st.integers() | any_line
any_entry = st.dictionaries(st.sampled_from(sorted(entry())), any_value) | any_value


@given(any_line)
@settings(max_examples=300, deadline=None)
def test_any_line_is_a_candidate_or_a_named_problem_that_quotes_nothing(line: str) -> None:
    found = parse(line)
    if isinstance(found, Problem):
        assert found == Problem(found.code, SENTENCES[found.code])
    else:
        assert parse(replace(found).address and line) == found


@given(st.lists(any_entry, max_size=22) | any_value)
@settings(max_examples=200, deadline=None)
def test_any_batch_gives_an_answer_for_each_of_its_entries(entries: object) -> None:
    found = read_batch(entries)
    assert found
    assert all(each.code in SENTENCES for each in found if isinstance(each, Problem))


def test_every_rule_of_a_batch_has_its_bad_file() -> None:
    rules: tuple[Rule, ...] = candidates.BATCH_RULES
    assert {rule.code for rule in rules} == set(BROKEN_BATCHES)
