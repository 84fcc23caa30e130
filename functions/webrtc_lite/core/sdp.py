"""Whether a description is one that a WebRTC engine can work with (SPEC section 4).

The reader (core/reader.py) takes the text apart and interprets nothing. Over it go rules, listed in tables: a code, a
sentence, a source and a function that finds the places where the rule is broken. Adding a rule is adding one function
and its row. What is not listed is allowed: unknown attributes, and whatever an engine that nobody captured may add.

Every step is linear in the text, and any str gives a verdict.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from webrtc_lite.core import candidates
from webrtc_lite.core.defects import FOUND_MAX, Check, Place, Rule
from webrtc_lite.core.defects import Problem as Problem  # noqa: PLC0414 (what a verdict is made of)
from webrtc_lite.core.machine import CALLER, Actor
from webrtc_lite.core.reader import UNTYPED, Attribute, Description, Part, Section, read

SIZE_MAX = 65_536  # bytes of UTF-8 (SPEC 3.1); the largest that was seen from a real engine has 16,997
LINE_MAX = 16_384  # bytes of UTF-8 without the line end
SECTIONS_MAX = candidates.SECTIONS_MAX

RTP, DATA = frozenset({"audio", "video"}), frozenset({"application"})

# RFC 8829 5.1.2 would have RTP/AVP and RTP/SAVPF taken for DTLS as well: the engines of today name what they mean.
RTP_OVER_DTLS = frozenset(
    f"{transport}/RTP/{profile}" for transport in ("UDP/TLS", "TCP/TLS", "TCP/DTLS") for profile in ("SAVPF", "SAVP")
)
DATA_OVER_DTLS = frozenset(
    {"UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"}  # the last is what it was called before RFC 8841
)
PROTOCOLS = {**dict.fromkeys(RTP, RTP_OVER_DTLS), **dict.fromkeys(DATA, DATA_OVER_DTLS)}

# The types of lines, in the order of RFC 8866 9, and those that may stand more than once.
SESSION_ORDER, SECTION_ORDER = "vosiuepcbtrzka", "micbka"
KNOWN = frozenset(SESSION_ORDER + SECTION_ORDER + UNTYPED)
ONCE_IN_SESSION, ONCE_IN_SECTION = "vosiuctzk", "ik"

ORIGIN = re.compile("o=[^ ]+ [^ ]+ [^ ]+ IN IP[46] [^ ]+ *")
SESSION_NAME = re.compile("s=.+")
TIMING = re.compile("t=[0-9]+ [0-9]+ *")
CONNECTION = re.compile("c=IN IP[46] [^ ]+ *")

# All that some program somewhere ends a line at, and what else does not print. An m= line behind U+2028 is hidden from
# whoever splits at CRLF and LF, and is a section for whoever uses str.splitlines().
CONTROL_CHARACTER = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
PLAIN = bytes([*b"\r\n", *range(0x20, 0x7F)])

PARTNER = {"ice-ufrag": "ice-pwd", "ice-pwd": "ice-ufrag"}
UFRAG = re.compile(candidates.ICE_CHARACTER + "{4,256}")
PWD = re.compile(candidates.ICE_CHARACTER + "{22,256}")

FINGERPRINT = re.compile("([^ ]+) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)")
OCTETS = {"md2": 16, "md5": 16, "sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
STRONG = frozenset({"sha-256", "sha-384", "sha-512"})

PAYLOAD_TYPES = re.compile("(?:(?:[0-9]|[1-9][0-9]|1[01][0-9]|12[0-7])(?: ++|$))++")  # RFC 3550 5.1: seven bits
DIRECTIONS = {name: f"a={name}" for name in ("sendrecv", "sendonly", "recvonly", "inactive")}
ONE_VALUE = {f"a={name}": name for name in ("mid", "ice-ufrag", "ice-pwd", "setup")}
# RFC 3264 6.1: what an answer may choose.
ANSWERS_TO = {
    "sendrecv": frozenset(DIRECTIONS),
    "sendonly": frozenset({"recvonly", "inactive"}),
    "recvonly": frozenset({"sendonly", "inactive"}),
    "inactive": frozenset({"inactive"}),
}
OPPOSITE = {"active": "passive", "passive": "active"}
SETUPS = frozenset({"actpass", *OPPOSITE})  # holdconn, the fourth of RFC 4145 4.1, is not used (RFC 8842 5.1)


# --- what was agreed before


@dataclass(frozen=True)
class Party:
    """What one side's peer connection is known by."""

    fingerprints: frozenset[str]
    ufrags: frozenset[str]
    pwds: frozenset[str]
    roles: frozenset[str]  # active or passive, in DTLS


@dataclass(frozen=True)
class AgreedSection:
    kind: str
    mid: str
    live: bool  # in the offer and in its answer; one that is not may be used again for something else (RFC 8829 5.2.2)


@dataclass(frozen=True)
class Agreed:
    """All that has to be kept of an accepted offer and its answer to judge what follows them."""

    sections: tuple[AgreedSection, ...]
    caller: Party
    callee: Party

    def party(self, side: Actor) -> Party:
        return self.caller if side is CALLER else self.callee


class Before(NamedTuple):
    """What was agreed, as the side sees it that offers now."""

    sections: tuple[AgreedSection, ...]
    party: Party


def agree(offer: str, by: Actor, answer: str) -> Agreed:
    """Of an offer, who made it, and its answer, both of which were accepted."""
    offered, answered = read(offer), read(answer)
    pairs = list(zip(offered.sections, answered.sections, strict=False))
    roles = frozenset(role for _, section in pairs if section.live and (role := _setup(answered, section)) in OPPOSITE)
    sections = tuple(AgreedSection(each.kind, each.mid or other.mid, each.live and other.live) for each, other in pairs)
    offerer = _party(offered, frozenset(OPPOSITE[role] for role in roles))
    answerer = _party(answered, roles)
    return Agreed(sections, offerer, answerer) if by is CALLER else Agreed(sections, answerer, offerer)


def _party(description: Description, roles: frozenset[str] = frozenset()) -> Party:
    return Party(
        frozenset(each.value.lower() for each, _ in _transport(description, "fingerprint")),
        frozenset(each.value for each, _ in _transport(description, "ice-ufrag")),
        frozenset(each.value for each, _ in _transport(description, "ice-pwd")),
        roles,
    )


def _starts_anew(description: Description, old: Party) -> bool:
    """New fingerprints together with new ice-ufrag and ice-pwd are another peer connection (SPEC 4)."""
    new = _party(description)
    return (
        new.fingerprints.isdisjoint(old.fingerprints)
        and new.ufrags.isdisjoint(old.ufrags)
        and new.pwds.isdisjoint(old.pwds)
    )


# --- what several rules need


def _transport(description: Description, name: str) -> Iterator[tuple[Attribute, int | None]]:
    """An attribute wherever it counts for a live section, and the index of the section in which it stands."""
    if description.live:
        for each in description.session.every(name):
            yield each, None
    for section in description.live:
        for each in section.every(name):
            yield each, section.index


def _stating(description: Description, name: str) -> Iterator[Part]:
    """The parts in which an attribute stands that counts for some live section, each once."""
    told: list[Part] = []
    for section in description.live:
        part = description.stating(section, name)
        if part is not None and part not in told:  # of at most 32
            told.append(part)
            yield part


def _setup(description: Description, section: Section) -> str:
    part = description.stating(section, "setup")
    return part.value("setup") if part else ""


def _direction(description: Description, section: Section) -> str:
    """RFC 8866 6.7: the section's own, else the session's, else sendrecv."""
    stated = section.names(DIRECTIONS) or description.session.names(DIRECTIONS)
    return stated[0] if stated else "sendrecv"


def _start(section: Section) -> Place:
    return Place(section.index, section.first)


def _index(part: Part) -> int | None:
    return part.index if isinstance(part, Section) else None


# --- the text


def _larger_than_a_document_takes(text: str) -> Iterator[Place]:
    if len(text) > SIZE_MAX // 4:  # a character has at most four bytes
        encoded = text.encode(errors="surrogatepass")
        if len(encoded) > SIZE_MAX:
            yield Place(line=encoded.count(b"\n", 0, SIZE_MAX) + 1)


def _half_characters(text: str) -> Iterator[Place]:
    try:
        text.encode()
    except UnicodeEncodeError as refused:
        yield Place(line=text.count("\n", 0, refused.start) + 1)


def _control_characters(text: str) -> Iterator[Place]:
    if text.count("\r") == text.count("\r\n") and not text.encode(errors="surrogatepass").translate(None, PLAIN):
        return  # nothing but printable ASCII, which takes a tenth of the time to see
    joined = text.replace("\r\n", "\n")
    found = CONTROL_CHARACTER.search(joined)
    if found is not None:
        yield Place(line=joined.count("\n", 0, found.start()) + 1)


def _more_sections_than_allowed(text: str) -> Iterator[Place]:
    before = int(text.startswith("m="))
    if before + text.count("\nm=") > SECTIONS_MAX:
        at = -1
        for _ in range(SECTIONS_MAX + 1 - before):
            at = text.find("\nm=", at + 1)
        yield Place(SECTIONS_MAX, text.count("\n", 0, at) + 2)


# --- lines


def _lines(description: Description) -> Iterator[tuple[str, Place]]:
    for part in description.parts:
        for number, line in enumerate(part.lines, part.first):
            yield line, Place(_index(part), number)


def _malformed_lines(description: Description) -> Iterator[Place]:
    for part in description.unusual:
        at = part.types.find(UNTYPED)
        while at >= 0:
            yield Place(_index(part), part.first + at)
            at = part.types.find(UNTYPED, at + 1)


def _nameless_attributes(description: Description) -> Iterator[Place]:
    for part in description.parts:
        for number in part.nameless:
            yield Place(_index(part), number)


def _unknown_lines(description: Description) -> Iterator[Place]:
    for part in description.unusual:
        if not KNOWN.issuperset(part.types):
            for number, letter in enumerate(part.types, part.first):
                if letter not in KNOWN:
                    yield Place(_index(part), number)


def _long_lines(description: Description) -> Iterator[Place]:
    if description.text.isascii() and len(description.text) <= LINE_MAX:
        return  # which is nearly always so, and takes no time to see
    for line, place in _lines(description):
        if len(line.encode(errors="surrogatepass")) > LINE_MAX:
            yield place


def _another_first_line(description: Description) -> Iterator[Place]:
    if description.session.lines[:1] != ["v=0"]:
        yield Place(line=1)


def _without(letter: str, description: Description) -> Iterator[Place]:
    if letter not in description.session.types:
        yield Place(line=max(1, len(description.session.types)))


def _repeated_lines(description: Description) -> Iterator[Place]:
    for part in description.unusual:
        once = ONCE_IN_SECTION if isinstance(part, Section) else ONCE_IN_SESSION
        for letter in once:
            at = part.types.find(letter, part.types.find(letter) + 1)
            while at > 0:
                yield Place(_index(part), part.first + at)
                at = part.types.find(letter, at + 1)


def _misplaced_lines(description: Description) -> Iterator[Place]:
    """In an m-section only what has no place there: libpeer writes c= behind attributes, and apps add b= anywhere."""
    for part in description.unusual:
        in_section = isinstance(part, Section)
        reached = 0
        for number, letter in enumerate(part.types, part.first):
            rank = SESSION_ORDER.find(letter)
            if rank >= 0 and (letter not in SECTION_ORDER if in_section else rank < reached):
                yield Place(_index(part), number)
            reached = max(rank, reached)


def _other_forms(letter: str, form: re.Pattern[str], description: Description) -> Iterator[Place]:
    for part in description.parts:
        at = part.types.find(letter)
        while at >= 0:
            if not form.fullmatch(part.lines[at]):
                yield Place(_index(part), part.first + at)
            at = part.types.find(letter, at + 1)


# --- sections


def _without_sections(description: Description) -> Iterator[Place]:
    if not description.sections:
        yield Place(line=description.last)


def _malformed_sections(description: Description) -> Iterator[Place]:
    for section in description.sections:
        if not section.kind:
            yield _start(section)


def _other_kinds(description: Description) -> Iterator[Place]:
    for section in description.sections:
        if section.kind and section.kind not in PROTOCOLS:
            yield _start(section)


def _other_protocols(description: Description) -> Iterator[Place]:
    for section in description.live:
        if section.kind in PROTOCOLS and section.proto not in PROTOCOLS[section.kind]:
            yield _start(section)


def _keys_in_the_clear(description: Description) -> Iterator[Place]:
    for part in description.parts:
        for each in part.every("crypto"):
            yield Place(_index(part), each.line)


def _other_payload_types(description: Description) -> Iterator[Place]:
    for section in description.live:
        if section.proto in RTP_OVER_DTLS and not PAYLOAD_TYPES.fullmatch(section.formats):
            yield _start(section)


def _payload_types_mapped_twice(description: Description) -> Iterator[Place]:
    for section in description.live:
        mapped = section.values("rtpmap")
        if len({value.partition(" ")[0] for value in mapped}) < len(mapped):
            seen: set[str] = set()
            for each in section.every("rtpmap"):
                payload_type = each.value.partition(" ")[0]
                if payload_type in seen:
                    yield Place(section.index, each.line)
                seen.add(payload_type)


def _without_rtcp_mux(description: Description) -> Iterator[Place]:
    """It is about the transport: a bundled section may leave it to the one that its group starts with."""
    for section in description.live:
        if section.kind in RTP and not section.has("rtcp-mux"):
            leader = description.leaders.get(section.mid)
            if leader is None or not leader.has("rtcp-mux"):
                yield _start(section)


# --- transport


def _lacking(name: str, description: Description) -> Iterator[Place]:
    """A bundled section leaves both ICE credentials to the one whose transport it shares, or none."""
    for section in description.live:
        if not section.value(name):
            part = description.stating(section, name)
            half = name in PARTNER and section.has(PARTNER[name]) and part is not description.session
            if part is None or not part.value(name) or half:
                yield _start(section)


def _other_than(form: re.Pattern[str], name: str, description: Description) -> Iterator[Place]:
    for each, section in _transport(description, name):
        if each.value and not form.fullmatch(each.value):
            yield Place(section, each.line)


def _hash(fingerprint: str) -> str:
    return fingerprint.partition(" ")[0].lower()  # RFC 8122 5: names of hash functions have no case


def _malformed_fingerprints(description: Description) -> Iterator[Place]:
    for each, section in _transport(description, "fingerprint"):
        found = FINGERPRINT.fullmatch(each.value)
        octets = OCTETS.get(_hash(each.value)) if found else None
        if each.value and (found is None or (octets and len(found[2]) != 3 * octets - 1)):
            yield Place(section, each.line)


def _weak_fingerprints(description: Description) -> Iterator[Place]:
    """Several are offered for others to choose from (RFC 8122 5): one good one among them is enough."""
    for part in _stating(description, "fingerprint"):
        stated = [each for each in part.every("fingerprint") if each.value]
        weak = bool(stated) and all(_hash(each.value) not in STRONG for each in stated)
        if weak and all(FINGERPRINT.fullmatch(each.value) for each in stated):  # else it is another rule's business
            yield Place(_index(part), stated[0].line)


# --- bundles


def _malformed_mids(description: Description) -> Iterator[Place]:
    for section in description.sections:
        for each in section.every("mid"):
            if not each.value or " " in each.value:
                yield Place(section.index, each.line)


def _repeated_mids(description: Description) -> Iterator[Place]:
    seen: set[str] = set()
    for section in description.sections:
        if section.mid and section.mid in seen:
            yield Place(section.index, section.every("mid")[0].line)
        seen.add(section.mid)


def _bundles_of_unknown_mids(description: Description) -> Iterator[Place]:
    """A rejected section may have left out its mid (it may lack everything): then nobody knows what is unknown."""
    if all(section.mid for section in description.sections if not section.live):
        known = {section.mid for section in description.sections}
        for line, mids in description.bundles:
            if not known.issuperset(mids):
                yield Place(line=line)


def _bundled_twice(description: Description) -> Iterator[Place]:
    seen: set[str] = set()
    for line, mids in description.bundles:
        if len(set(mids)) < len(mids) or not seen.isdisjoint(mids):
            yield Place(line=line)
        seen.update(mids)


def _contradictions(description: Description) -> Iterator[Place]:
    for part in (description.session, *description.live):
        for start in part.repeated & ONE_VALUE.keys():
            first, *others = part.every(ONE_VALUE[start])
            for each in others:
                if each.value != first.value or start == "a=mid":  # which libwebrtc refuses even where both agree
                    yield Place(_index(part), each.line)
        directions = part.names(DIRECTIONS)
        if len(directions) > 1:
            for line in sorted(part.every(name)[0].line for name in directions)[1:]:
                yield Place(_index(part), line)


# --- candidates


def _candidate_problems(description: Description) -> Iterator[Problem]:
    for each, section in _transport(description, "candidate"):
        found = candidates.judge(candidates.PREFIX + each.value)
        if isinstance(found, Rule):
            yield found.problem(Place(section, each.line))


# --- a first offer


def _setup_other_than(allowed: AbstractSet[str], description: Description, *_context: object) -> Iterator[Place]:
    for part in _stating(description, "setup"):
        if part.value("setup") in SETUPS - allowed:
            yield Place(_index(part), part.every("setup")[0].line)


def _video_in_an_audio_call(description: Description, media: str | None) -> Iterator[Place]:
    if media == "audio":
        for section in description.live:
            if section.kind == "video":
                yield _start(section)


# --- a re-offer that goes on with its peer connection


def _other_setup_than_the_role(description: Description, before: Before) -> Iterator[Place]:
    return _setup_other_than({"actpass", *before.party.roles}, description)


def _removed_sections(description: Description, before: Before) -> Iterator[Place]:
    if len(description.sections) < len(before.sections):
        yield Place(line=description.last)


def _replaced_sections(description: Description, before: Before) -> Iterator[Place]:
    """Where sections were removed, every later one would be another one: the number says it all."""
    if len(description.sections) >= len(before.sections):
        for section, old in zip(description.sections, before.sections, strict=False):
            if old.live and (section.kind != old.kind or _differ(section.mid, old.mid)):
                yield _start(section)


def _differ(mid: str, other: str) -> bool:
    """A mid that somebody leaves out is no other one: gateways write none."""
    return bool(mid and other) and mid != other


def _half_restarts(description: Description, before: Before) -> Iterator[Place]:
    for part in _stating(description, "ice-ufrag"):
        old_ufrag, old_pwd = part.value("ice-ufrag") in before.party.ufrags, part.value("ice-pwd") in before.party.pwds
        if part.has("ice-pwd") and old_ufrag != old_pwd:
            yield Place(_index(part), part.every("ice-ufrag")[0].line)


def _half_new_connections(description: Description, before: Before) -> Iterator[Place]:
    stated = list(_transport(description, "fingerprint"))
    if stated and before.party.fingerprints.isdisjoint(each.value.lower() for each, _ in stated):
        yield Place(stated[0][1], stated[0][0].line)


# --- an answer to its offer


def _pairs(answer: Description, offer: Description) -> Iterator[tuple[Section, Section]]:
    """Where the number differs, every later section would be another one: the number says it all."""
    if len(answer.sections) == len(offer.sections):
        yield from zip(answer.sections, offer.sections, strict=True)


def _another_number_of_sections(answer: Description, offer: Description) -> Iterator[Place]:
    if len(answer.sections) > len(offer.sections):
        yield _start(answer.sections[len(offer.sections)])
    if len(answer.sections) < len(offer.sections):
        yield Place(line=answer.last)


def _another_kind_than_offered(answer: Description, offer: Description) -> Iterator[Place]:
    for section, offered in _pairs(answer, offer):
        if section.kind and section.kind != offered.kind:
            yield _start(section)


def _another_mid_than_offered(answer: Description, offer: Description) -> Iterator[Place]:
    for section, offered in _pairs(answer, offer):
        if _differ(section.mid, offered.mid):
            yield Place(section.index, section.every("mid")[0].line)


def _accepted_though_rejected(answer: Description, offer: Description) -> Iterator[Place]:
    for section, offered in _pairs(answer, offer):
        if section.live and not offered.live:
            yield _start(section)


def _the_role_of_the_offer(answer: Description, offer: Description) -> Iterator[Place]:
    same = {
        answer.stating(section, "setup")
        for section, offered in _pairs(answer, offer)
        if section.live and _setup(answer, section) == _setup(offer, offered) in OPPOSITE
    }
    for part in _stating(answer, "setup"):
        if part in same:
            yield Place(_index(part), part.every("setup")[0].line)


def _a_direction_not_to_choose(answer: Description, offer: Description) -> Iterator[Place]:
    for section, offered in _pairs(answer, offer):
        if section.live and offered.live and section.kind in RTP:
            direction = _direction(answer, section)
            if direction not in ANSWERS_TO[_direction(offer, offered)]:
                own = section.every(direction)
                yield Place(section.index, own[0].line if own else section.first)


# --- the tables


# A text with one of these is not read: it is too much, or what lines it has depends on who splits it.
TEXT_RULES: tuple[Check[str], ...] = (
    Check(
        "sdp_too_large",
        f"The description is larger than {SIZE_MAX} bytes of UTF-8. Leave out codecs that are not used, and send "
        "candidates one by one instead of inside it.",
        "SPEC 3.1",
        _larger_than_a_document_takes,
    ),
    Check(
        "sdp_lone_surrogate",
        "Half of a UTF-16 pair stands here, so the description is not UTF-8. Send it as the engine made it.",
        "RFC 8866 5",
        _half_characters,
    ),
    Check(
        "sdp_control_character",
        "A control character or a separator other than CRLF or LF stands here. Send the description as the engine made "
        "it, with its line ends.",
        "RFC 8866 5 and 9",
        _control_characters,
    ),
    Check(
        "sdp_too_many_sections",
        f"More than {SECTIONS_MAX} m= lines. Use stopped transceivers again instead of adding new ones.",
        "SPEC 4",
        _more_sections_than_allowed,
    ),
)

RULES: tuple[Check[Description], ...] = (
    Check(
        "sdp_malformed_line",
        "Not of the form <type>=<value>: a small letter, an equals sign, a value. Blank lines are not allowed either.",
        "RFC 8866 5",
        _malformed_lines,
    ),
    Check(
        "sdp_malformed_attribute",
        "An attribute has a name and is a=<name> or a=<name>:<value>, without a space before the name.",
        "RFC 8866 5.13",
        _nameless_attributes,
    ),
    Check(
        "sdp_unknown_line",
        "A line of a type that SDP does not have. What is an extension is an attribute: a=<name>:<value>.",
        "RFC 8866 5",
        _unknown_lines,
    ),
    Check(
        "sdp_line_too_long",
        f"Longer than {LINE_MAX} bytes of UTF-8. No engine writes such a line.",
        "SPEC 4",
        _long_lines,
    ),
    Check(
        "sdp_no_version",
        "A description starts with the line v=0. Send the sdp of an RTCSessionDescription, whole and not as JSON.",
        "RFC 8866 5.1",
        _another_first_line,
    ),
    Check("sdp_no_origin", "No o= line before the first m= line.", "RFC 8866 5.2", partial(_without, "o")),
    Check("sdp_no_session_name", "No s= line before the first m= line.", "RFC 8866 5.3", partial(_without, "s")),
    Check("sdp_no_timing", "No t= line before the first m= line.", "RFC 8866 5.9", partial(_without, "t")),
    Check(
        "sdp_repeated_line",
        "A second line of a type that stands once at most: at session level v, o, s, t, i, u, c, z and k, in an "
        "m-section i and k.",
        "RFC 8866 5, RFC 8829 5.2.1",
        _repeated_lines,
    ),
    Check(
        "sdp_line_order",
        "This line stands too late or in the wrong part. Before the first m= line the order is v o s i u e p c b t r z "
        "k a, and behind one there are i, c, b, k and a.",
        "RFC 8866 5",
        _misplaced_lines,
    ),
    Check(
        "sdp_malformed_origin",
        "Not of the form o=<username> <sess-id> <sess-version> IN IP4|IP6 <address>.",
        "RFC 8866 5.2",
        partial(_other_forms, "o", ORIGIN),
    ),
    Check(
        "sdp_empty_session_name",
        "The s= line is empty. A session without a name has s=- or s= with a space.",
        "RFC 8866 5.3",
        partial(_other_forms, "s", SESSION_NAME),
    ),
    Check(
        "sdp_malformed_connection",
        "Not of the form c=IN IP4|IP6 <address>. An engine that trickles its candidates writes c=IN IP4 0.0.0.0.",
        "RFC 8866 5.7",
        partial(_other_forms, "c", CONNECTION),
    ),
    Check(
        "sdp_malformed_timing",
        "Not of the form t=<start> <stop>: a call has t=0 0.",
        "RFC 8866 5.9",
        partial(_other_forms, "t", TIMING),
    ),
    Check(
        "sdp_no_media",
        "No m= line: nothing is offered. Add a track, a transceiver or a data channel before the description is made.",
        "RFC 8866 5.14",
        _without_sections,
    ),
    Check(
        "sdp_malformed_media",
        "Not of the form m=<media> <port> <proto> <fmt> ..., with a port up to 65535 and at least one format.",
        "RFC 8866 5.14",
        _malformed_sections,
    ),
    Check(
        "sdp_unsupported_media",
        "A media kind other than audio, video and application.",
        "RFC 8829 5.1.2",
        _other_kinds,
    ),
    Check(
        "sdp_unsupported_protocol",
        "Not a protocol of WebRTC, or not one for this kind. Audio and video have UDP/TLS/RTP/SAVPF, and data has "
        "UDP/DTLS/SCTP: nothing goes without DTLS.",
        "RFC 8827 6.5, RFC 8841 4",
        _other_protocols,
    ),
    Check(
        "sdp_sdes",
        "a=crypto sends media keys in the clear (SDES). Turn SDES off in the engine: WebRTC agrees on keys by DTLS.",
        "RFC 8827 6.5",
        _keys_in_the_clear,
    ),
    Check(
        "sdp_malformed_payload_type",
        "A format of this m= line is not a payload type, a number from 0 to 127.",
        "RFC 3550 5.1, RFC 8866 5.14",
        _other_payload_types,
    ),
    Check(
        "sdp_payload_type_twice",
        "This section has another a=rtpmap of the same payload type before. Give every codec a number of its own.",
        "RFC 8866 6.6",
        _payload_types_mapped_twice,
    ),
    Check(
        "sdp_no_rtcp_mux",
        "No a=rtcp-mux in this section or where its BUNDLE group starts: WebRTC has one port for RTP and RTCP. Set "
        "rtcpMuxPolicy to require.",
        "RFC 8834 4.5, RFC 5761 5.1.1",
        _without_rtcp_mux,
    ),
    Check(
        "sdp_no_ice_ufrag",
        "No a=ice-ufrag with a value in this section, at session level or where its BUNDLE group starts.",
        "RFC 8839 5.4",
        partial(_lacking, "ice-ufrag"),
    ),
    Check(
        "sdp_malformed_ice_ufrag",
        "a=ice-ufrag has 4 to 256 characters: letters, digits, + and /.",
        "RFC 8839 5.4",
        partial(_other_than, UFRAG, "ice-ufrag"),
    ),
    Check(
        "sdp_no_ice_pwd",
        "No a=ice-pwd with a value in this section, at session level or where its BUNDLE group starts.",
        "RFC 8839 5.4",
        partial(_lacking, "ice-pwd"),
    ),
    Check(
        "sdp_malformed_ice_pwd",
        "a=ice-pwd has 22 to 256 characters: letters, digits, + and /.",
        "RFC 8839 5.4",
        partial(_other_than, PWD, "ice-pwd"),
    ),
    Check(
        "sdp_no_fingerprint",
        "No a=fingerprint with a value in this section, at session level or where its BUNDLE group starts: without it "
        "nobody knows with whom DTLS is spoken.",
        "RFC 8122 5",
        partial(_lacking, "fingerprint"),
    ),
    Check(
        "sdp_malformed_fingerprint",
        "Not of the form a=fingerprint:<hash> <XX:XX:...>, or not as many octets as the hash has: 32 for sha-256.",
        "RFC 8122 5",
        _malformed_fingerprints,
    ),
    Check(
        "sdp_weak_fingerprint",
        "No fingerprint of sha-256, sha-384 or sha-512 is among those that count here.",
        "RFC 8827 6.5, RFC 8122 5",
        _weak_fingerprints,
    ),
    Check(
        "sdp_no_setup",
        "No a=setup with a value in this section, at session level or where its BUNDLE group starts: an offer says "
        "actpass, an answer active or passive.",
        "RFC 8842 5.1",
        partial(_lacking, "setup"),
    ),
    Check(
        "sdp_malformed_setup",
        "a=setup is actpass, active or passive.",
        "RFC 8842 5.1",
        partial(_other_than, re.compile("|".join(sorted(SETUPS))), "setup"),
    ),
    Check(
        "sdp_malformed_mid",
        "a=mid names the section by one word.",
        "RFC 5888 4",
        _malformed_mids,
    ),
    Check(
        "sdp_repeated_mid",
        "Another section before has the same a=mid.",
        "RFC 5888 4",
        _repeated_mids,
    ),
    Check(
        "sdp_bundle_unknown_mid",
        "The BUNDLE group names a mid that no section has.",
        "RFC 9143 5",
        _bundles_of_unknown_mids,
    ),
    Check(
        "sdp_bundled_twice",
        "The BUNDLE group names a mid that stands in it, or in a group before it, already.",
        "RFC 9143 5",
        _bundled_twice,
    ),
    Check(
        "sdp_contradiction",
        "Another line of this part has said it, and otherwise: ice-ufrag, ice-pwd, setup and the direction have one "
        "value, and mid stands once.",
        "RFC 8866 6.7, RFC 8839 5.4, RFC 8842 4",
        _contradictions,
    ),
)

FIRST_OFFER_RULES: tuple[Check[Description, str | None], ...] = (
    Check(
        "sdp_offer_setup",
        "The a=setup of a first offer, or of a new peer connection, is actpass: the other side chooses.",
        "RFC 8842 5.2",
        partial(_setup_other_than, frozenset({"actpass"})),
    ),
    Check(
        "sdp_video_in_audio_call",
        'The session says media "audio" and the first offer has a live video section. Say media "video", or add the '
        "video in a re-offer.",
        "SPEC 4",
        _video_in_an_audio_call,
    ),
)

REOFFER_RULES: tuple[Check[Description, Before], ...] = (
    Check(
        "sdp_reoffer_setup",
        "The a=setup of a re-offer is actpass, or the role that this side has.",
        "RFC 8842 5.5",
        _other_setup_than_the_role,
    ),
    Check(
        "sdp_section_removed",
        "The re-offer has fewer m= lines than were agreed before. Sections are rejected with port 0, never removed.",
        "RFC 3264 8, RFC 8829 5.2.2",
        _removed_sections,
    ),
    Check(
        "sdp_section_replaced",
        "What was agreed before has another media kind or another mid at this place. Sections keep their order, and "
        "new ones come last.",
        "RFC 3264 8, RFC 8829 5.2.2",
        _replaced_sections,
    ),
    Check(
        "sdp_half_ice_restart",
        "One of a=ice-ufrag and a=ice-pwd is new and the other is not. An ICE restart changes both, everything else "
        "neither.",
        "RFC 8839 4.4.1.1.1",
        _half_restarts,
    ),
    Check(
        "sdp_half_new_connection",
        "The fingerprints are new, and the a=ice-ufrag or a=ice-pwd is not. A new peer connection has new ones of all "
        "three, and one that goes on keeps its fingerprints.",
        "SPEC 4",
        _half_new_connections,
    ),
)

ANSWER_RULES: tuple[Check[Description, Description], ...] = (
    Check(
        "sdp_answer_setup",
        "The a=setup of an answer is active or passive: it chooses.",
        "RFC 8842 5.3",
        partial(_setup_other_than, frozenset(OPPOSITE)),
    ),
    Check(
        "sdp_answer_role",
        "Offer and answer say the same a=setup: one is active, the other passive.",
        "RFC 8842 5.3",
        _the_role_of_the_offer,
    ),
    Check(
        "sdp_section_count",
        "The answer has more or fewer m= lines than the offer. Answer each one; reject with port 0 what is not wanted.",
        "RFC 3264 6",
        _another_number_of_sections,
    ),
    Check(
        "sdp_section_kind",
        "The offer has another media kind at this place. Answer the sections in the order in which they are offered.",
        "RFC 3264 6",
        _another_kind_than_offered,
    ),
    Check(
        "sdp_section_mid",
        "The offer has another mid at this place. Answer the sections in the order in which they are offered.",
        "RFC 8829 5.3.1",
        _another_mid_than_offered,
    ),
    Check(
        "sdp_section_not_offered",
        "The offer rejects this section with port 0, so the answer has port 0 as well.",
        "RFC 3264 6",
        _accepted_though_rejected,
    ),
    Check(
        "sdp_answer_direction",
        "Not a direction to choose here. To sendonly the answer is recvonly, to recvonly it is sendonly, and to each "
        "of them inactive; to inactive it is inactive.",
        "RFC 3264 6.1",
        _a_direction_not_to_choose,
    ),
)

# What is checked where, in the order of the README.
TABLE: Mapping[str, Sequence[Rule]] = {
    "text": TEXT_RULES,
    "every description": RULES,
    "candidate": (candidates.MALFORMED, *candidates.RULES),
    "first offer": FIRST_OFFER_RULES,
    "re-offer": REOFFER_RULES,
    "answer": ANSWER_RULES,
}
CODES = frozenset(rule.code for rules in TABLE.values() for rule in rules)


# --- verdicts: every defect from top to bottom


@dataclass(frozen=True)
class Verdict:
    """What is wrong, and what would be if the deployment did not let it pass."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def offer_verdict(sdp: str, *, media: str | None = None, warn_only: AbstractSet[str] = frozenset()) -> Verdict:
    """On the first offer of a call for that kind of media."""
    return _verdict(sdp, warn_only, lambda offer: _found(FIRST_OFFER_RULES, offer, media))


def reoffer_verdict(
    sdp: str, agreed: Agreed | None, by: Actor, *, warn_only: AbstractSet[str] = frozenset()
) -> Verdict:
    """On a later offer of that side: by itself, and against what was agreed before if that is known."""

    def later(offer: Description) -> Iterator[Problem]:
        if agreed is not None:
            before = Before(agreed.sections, agreed.party(by))
            if _starts_anew(offer, before.party):
                yield from _found(FIRST_OFFER_RULES, offer, None)
            else:
                yield from _found(REOFFER_RULES, offer, before)

    return _verdict(sdp, warn_only, later)


def answer_verdict(sdp: str, offer: str, *, warn_only: AbstractSet[str] = frozenset()) -> Verdict:
    """On an answer: by itself, and against the offer that it answers."""
    return _verdict(sdp, warn_only, lambda answer: _found(ANSWER_RULES, answer, read(offer)))


def offer_problems(
    sdp: str, *, media: str | None = None, warn_only: AbstractSet[str] = frozenset()
) -> tuple[Problem, ...]:
    return offer_verdict(sdp, media=media, warn_only=warn_only).problems


def reoffer_problems(
    sdp: str, agreed: Agreed | None, by: Actor, *, warn_only: AbstractSet[str] = frozenset()
) -> tuple[Problem, ...]:
    return reoffer_verdict(sdp, agreed, by, warn_only=warn_only).problems


def answer_problems(sdp: str, offer: str, *, warn_only: AbstractSet[str] = frozenset()) -> tuple[Problem, ...]:
    return answer_verdict(sdp, offer, warn_only=warn_only).problems


def _verdict(
    text: str, warn_only: AbstractSet[str], of_its_kind: Callable[[Description], Iterator[Problem]]
) -> Verdict:
    found = list(_found(TEXT_RULES, text))
    if all(problem.code in warn_only for problem in found):
        description = read(text)
        found += _found(RULES, description)
        found += islice(_candidate_problems(description), FOUND_MAX)
        found += of_its_kind(description)
    if not found:
        return ACCEPTED
    found.sort(key=lambda problem: problem.line or 0)  # what is at the same line stays in the order of the tables
    return Verdict(
        tuple(problem for problem in found if problem.code not in warn_only),
        tuple(problem for problem in found if problem.code in warn_only),
    )


ACCEPTED = Verdict(())


def _found[*Subjects](rules: Iterable[Check[*Subjects]], *subjects: *Subjects) -> Iterator[Problem]:
    for rule in rules:
        for told, place in enumerate(rule.find(*subjects), 1):
            yield rule.problem(place)
            if told == FOUND_MAX:
                break
