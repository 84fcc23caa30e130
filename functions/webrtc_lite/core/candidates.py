"""One ICE candidate: a line -> what it says, or the first rule that it breaks (RFC 8839 5.1, RFC 6544 4.5).

As engines write it: with or without `a=` before it, its transport in either case, extensions in any order, an address
that is IPv4, IPv6, a host name or an mDNS name. An empty line is the end of candidates.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from webrtc_lite.core.defects import Place, Problem, Rule

BATCH_MAX = 20  # candidates of one document (SPEC 3.2)
LINE_MAX = 1_024  # bytes of UTF-8 (SPEC 3.2)
SECTIONS_MAX = 32

TYPES = frozenset({"host", "srflx", "prflx", "relay"})
TCP_TYPES = frozenset({"active", "passive", "so"})
PORT_MAX = 65_535
PRIORITY_MAX = 2**31 - 1  # RFC 8445 5.1.2
COMPONENT_MAX = 256

# RFC 8839 5.1 has letters, digits, + and /. libwebrtc takes four more, because other engines were found to use them.
ICE_CHARACTER = "[A-Za-z0-9+/=#_-]"
FOUNDATION = re.compile(ICE_CHARACTER + "{1,32}")
DIGITS = re.compile("[0-9]{1,10}")
IPV4 = re.compile("[0-9.]+")
LABEL = re.compile("[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")  # RFC 1123 2.1, and the _ of container networks
HOST_MAX = 253  # RFC 1035 2.3.4, without the root's dot
PREFIX = "candidate:"
END = frozenset({"", "candidate:", "end-of-candidates"})

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Candidate:
    foundation: str
    component: int
    transport: str  # udp or tcp
    priority: int
    address: str
    port: int
    kind: str  # typ
    related: tuple[str, int] | None  # raddr and rport
    tcp_type: str | None
    extensions: tuple[tuple[str, str], ...]  # in their order, with the ones above


class Words(NamedTuple):
    """The words of a line that has the form of a candidate, none of them looked at yet."""

    foundation: str
    component: str
    transport: str
    priority: str
    address: str
    port: str
    kind: str
    rest: Sequence[str]  # extensions: names and values in turn

    @property
    def extensions(self) -> Mapping[str, str]:
        return dict(zip(self.rest[::2], self.rest[1::2], strict=False))


def words(line: str) -> Words | None:
    match [word for word in line.removeprefix("a=").split(" ") if word]:
        case [first, component, transport, priority, where, port, "typ", kind, *rest] if first.startswith(PREFIX):
            return Words(first.removeprefix(PREFIX), component, transport, priority, where, port, kind, rest)
        case _:
            return None


def address(text: str) -> Address | str | None:
    """An IP address, the name of a host, or nothing."""
    if IPV4.fullmatch(text) or ":" in text:
        try:
            return ipaddress.ip_address(text)
        except ValueError:
            return None
    labels = text.removesuffix(".").split(".")
    # A name whose last label is a number is an address in disguise, or a mistyped one (RFC 3696 section 2).
    named = len(text) <= HOST_MAX and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return text if named else None


def number(text: str, least: int, most: int) -> bool:
    return DIGITS.fullmatch(text) is not None and least <= int(text) <= most


# --- the rules


@dataclass(frozen=True)
class CandidateRule(Rule):
    broken: Callable[[Words], bool]


def _foundation(given: Words) -> bool:
    return not FOUNDATION.fullmatch(given.foundation)


def _component(given: Words) -> bool:
    return not number(given.component, 1, COMPONENT_MAX)


def _transport(given: Words) -> bool:
    return given.transport.lower() not in {"udp", "tcp"}


def _tcp_type(given: Words) -> bool:
    return given.transport.lower() == "tcp" and given.extensions.get("tcptype") not in TCP_TYPES


def _priority(given: Words) -> bool:
    return not number(given.priority, 1, PRIORITY_MAX)


def _address(given: Words) -> bool:
    return address(given.address) is None


def _unusable(given: Words) -> bool:
    found = address(given.address)
    if found is None or isinstance(found, str):
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return plain.is_multicast or plain.is_unspecified or str(plain) == "255.255.255.255"


def _port(given: Words) -> bool:
    # An active TCP candidate has port 9, and had 0 before RFC 6544: nobody connects to it.
    return not number(given.port, 0 if given.transport.lower() == "tcp" else 1, PORT_MAX)


def _kind(given: Words) -> bool:
    return given.kind not in TYPES


def _extensions(given: Words) -> bool:
    return len(given.rest) % 2 == 1


def _related(given: Words) -> bool:
    raddr, rport = given.extensions.get("raddr"), given.extensions.get("rport")
    if raddr is None or rport is None:
        return raddr is not rport
    return address(raddr) is None or not number(rport, 0, PORT_MAX)


MALFORMED = Rule(
    "sdp_malformed_candidate",
    "Not of the form candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> ... Send "
    "what the engine gave, whole and unchanged.",
    "RFC 8839 5.1",
)

RULES = (
    CandidateRule(
        "sdp_candidate_foundation",
        "The candidate's foundation is not one of 1 to 32 ICE characters.",
        "RFC 8839 5.1",
        _foundation,
    ),
    CandidateRule(
        "sdp_candidate_component",
        f"The candidate's component is not a number from 1 to {COMPONENT_MAX}: 1 is RTP and data, 2 is RTCP.",
        "RFC 8839 5.1",
        _component,
    ),
    CandidateRule(
        "sdp_candidate_transport",
        "The candidate's transport is neither udp nor tcp.",
        "RFC 8839 5.1, RFC 6544 4.5",
        _transport,
    ),
    CandidateRule(
        "sdp_candidate_tcptype",
        "A tcp candidate has to say tcptype active, passive or so.",
        "RFC 6544 4.5",
        _tcp_type,
    ),
    CandidateRule(
        "sdp_candidate_priority",
        "The candidate's priority is not a number from 1 to 2147483647.",
        "RFC 8445 5.1.2",
        _priority,
    ),
    CandidateRule(
        "sdp_candidate_address",
        "The candidate's address is no IPv4 or IPv6 address, no host name and no mDNS name.",
        "RFC 8839 5.1",
        _address,
    ),
    CandidateRule(
        "sdp_candidate_unusable_address",
        "The candidate's address is multicast, broadcast or unspecified: no peer has it. Leave the candidate out.",
        "SPEC 4",
        _unusable,
    ),
    CandidateRule(
        "sdp_candidate_port",
        f"The candidate's port is not a number from 1 to {PORT_MAX} (of a tcp candidate, from 0).",
        "RFC 8839 5.1",
        _port,
    ),
    CandidateRule(
        "sdp_candidate_type",
        "The candidate's type is none of host, srflx, prflx and relay.",
        "RFC 8839 5.1",
        _kind,
    ),
    CandidateRule(
        "sdp_candidate_extension",
        "What follows the candidate's type does not come in pairs of a name and a value.",
        "RFC 8839 5.1",
        _extensions,
    ),
    CandidateRule(
        "sdp_candidate_related",
        "raddr and rport come together: an address, and a port from 0 to 65535.",
        "RFC 8839 5.1",
        _related,
    ),
)


def judge(line: str) -> Words | Rule:
    """The words of a candidate, or the first rule that it breaks."""
    given = words(line)
    if given is None:
        return MALFORMED
    return next((rule for rule in RULES if rule.broken(given)), given)


def parse(line: str) -> Candidate | Problem:
    """One candidate, which is not the end of candidates."""
    given = judge(line)
    return given.problem(Place()) if isinstance(given, Rule) else _candidate(given)


def _candidate(given: Words) -> Candidate:
    extensions = given.extensions
    return Candidate(
        foundation=given.foundation,
        component=int(given.component),
        transport=given.transport.lower(),
        priority=int(given.priority),
        address=given.address,
        port=int(given.port),
        kind=given.kind,
        related=(extensions["raddr"], int(extensions["rport"])) if "raddr" in extensions else None,
        tcp_type=extensions.get("tcptype"),
        extensions=tuple(extensions.items()),
    )


# --- what one document holds


@dataclass(frozen=True)
class Trickled:
    """A candidate on its way: no candidate in it is the end of them. Any of the other three may be null."""

    candidate: Candidate | None
    mid: str | None
    index: int | None  # sdpMLineIndex
    fragment: str | None  # usernameFragment


BATCH = Rule(
    "sdp_candidate_batch",
    f"A document holds a list of 1 to {BATCH_MAX} candidates.",
    "SPEC 3.2",
)
ENTRY = Rule(
    "sdp_candidate_entry",
    "Not a map of candidate (a string), sdpMid (a string or null), sdpMLineIndex (a whole number from 0 to "
    f"{SECTIONS_MAX - 1}, or null) and usernameFragment (a string or null, or left out).",
    "SPEC 3.2",
)
TOO_LONG = Rule(
    "sdp_candidate_too_long",
    f"The candidate is longer than {LINE_MAX} bytes of UTF-8.",
    "SPEC 3.2",
)
NOWHERE = Rule(
    "sdp_candidate_nowhere",
    "The candidate says neither sdpMid nor sdpMLineIndex, so no engine knows its m-section.",
    "W3C WebRTC 4.8.1",
)
BATCH_RULES = (BATCH, ENTRY, TOO_LONG, NOWHERE)


def read_batch(batch: object) -> tuple[Trickled | Problem, ...]:
    """What a document holds, in its order; a problem's line is its place in the batch, from 1."""
    if not isinstance(batch, Sequence) or isinstance(batch, str | bytes) or not 1 <= len(batch) <= BATCH_MAX:
        return (BATCH.problem(Place()),)
    return tuple(_entry(entry, Place(line=place)) for place, entry in enumerate(batch, 1))


def _entry(entry: object, place: Place) -> Trickled | Problem:
    given = _form(entry)
    if given is None:
        return ENTRY.problem(place)
    line, mid, index, fragment = given
    if len(line.encode(errors="surrogatepass")) > LINE_MAX:
        return TOO_LONG.problem(place)
    if line.removeprefix("a=") in END:
        return Trickled(None, mid, index, fragment)
    if mid is None and index is None:
        return NOWHERE.problem(place)
    found = judge(line)
    return found.problem(place) if isinstance(found, Rule) else Trickled(_candidate(found), mid, index, fragment)


def _form(entry: object) -> tuple[str, str | None, int | None, str | None] | None:
    if not isinstance(entry, Mapping):
        return None
    line, mid, index, fragment = map(entry.get, ("candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"))
    if not (isinstance(line, str) and isinstance(mid, str | None) and isinstance(fragment, str | None)):
        return None
    if index is None or (type(index) is int and 0 <= index < SECTIONS_MAX):
        return line, mid, index, fragment
    return None
