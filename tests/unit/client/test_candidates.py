"""Candidates out of a description, into documents, and out of documents again."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tools.provision import ROOT
from webrtc_lite_client.candidates import Candidate, Inbox, documents, end_of, split

CAPTURED = sorted(path for path in (ROOT / "tests" / "sdp").glob("*/*.sdp") if path.parent.name not in {"bad", "made"})
SDP = """\
v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 40000 UDP/TLS/RTP/SAVPF 96
a=mid:0
a=candidate:1 1 udp 5 192.0.2.1 40000 typ relay
a=candidate:2 1 udp 4 192.0.2.1 40001 typ relay
a=end-of-candidates
a=ice-ufrag:abcd
m=application 40000 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
a=candidate:1 1 udp 5 192.0.2.1 40000 typ relay
a=ice-ufrag:abcd
""".replace("\n", "\r\n")


def candidate(text: str) -> Candidate:
    return {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"}


def many(count: int) -> list[Candidate]:
    return [candidate(f"candidate:{n} 1 udp 1 192.0.2.1 {n} typ relay") for n in range(1, count + 1)]


def sent(candidates: list[Candidate]) -> dict[str, dict[str, Any]]:
    return documents("caller", 1, [*candidates, end_of(candidates)])


def test_a_candidate_of_a_bundle_is_taken_once_and_knows_its_first_section() -> None:
    _, found = split(SDP)

    assert found == [
        candidate("candidate:1 1 udp 5 192.0.2.1 40000 typ relay"),
        candidate("candidate:2 1 udp 4 192.0.2.1 40001 typ relay"),
    ]


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_other_byte_of_a_description_stays_as_it_is(path: Path) -> None:
    sdp = path.read_bytes().decode()
    lines = sdp.split("\r\n")
    gathered = [line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates"))]

    left, found = split(sdp)

    assert left == "\r\n".join(line for line in lines if line not in gathered)
    assert {f"a={each['candidate']}" for each in found} == set(gathered) - {"a=end-of-candidates"}
    assert {each["sdpMid"] for each in found} <= {line[6:] for line in lines if line.startswith("a=mid:")}


def test_a_description_without_sections_has_no_candidates() -> None:
    assert split("hello") == ("hello", [])


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (20, [20]), (21, [20, 1]), (40, [20, 20])])
def test_a_document_holds_up_to_twenty_candidates_in_their_order(count: int, sizes: list[int]) -> None:
    batches = documents("callee", 3, many(count))

    assert list(batches) == [f"callee-3-{n}" for n in range(len(sizes))]
    assert [len(batch["candidates"]) for batch in batches.values()] == sizes
    assert [each for batch in batches.values() for each in batch["candidates"]] == many(count)
    assert all((batch["sender"], batch["revision"]) == ("callee", 3) for batch in batches.values())


def test_the_end_of_candidates_is_an_empty_one_in_the_section_of_the_first() -> None:
    assert end_of(many(2)) == candidate("")


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_whatever_the_order_of_documents_each_candidate_comes_once_and_the_end_last(order: tuple[int, ...]) -> None:
    batches = list(sent(many(45)).items())
    inbox = Inbox("caller")

    arrived: dict[str, dict[str, Any]] = {}
    all_taken: list[Candidate] = []
    for n in order:
        arrived |= dict([batches[n]])
        inbox.put(arrived)  # a listener says everything again
        all_taken += inbox.take(1)
        all_taken += inbox.take(1)

    texts = [each["candidate"] for each in all_taken]
    assert texts[-1] == ""
    assert sorted(texts[:-1]) == sorted(each["candidate"] for each in many(45))


def taken(documents: dict[str, dict[str, Any]], revision: int = 1) -> list[Candidate]:
    inbox = Inbox("caller")
    inbox.put(documents)
    return inbox.take(revision)


def test_candidates_wait_for_the_description_of_their_round() -> None:
    inbox = Inbox("caller")
    inbox.put(sent(many(3)))

    assert inbox.take(2) == []
    assert len(inbox.take(1)) == 4


def test_nobody_else_speaks_in_the_name_of_the_other_side() -> None:
    assert taken(documents("callee", 1, many(3))) == []


@pytest.mark.parametrize(
    "batch",
    [
        None, "candidate:1", [None], [7], [{}], [{"candidate": 7}], [{"candidate": "candidate:1"}],
        [{"candidate": "candidate:1", "sdpMid": None, "sdpMLineIndex": -1}],
        [{"candidate": "candidate:" + "x" * 1024, "sdpMid": "0"}],
    ],
)  # fmt: skip
def test_what_has_not_the_form_of_a_candidate_is_left_out(batch: object) -> None:
    assert taken({"caller-1-0": {"candidates": batch}}) == []


@pytest.mark.parametrize("place", [{"sdpMid": "0"}, {"sdpMLineIndex": 0}, {"sdpMid": None, "sdpMLineIndex": 0}])
def test_a_candidate_may_name_its_section_in_either_way(place: dict[str, Any]) -> None:
    each = {"candidate": "candidate:1", **place}

    assert taken({"caller-1-0": {"candidates": [each]}}) == [each]
