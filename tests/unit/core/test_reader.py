"""core/reader.py."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.descriptions import OFFER, captured
from webrtc_lite.core.reader import Attribute, read


@pytest.mark.parametrize("name", ["aiortc", "chromium", "firefox", "wrtc"])
def test_the_reader_loses_no_line_and_changes_none(name: str) -> None:
    text = captured(f"{name}/av-dc-full.offer.sdp")
    description = read(text)
    lines = [line for part in description.parts for line in part.lines]
    assert "".join(f"{line}\r\n" for line in lines) == text
    assert "".join(part.types for part in description.parts) == "".join(line[0] for line in lines)
    assert [part.first for part in description.parts] == [
        1, *(number for number, line in enumerate(lines, 1) if line.startswith("m="))
    ]  # fmt: skip
    assert description.last == len(lines)


def test_a_section_is_read_as_what_its_media_line_says() -> None:
    (section,) = read(
        "v=0\nm=audio 9/2 UDP/TLS/RTP/SAVPF 111 0\na=mid:x:y\na=mid:z\na=rtcp-mux\na=ice-ufrag:\n"
    ).sections
    assert (section.index, section.kind, section.port, section.proto) == (0, "audio", 9, "UDP/TLS/RTP/SAVPF")
    assert (section.formats, section.mid, section.live) == ("111 0", "x:y", True)
    assert section.every("mid") == [Attribute(3, "x:y"), Attribute(4, "z")]
    assert section.values("mid") == ["x:y", "z"]
    assert (section.has("rtcp-mux"), section.has("rtcp"), section.has("setup")) == (True, False, False)
    assert [section.value(name) for name in ("mid", "rtcp-mux", "ice-ufrag", "setup")] == ["x:y", "", "", ""]
    assert section.every("setup") == []
    assert section.repeated == {"a=mid"}
    assert section.names({"setup": "a=setup", "mid": "a=mid"}) == ["mid"]


@pytest.mark.parametrize("line", ["m=audio", "m=audio 65536 UDP/TLS/RTP/SAVPF 0", "m=audio 9 UDP/TLS/RTP/SAVPF "])
def test_a_media_line_of_another_form_is_a_section_without_a_kind_that_does_not_live(line: str) -> None:
    (section,) = read(f"{line}\na=bundle-only\n").sections
    assert (section.kind, section.port, section.proto, section.formats, section.live) == ("", 0, "", "", False)


@pytest.mark.parametrize(("port", "more", "live"), [("9", "", True), ("0", "", False), ("0", "a=bundle-only\n", True)])
def test_port_0_is_a_rejected_section_unless_it_lives_in_its_bundle(port: str, more: str, live: bool) -> None:  # noqa: FBT001
    description = read(f"m=audio {port} UDP/TLS/RTP/SAVPF 0\n{more}")
    assert [section.live for section in description.sections] == [live]
    assert len(description.live) == live


def test_a_line_without_a_type_keeps_its_place() -> None:
    description = read("v=0\n\nA=x\nm=audio 9 UDP/TLS/RTP/SAVPF 0\nx\n")
    assert [part.types for part in description.parts] == ["v--", "m-"]


def test_nothing_at_all_is_a_session_without_lines() -> None:
    description = read("")
    assert (description.session.lines, description.sections, description.last) == ([], [], 1)
    assert read("m=x").session.lines == []


def test_where_a_transport_attribute_counts() -> None:
    description = read(
        "a=group:LS 0 1\na=group:BUNDLE\na=group:BUNDLE 1 2\na=setup:actpass\n"
        "m=audio 9 x 0\na=mid:0\na=setup:passive\nm=audio 9 x 0\na=mid:1\na=ice-pwd:x\nm=audio 9 x 0\na=mid:2\n"
    )
    session, (zero, one, two) = description.session, description.sections
    assert [description.stating(each, "setup") for each in (zero, one, two)] == [zero, session, session]
    assert [description.stating(each, "ice-pwd") for each in (zero, one, two)] == [None, one, one]
    assert description.bundles == [(2, []), (3, ["1", "2"])]


def test_a_bundle_that_starts_with_an_unknown_mid_lends_nothing() -> None:
    assert read("a=group:BUNDLE 7 0\nm=audio 9 x 0\na=mid:0\n").leaders == {}


@given(st.text(st.sampled_from("m=a:\r\n 0\u2028\x0b\x85v")) | st.text(st.characters(codec=None)))
@settings(max_examples=200, deadline=None)
def test_lines_end_at_crlf_and_lf_and_nowhere_else(text: str) -> None:
    lines = re.split("\r\n|\n", text)
    assert [line for part in read(text).parts for line in part.lines] == (lines if lines[-1] else lines[:-1])


def test_the_text_that_was_read_is_kept_as_it_is() -> None:
    assert read(OFFER).text is OFFER
