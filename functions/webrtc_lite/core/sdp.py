"""Whether a description is one that a WebRTC engine can work with (SPEC section 4). This cut looks at its structure.

A reader takes the text apart and interprets nothing. Over it go rules, listed in tables: a code, a sentence, a source
and a function that finds the places where the rule is broken. Adding a rule is adding one function and its row. What is
found is a place and nothing else, so no message can quote a candidate, an address or a fingerprint.

Every step is linear in the text, and any str gives a verdict.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import NamedTuple

SIZE_MAX = 65_536  # bytes of UTF-8 (SPEC 3.1); the largest that was seen from a real engine has 16,997
LINE_MAX = 16_384  # bytes of UTF-8 without the line end
SECTIONS_MAX = 32

KINDS = frozenset({"audio", "video", "application"})

# RFC 8829 5.1.2 would have RTP/AVP and RTP/SAVPF taken for DTLS as well: the engines of today name what they mean.
DTLS = frozenset(
    {f"{transport}/RTP/{profile}" for transport in ("UDP/TLS", "TCP/TLS", "TCP/DTLS") for profile in ("SAVPF", "SAVP")}
    | {"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"}
    | {"DTLS/SCTP"}  # what draft-ietf-mmusic-sctp-sdp called it before RFC 8841
)

PORT_MAX = 65_535
MEDIA = re.compile(r"m=([^ ]+) ([0-9]{1,5})(?:/[0-9]+)? ([^ ]+) ([^ ].*)")  # RFC 8866 5.14

# All that some program somewhere ends a line at, and what else does not print. An m= line behind U+2028 is hidden from
# whoever splits at CRLF and LF, and is a section for whoever uses str.splitlines().
CONTROL_CHARACTER = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Problem:
    code: str
    message: str
    section: int | None = None  # index of the m-section, as in sdpMLineIndex
    line: int | None = None  # from 1, as editors count


class Place(NamedTuple):
    section: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        section = None if self.section is None else f"m-section {self.section}"
        line = None if self.line is None else f"line {self.line}"
        return ", ".join(filter(None, (section, line)))


# --- the reader


class Line(NamedTuple):
    number: int
    letter: str  # the type; empty where the line is not `<type>=<value>`
    text: str


@dataclass(frozen=True)
class Part:
    """The lines before the first m= line."""

    lines: tuple[Line, ...]

    @cached_property
    def attributes(self) -> Mapping[str, Sequence[Line]]:
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.letter == "a":
                name = line.text[2:].partition(":")[0]
                found.setdefault(name, []).append(line)
        return found

    def value(self, name: str) -> str:
        """What the attribute says where it first stands; empty if it says nothing, or stands nowhere."""
        return self.attributes[name][0].text.partition(":")[2] if name in self.attributes else ""


@dataclass(frozen=True)
class Section(Part):
    """An m= line and the lines that follow it; without a kind if the m= line has not the form of one."""

    index: int
    kind: str
    port: int
    proto: str
    formats: tuple[str, ...]

    @property
    def place(self) -> Place:
        return Place(self.index, self.lines[0].number)

    @property
    def live(self) -> bool:
        """Port 0 is a section rejected or stopped (RFC 3264 6), or one that only lives in its bundle (RFC 9143 6)."""
        return self.port != 0 or ("bundle-only" in self.attributes and self.kind != "")


@dataclass(frozen=True)
class Description:
    lines: tuple[Line, ...]
    session: Part
    sections: tuple[Section, ...]

    def place(self, line: Line) -> Place:
        """A line's own place; the m-section is the last one that has begun by then."""
        begun = bisect_right(self.sections, line.number, key=lambda section: section.lines[0].number)
        return Place(begun - 1 if begun else None, line.number)

    @cached_property
    def leaders(self) -> Mapping[str, Section]:
        """By mid, the section that its BUNDLE group starts with."""
        named = {section.value("mid"): section for section in self.sections}
        groups = [group.text.split() for group in self.session.attributes.get("group", ())]
        return {
            mid: named[mids[0]]
            for semantics, *mids in groups
            if semantics == "a=group:BUNDLE" and mids and mids[0] in named
            for mid in mids
        }


def read(text: str) -> Description:
    texts = text.replace("\r\n", "\n").split("\n")
    if not texts[-1]:  # what follows the last line end
        texts.pop()
    letters = [each[0] if each[1:2] == "=" and "a" <= each[0] <= "z" else "" for each in texts]
    lines = tuple(map(Line, count(1), letters, texts))
    starts = [index for index, line in enumerate(lines) if line.letter == "m"]
    session_end, *ends = [*starts, len(lines)]
    return Description(
        lines,
        Part(lines[:session_end]),
        tuple(_section(index, lines[start:end]) for index, (start, end) in enumerate(zip(starts, ends, strict=True))),
    )


def _section(index: int, lines: tuple[Line, ...]) -> Section:
    media = MEDIA.fullmatch(lines[0].text)
    if media is None or int(media[2]) > PORT_MAX:
        return Section(lines, index, kind="", port=0, proto="", formats=())
    kind, port, proto, formats = media.groups()
    return Section(lines, index, kind, int(port), proto, tuple(formats.split()))


# --- the rules


@dataclass(frozen=True)
class Rule[*Subjects]:
    code: str
    sentence: str
    source: str
    find: Callable[[*Subjects], Iterator[Place]]

    def problems(self, *subjects: *Subjects) -> Iterator[Problem]:
        for place in self.find(*subjects):
            where = str(place)
            yield Problem(self.code, f"{where}: {self.sentence}" if where else self.sentence, *place)


def _larger_than_a_document_takes(text: str) -> Iterator[Place]:
    if len(text.encode(errors="surrogatepass")) > SIZE_MAX:
        yield Place()


def _half_characters(text: str) -> Iterator[Place]:
    try:
        text.encode()
    except UnicodeEncodeError as refused:
        yield _place(text, refused.start)


def _control_characters(text: str) -> Iterator[Place]:
    joined = text.replace("\r\n", "\n")
    found = CONTROL_CHARACTER.search(joined)
    if found is not None:
        yield _place(joined, found.start())


def _place(text: str, position: int) -> Place:
    return Place(line=text[:position].count("\n") + 1)


def _malformed_lines(description: Description) -> Iterator[Place]:
    for line in description.lines:
        if not line.letter:
            yield description.place(line)


def _long_lines(description: Description) -> Iterator[Place]:
    for line in description.lines:
        if len(line.text.encode()) > LINE_MAX:
            yield description.place(line)


def _another_first_line(description: Description) -> Iterator[Place]:
    if [line.text for line in description.lines[:1]] != ["v=0"]:
        yield Place(line=1)


def _without(letter: str, description: Description) -> Iterator[Place]:
    if all(line.letter != letter for line in description.session.lines):
        yield Place()


def _without_sections(description: Description) -> Iterator[Place]:
    if not description.sections:
        yield Place()


def _more_sections_than_allowed(description: Description) -> Iterator[Place]:
    if len(description.sections) > SECTIONS_MAX:
        yield description.sections[SECTIONS_MAX].place


def _malformed_sections(description: Description) -> Iterator[Place]:
    for section in description.sections:
        if not section.kind:
            yield section.place


def _other_kinds(description: Description) -> Iterator[Place]:
    for section in description.sections:
        if section.kind and section.kind not in KINDS:
            yield section.place


def _other_protocols(description: Description) -> Iterator[Place]:
    for section in description.sections:
        if section.live and section.proto not in DTLS:
            yield section.place


def _lacking(name: str, description: Description) -> Iterator[Place]:
    """Live sections for which a transport attribute stands nowhere that counts.

    It may stand in the section, at session level (Firefox, Pion, libdatachannel, servers with ICE-lite) or, for a
    bundled section, in the one whose transport it shares (RFC 9143 7.1.3).
    """
    for section in description.sections:
        leader = description.leaders.get(section.value("mid"), section)
        if section.live and not any(part.value(name) for part in (section, description.session, leader)):
            yield section.place


def _another_number_of_sections(answer: Description, offer: Description) -> Iterator[Place]:
    if len(answer.sections) != len(offer.sections):
        yield Place()


def _another_kind_than_offered(answer: Description, offer: Description) -> Iterator[Place]:
    """Where the number differs as well, every later section would be another one: the number says it all."""
    if len(answer.sections) == len(offer.sections):
        for section in answer.sections:
            if section.kind != offer.sections[section.index].kind:
                yield section.place


# A text with one of these is not read: what lines it has depends on who splits it.
TEXT_RULES: tuple[Rule[str], ...] = (
    Rule(
        "sdp_too_large",
        f"The description is larger than {SIZE_MAX} bytes of UTF-8. Leave out codecs that are not used, and send "
        "candidates one by one instead of inside it.",
        "SPEC 3.1",
        _larger_than_a_document_takes,
    ),
    Rule(
        "sdp_lone_surrogate",
        "Half of a UTF-16 pair stands here, so the description is not UTF-8. Send it as the engine made it.",
        "RFC 8866 5",
        _half_characters,
    ),
    Rule(
        "sdp_control_character",
        "A control character or a separator other than CRLF or LF stands here. Send the description as the engine made "
        "it, with its line ends.",
        "RFC 8866 5 and 9",
        _control_characters,
    ),
)

RULES: tuple[Rule[Description], ...] = (
    Rule(
        "sdp_malformed_line",
        "Not of the form <type>=<value>: a small letter, an equals sign, a value. Blank lines are not allowed either.",
        "RFC 8866 5",
        _malformed_lines,
    ),
    Rule(
        "sdp_line_too_long",
        f"Longer than {LINE_MAX} bytes of UTF-8. No engine writes such a line.",
        "SPEC 4",
        _long_lines,
    ),
    Rule(
        "sdp_no_version",
        "A description starts with the line v=0. Send the sdp of an RTCSessionDescription, whole and not as JSON.",
        "RFC 8866 5.1",
        _another_first_line,
    ),
    Rule("sdp_no_origin", "No o= line before the first m= line.", "RFC 8866 5.2", partial(_without, "o")),
    Rule("sdp_no_session_name", "No s= line before the first m= line.", "RFC 8866 5.3", partial(_without, "s")),
    Rule("sdp_no_timing", "No t= line before the first m= line.", "RFC 8866 5.9", partial(_without, "t")),
    Rule(
        "sdp_no_media",
        "No m= line: nothing is offered. Add a track, a transceiver or a data channel before the description is made.",
        "RFC 8866 5.14",
        _without_sections,
    ),
    Rule(
        "sdp_too_many_sections",
        f"More than {SECTIONS_MAX} m= lines. Use stopped transceivers again instead of adding new ones.",
        "SPEC 4",
        _more_sections_than_allowed,
    ),
    Rule(
        "sdp_malformed_media",
        "Not of the form m=<media> <port> <proto> <fmt> ..., with a port up to 65535 and at least one format.",
        "RFC 8866 5.14",
        _malformed_sections,
    ),
    Rule(
        "sdp_unsupported_media",
        "A media kind other than audio, video and application.",
        "RFC 8829 5.1.2",
        _other_kinds,
    ),
    Rule(
        "sdp_unsupported_protocol",
        "A protocol without DTLS. WebRTC has UDP/TLS/RTP/SAVPF for audio and video, and UDP/DTLS/SCTP for data.",
        "RFC 8827 6.5",
        _other_protocols,
    ),
    Rule(
        "sdp_no_ice_ufrag",
        "No a=ice-ufrag with a value in this section, at session level or where its BUNDLE group starts.",
        "RFC 8839 5.4",
        partial(_lacking, "ice-ufrag"),
    ),
    Rule(
        "sdp_no_ice_pwd",
        "No a=ice-pwd with a value in this section, at session level or where its BUNDLE group starts.",
        "RFC 8839 5.4",
        partial(_lacking, "ice-pwd"),
    ),
    Rule(
        "sdp_no_fingerprint",
        "No a=fingerprint with a value in this section, at session level or where its BUNDLE group starts: without it "
        "nobody knows with whom DTLS is spoken.",
        "RFC 8122 5",
        partial(_lacking, "fingerprint"),
    ),
    Rule(
        "sdp_no_setup",
        "No a=setup with a value in this section, at session level or where its BUNDLE group starts: an offer says "
        "actpass, an answer active or passive.",
        "RFC 8842 5.1",
        partial(_lacking, "setup"),
    ),
)

ANSWER_RULES: tuple[Rule[Description, Description], ...] = (
    Rule(
        "sdp_section_count",
        "The answer has more or fewer m= lines than the offer. Answer each one; reject with port 0 what is not wanted.",
        "RFC 3264 6",
        _another_number_of_sections,
    ),
    Rule(
        "sdp_section_kind",
        "The offer has another media kind at this place. Answer the sections in the order in which they are offered.",
        "RFC 3264 6",
        _another_kind_than_offered,
    ),
)


def offer_problems(sdp: str) -> tuple[Problem, ...]:
    """Every defect of an offer, a first one or a later one: rule by rule, and from top to bottom within a rule."""
    return _text_problems(sdp) or _problems(read(sdp))


def answer_problems(sdp: str, offer: str) -> tuple[Problem, ...]:
    """Every defect of an answer, by itself and then against the offer that it answers."""
    if unreadable := _text_problems(sdp):
        return unreadable
    answer, offered = read(sdp), read(offer)
    return _problems(answer) + tuple(found for rule in ANSWER_RULES for found in rule.problems(answer, offered))


def _text_problems(text: str) -> tuple[Problem, ...]:
    return tuple(found for rule in TEXT_RULES for found in rule.problems(text))


def _problems(description: Description) -> tuple[Problem, ...]:
    return tuple(found for rule in RULES for found in rule.problems(description))
