"""ICE candidates on their way through Firestore (SPEC 3.2): out of a description, in batches, and out of these again.

A browser or a phone hears of its candidates one by one and sends them in the batches in which they come. aiortc gathers
all before it gives a description away, and writes them into it; they are taken out here, and travel as a phone's do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import batched, takewhile
from typing import Any, NotRequired, TypedDict

BATCH = 20  # SPEC 3.2: a document holds 1 to 20 candidates of at most 1 KiB, and a side has 50 documents a revision
BATCHES = 50
CANDIDATE_BYTES = 1024
# RFC 8839, sections 5.1 and 8.2; the group is a candidate's line as addIceCandidate takes it
GATHERED = re.compile(r"^a=(?:(candidate:.*?)|end-of-candidates)\r?\n", re.MULTILINE)


class Candidate(TypedDict):
    """RTCIceCandidateInit of the W3C's WebRTC, section 4.8.1. The empty one says: there are no more."""

    candidate: str
    sdpMid: str | None
    sdpMLineIndex: int | None
    usernameFragment: NotRequired[str | None]


def split(sdp: str) -> tuple[str, list[Candidate]]:
    """A description without its candidates, and the candidates.

    Bundled sections share one transport and repeat its candidates: the first section that names one is enough.
    """
    head, *sections = re.split("^(?=m=)", sdp, flags=re.MULTILINE)
    found: dict[str, Candidate] = {}
    for index, section in enumerate(sections):
        mid, fragment = attribute("mid", section), attribute("ice-ufrag", section) or attribute("ice-ufrag", head)
        for line in GATHERED.findall(section):
            candidate = Candidate(candidate=line, sdpMid=mid, sdpMLineIndex=index, usernameFragment=fragment)
            if line:
                found.setdefault(line, candidate)
    return head + "".join(GATHERED.sub("", section) for section in sections), list(found.values())


def attribute(name: str, lines: str) -> str | None:
    found = re.search(rf"^a={name}:(.*?)\r?$", lines, re.MULTILINE)
    return found.group(1) if found else None


def end_of(candidates: Sequence[Candidate]) -> Candidate:
    """The mark that no more will follow, in the section of the first candidate."""
    first = candidates[0]
    return {**first, "candidate": ""}


def documents(sender: str, revision: int, candidates: Sequence[Candidate]) -> dict[str, dict[str, Any]]:
    """Document id -> what stands in it, but for its times."""
    return {
        f"{sender}-{revision}-{n}": {"sender": sender, "revision": revision, "candidates": list(batch)}
        for n, batch in enumerate(batched(candidates, BATCH))
    }


class Inbox:
    """The other side's candidates, each once, whatever the order in which documents and descriptions arrive.

    A candidate is held back until the description of its round is set. Candidates count in any order; only the mark
    that ends them has to wait for all that was sent before it.
    """

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._arrived: dict[str, list[Candidate]] = {}
        self._taken: set[str] = set()
        self._ended: set[int] = set()

    def put(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        for document_id, batch in documents.items():
            self._arrived.setdefault(document_id, readable(batch.get("candidates")))

    def take(self, revision: int) -> list[Candidate]:
        """What is new of a round whose description is set. The empty one comes last, and once."""
        new: list[Candidate] = []
        ids = [f"{self._sender}-{revision}-{n}" for n in range(BATCHES)]
        for document_id in ids:
            if document_id in self._arrived and document_id not in self._taken:
                self._taken.add(document_id)
                new += [each for each in self._arrived[document_id] if each["candidate"]]
        if revision not in self._ended and self._is_complete(ids):
            self._ended.add(revision)
            new.append(Candidate(candidate="", sdpMid=None, sdpMLineIndex=0))
        return new

    def _is_complete(self, ids: Sequence[str]) -> bool:
        """Everything has arrived, up to the document with the mark that ends them."""
        upto_the_first_gap = takewhile(self._arrived.__contains__, ids)
        return any(not each["candidate"] for document_id in upto_the_first_gap for each in self._arrived[document_id])


def readable(batch: object) -> list[Candidate]:
    """Those that have the form of a candidate: what another client wrote is not to be relied on."""
    return [each for each in batch if is_candidate(each)] if isinstance(batch, list) else []


def is_candidate(each: object) -> bool:
    if not isinstance(each, dict) or not isinstance(each.get("candidate"), str):
        return False
    mid, index = each.get("sdpMid"), each.get("sdpMLineIndex")
    placed = isinstance(mid, str) or (isinstance(index, int) and index >= 0)
    return len(each["candidate"].encode()) <= CANDIDATE_BYTES and (placed or not each["candidate"])
