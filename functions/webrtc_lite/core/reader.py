"""A description, taken apart: session, sections, lines and attributes, and nothing interpreted (RFC 8866 section 5).

A line ends at CRLF or LF and nowhere else, so no line can hide behind what only some programs take for a line end. Any
str can be read, in time linear in its length.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

PORT_MAX = 65_535
MEDIA = re.compile(r"m=([^ ]+) ([0-9]{1,5})(?:/[0-9]+)? ([^ ]+) ([^ ].*)", re.DOTALL)  # RFC 8866 5.14
TYPED = frozenset(f"{letter}=" for letter in "abcdefghijklmnopqrstuvwxyz")
USUAL_SESSION = re.compile("vosi?u?e*p*c?b*tr*z?k?a*")  # RFC 8866 9, with the one t= that RFC 8829 5.2.1 has
USUAL_SECTION = re.compile("mi?c*b*k?a*")
NAMELESS = frozenset({"a=", "a= "})
UNTYPED = "-"  # stands among the types for a line that has none


class Attribute(NamedTuple):
    line: int  # from 1, as editors count
    value: str  # behind the colon; empty for one that only has a name


class Part:
    """The lines up to the next m= line: those of the session, or a section's."""

    usual = USUAL_SESSION

    def __init__(self, lines: Sequence[str], types: str, first: int) -> None:
        self.lines = lines
        self.types = types  # a letter a line
        self.first = first  # the number of its first line
        # Whether its lines come in the order of RFC 8866 5, none too often, and all of known types.
        self.is_usual = self.usual.fullmatch(types) is not None
        # Where the lines stand that begin alike, up to a colon. A quarter of the time of a verdict is spent here.
        self._places: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            start = line.partition(":")[0]
            if start in self._places:
                self._places[start].append(index)
            else:
                self._places[start] = [index]

    @property
    def nameless(self) -> Sequence[int]:
        """The numbers of the lines of attributes without a name."""
        starts = [start for start in self._places if start[:3] in NAMELESS]
        return sorted(self.first + index for start in starts for index in self._places[start])

    @property
    def repeated(self) -> AbstractSet[str]:
        """The starts of the lines that stand here more than once."""
        return {start for start, places in self._places.items() if len(places) > 1}

    def has(self, name: str) -> bool:
        return f"a={name}" in self._places

    def names(self, among: Mapping[str, str]) -> Sequence[str]:
        """Which of these attributes stand here; `among` has them with the starts of their lines."""
        return [name for name, start in among.items() if start in self._places]

    def values(self, name: str) -> Sequence[str]:
        start = len(name) + 3
        return [self.lines[index][start:] for index in self._places.get(f"a={name}", ())]

    def every(self, name: str) -> Sequence[Attribute]:
        start = len(name) + 3
        places = self._places.get(f"a={name}", ())
        return [Attribute(self.first + index, self.lines[index][start:]) for index in places]

    def value(self, name: str) -> str:
        """What the attribute says where it first stands; empty if it says nothing, or stands nowhere."""
        places = self._places.get(f"a={name}")
        return self.lines[places[0]][len(name) + 3 :] if places else ""


class Section(Part):
    """An m= line and the lines that follow it; without a kind if the m= line has not the form of one."""

    usual = USUAL_SECTION

    def __init__(self, lines: Sequence[str], types: str, first: int, index: int) -> None:
        super().__init__(lines, types, first)
        self.index = index  # as in sdpMLineIndex
        media = MEDIA.fullmatch(lines[0])
        if media is None or int(media[2]) > PORT_MAX:
            self.kind, self.port, self.proto, self.formats = "", 0, "", ""
        else:
            self.kind, self.port, self.proto, self.formats = media[1], int(media[2]), media[3], media[4]

        # Port 0 is a section rejected or stopped (RFC 3264 6), or one that only lives in its bundle (RFC 9143 6).
        self.live = self.port != 0 or (self.kind != "" and self.has("bundle-only"))
        self.mid = self.value("mid")


class Description:
    def __init__(self, text: str, session: Part, sections: Sequence[Section]) -> None:
        self.text = text
        self.session = session
        self.sections = sections
        self.parts: Sequence[Part] = (session, *sections)
        self.unusual = [part for part in self.parts if not part.is_usual]
        self.live = [section for section in sections if section.live]
        groups = [(number, value.split()) for number, value in session.every("group")]
        # Each BUNDLE group: the number of its line, and its mids.
        self.bundles = [(number, words[1:]) for number, words in groups if words[:1] == ["BUNDLE"]]

    @property
    def last(self) -> int:
        """The number of the last line; 1 where there is none."""
        part = self.parts[-1]
        return max(1, part.first + len(part.lines) - 1)

    @cached_property
    def leaders(self) -> Mapping[str, Section]:
        """By mid, the section whose transport a bundled one shares: the one that its group names first."""
        named = {section.mid: section for section in self.sections}
        return {mid: named[mids[0]] for _, mids in self.bundles if mids and mids[0] in named for mid in mids}

    def stating(self, section: Section, name: str) -> Part | None:
        """Where a transport attribute of a section stands.

        It stands in the section, at session level (Firefox, Pion, libdatachannel, servers with ICE-lite) or, for a
        bundled section, in the one whose transport it shares (RFC 9143 7.1.3).
        """
        if section.has(name):
            return section
        if self.session.has(name):
            return self.session
        leader = self.leaders.get(section.mid)
        return leader if leader is not None and leader.has(name) else None


def read(text: str) -> Description:
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:  # what follows the last line end
        lines.pop()
    letters = ["a"] * len(lines)
    for index in [index for index, line in enumerate(lines) if line[:2] != "a="]:  # which are few
        start = lines[index][:2]
        letters[index] = start[0] if start in TYPED else UNTYPED
    types = "".join(letters)
    media = []
    at = types.find("m")
    while at >= 0:
        media.append(at)
        at = types.find("m", at + 1)
    ends = [*media, len(lines)]
    session = Part(lines[: ends[0]], types[: ends[0]], 1)
    return Description(
        text,
        session,
        [
            Section(lines[start:end], types[start:end], start + 1, index)
            for index, (start, end) in enumerate(zip(media, ends[1:], strict=True))
        ],
    )
