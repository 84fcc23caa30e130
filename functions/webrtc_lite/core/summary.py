"""What a call negotiates, for a log line: kinds, directions, codecs, simulcast, bundle, DTLS roles, ICE options.

Nothing that leads to a person or into a call: no address, no candidate, no fingerprint, no credential, no id of a
track. Names that a client made up are told only where they are words of a few harmless characters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webrtc_lite.core.reader import Description, Section, read
from webrtc_lite.core.sdp import DATA, DIRECTIONS, OPPOSITE, RTP, SECTIONS_MAX

WORD = re.compile("[A-Za-z][A-Za-z0-9+-]{0,31}")  # no dot and no colon: it cannot be an address
WORDS_MAX = 32
# RFC 3551 6: payload types that need no rtpmap, as far as WebRTC knows them.
STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722", "13": "CN"}
REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True)
class SectionSummary:
    kind: str
    direction: str  # as the offerer sees it; "rejected" where nothing comes of it
    codecs: tuple[str, ...] = ()  # those of the answer, the one that is preferred first
    simulcast: int = 0  # streams of one source


@dataclass(frozen=True)
class Summary:
    """Of an offer alone what it proposes, of an offer and its answer what they agree on."""

    sections: tuple[SectionSummary, ...]
    bundled: int  # sections that share a transport with another
    dtls: tuple[str, ...]  # the role of the offerer, then that of the answerer
    ice: tuple[str, ...]  # a=ice-options that all gave, and "lite" where one side is


def summarize(offer: str, answer: str | None = None) -> Summary:
    offered = read(offer)
    said = offered if answer is None else read(answer)
    described = [offered] if answer is None else [offered, said]
    options = [_words(word for word in option.split()) for each in described if (option := _ice_options(each))]
    shared = [word for word in options[0] if all(word in each for each in options)] if options else []
    lite = ["lite"] if any(each.session.has("ice-lite") for each in described) else []
    return Summary(
        sections=tuple(
            _section(said, section, answered=answer is not None) for section in said.sections[:SECTIONS_MAX]
        ),
        bundled=sum(len(mids) for _, mids in said.bundles if len(mids) > 1),
        dtls=_roles(said, answered=answer is not None),
        ice=(*(shared if len(options) == len(described) else ()), *lite),
    )


def _section(said: Description, section: Section, *, answered: bool) -> SectionSummary:
    kind = section.kind if section.kind in RTP | DATA else "other"
    if not section.live:
        return SectionSummary(kind, "rejected")
    stated = section.names(DIRECTIONS) or said.session.names(DIRECTIONS) or ["sendrecv"]
    direction = REVERSED.get(stated[0], stated[0]) if answered else stated[0]
    if kind not in RTP:
        return SectionSummary(kind, "sendrecv")
    return SectionSummary(kind, direction, tuple(_codecs(section)), _streams(section.value("simulcast")))


def _codecs(section: Section) -> Sequence[str]:
    mapped = dict(value.partition(" ")[::2] for value in section.values("rtpmap"))
    named = (mapped.get(each, STATIC.get(each, "")).partition("/")[0] for each in section.formats.split())
    return _words(named)


def _streams(simulcast: str) -> int:
    """RFC 8853 5.1: of `send 1;2,3;~4 recv 5` the streams of the direction that has more; alternatives are one."""
    return min(WORDS_MAX, max((len(each.split(";")) for each in simulcast.split()[1::2]), default=0))


def _roles(said: Description, *, answered: bool) -> tuple[str, ...]:
    stated = next((part.value("setup") for section in said.live if (part := said.stating(section, "setup"))), "")
    if answered and stated in OPPOSITE:
        return OPPOSITE[stated], stated
    return (stated,) if WORD.fullmatch(stated) else ()


def _ice_options(description: Description) -> str:
    return next(filter(None, (part.value("ice-options") for part in description.parts)), "")


def _words(given: Iterable[str]) -> Sequence[str]:
    """Each once, in their order, and nothing but words."""
    return [word for word in dict.fromkeys(given) if WORD.fullmatch(word)][:WORDS_MAX]
