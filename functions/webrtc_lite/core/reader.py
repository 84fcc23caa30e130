"""A description, taken apart: session, sections, lines and attributes, and nothing interpreted (RFC 8866 section 5).

A line ends at CRLF or LF and nowhere else, so no line can hide behind what only some programs take for a line end. Any
str can be read, in time linear in its length.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

PORT_MAX = 65_535
MEDIA = re.compile(r"m=([^ ]+) ([0-9]{1,5})(?:/[0-9]+)? ([^ ]+) ([^ ].*)", re.DOTALL)  # RFC 8866 5.14
TYPED = frozenset(f"{letter}=" for letter in "abcdefghijklmnopqrstuvwxyz")
UNTYPED = "-"  # stands among the types for a line that has none


class Attribute(NamedTuple):
    line: int  # from 1, as editors count
    value: str  # behind the colon; empty for one that only has a name


class Part:
    """The lines up to the next m= line: those of the session, or a section's."""

    def __init__(self, lines: Sequence[str], types: str, first: int) -> None:
        self.lines = lines
        self.types = types  # a letter a line
        self.first = first  # the number of its first line

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        """Where the lines stand that begin alike, up to a colon. Half of the time of a verdict is spent here."""
        found: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            start = line.partition(":")[0]
            if start in found:
                found[start].append(index)
            else:
                found[start] = [index]
        return found

    def has(self, name: str) -> bool:
        return f"a={name}" in self._places

    def names(self, among: Mapping[str, str]) -> Sequence[str]:
        """Which of these attributes stand here; `among` has them with the starts of their lines."""
        places = self._places
        return [name for name, start in among.items() if start in places]

    @cached_property
    def repeated(self) -> AbstractSet[str]:
        """The starts of the lines that stand here more than once."""
        return {start for start, places in self._places.items() if len(places) > 1}

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

    def __init__(self, lines: Sequence[str], types: str, first: int, index: int) -> None:
        super().__init__(lines, types, first)
        self.index = index  # as in sdpMLineIndex
        media = MEDIA.fullmatch(lines[0])
        if media is None or int(media[2]) > PORT_MAX:
            self.kind, self.port, self.proto, self.formats = "", 0, "", ""
        else:
            self.kind, self.port, self.proto, self.formats = media[1], int(media[2]), media[3], media[4]

    @cached_property
    def live(self) -> bool:
        """Port 0 is a section rejected or stopped (RFC 3264 6), or one that only lives in its bundle (RFC 9143 6)."""
        return self.port != 0 or (self.kind != "" and self.has("bundle-only"))

    @cached_property
    def mid(self) -> str:
        return self.value("mid")


@dataclass(frozen=True, eq=False)
class Description:
    text: str
    session: Part
    sections: Sequence[Section]

    @cached_property
    def parts(self) -> Sequence[Part]:
        return (self.session, *self.sections)

    @cached_property
    def live(self) -> Sequence[Section]:
        return [section for section in self.sections if section.live]

    @cached_property
    def last(self) -> int:
        """The number of the last line; 1 where there is none."""
        part = self.parts[-1]
        return max(1, part.first + len(part.lines) - 1)

    @cached_property
    def bundles(self) -> Sequence[tuple[int, Sequence[str]]]:
        """Each BUNDLE group: the number of its line, and its mids."""
        groups = [(number, value.split()) for number, value in self.session.every("group")]
        return [(number, words[1:]) for number, words in groups if words[:1] == ["BUNDLE"]]

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
        for part in (section, self.session, self.leaders.get(section.mid)):
            if part is not None and part.has(name):
                return part
        return None


def read(text: str) -> Description:
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:  # what follows the last line end
        lines.pop()
    starts = [line[:2] for line in lines]
    if TYPED.issuperset(starts):
        types = "".join(starts)[::2]
    else:
        types = "".join(start[0] if start in TYPED else UNTYPED for start in starts)
    media = [index for index, letter in enumerate(types) if letter == "m"]
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
