"""The reader against another one: aiortc's parser, wherever that reads a description at all.

They agree on sections, kinds, ports, protocols and mids, and for a section that lives on ICE credentials and
fingerprints. Where they do not, the reason has a name, and a test that holds it to that.
"""

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from aiortc.sdp import MediaDescription, SessionDescription

from tests.fuzz.inputs import mutate
from tests.unit.core.descriptions import BAD, CORPUS, captured
from webrtc_lite.core.machine import CALLER
from webrtc_lite.core.reader import Description, Section, read
from webrtc_lite.core.sdp import reoffer_problems

NAMES = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.sdp") if path.parent != BAD)
MUTATIONS = 3_000
SEED = 20_261_121

BORROWED = "aiortc does not know that a bundled section may borrow a transport (RFC 9143 7.1.3)"
BOTH_LEVELS = "aiortc adds the session's fingerprints to a section's own, which replace them (RFC 8122 5)"


def test_aiortc_reads_what_real_engines_send_as_the_reader_does() -> None:
    found: Counter[str] = Counter()
    for name in NAMES:
        text = captured(name)
        found.update(differences(text, SessionDescription.parse(text)))
    assert set(found) == {BORROWED, BOTH_LEVELS}


def test_aiortc_reads_what_is_accepted_of_mutations_as_the_reader_does() -> None:
    rng = random.Random(SEED)  # noqa: S311 (dice that can be thrown again)
    bases = [captured(name) for name in NAMES if name.endswith(".offer.sdp")]
    read_by_both = 0
    for _ in range(MUTATIONS):
        text = mutate(rng.choice(bases), rng, 2)
        if reoffer_problems(text, None, CALLER):
            continue
        try:
            theirs = SessionDescription.parse(text)
        except Exception:  # noqa: BLE001, S112 (it raises what it likes, at codecs and extensions that we do not look at)
            continue
        read_by_both += 1
        unexplained = set(differences(text, theirs)) - {BORROWED, BOTH_LEVELS}
        assert unexplained == set(), text
    assert read_by_both > MUTATIONS / 10


def differences(text: str, theirs: SessionDescription) -> Iterator[str]:
    ours = read(text)
    assert len(theirs.media) == len(ours.sections)
    for section, media in zip(ours.sections, theirs.media, strict=True):
        assert (section.kind, section.port, section.proto) == (media.kind, media.port, media.profile)
        assert section.mid == media.rtp.muxId
        if section.live:
            yield from transport_differences(ours, section, media)


def transport_differences(ours: Description, section: Section, media: MediaDescription) -> Iterator[str]:
    assert media.ice
    for name, value in (("ice-ufrag", media.ice.usernameFragment), ("ice-pwd", media.ice.password)):
        part = ours.stating(section, name)
        if part is not None and part not in (section, ours.session):
            assert value is None
            yield BORROWED
        else:
            assert value == (part.value(name) if part else None)
    part = ours.stating(section, "fingerprint")
    said = part.values("fingerprint") if part else []
    theirs = [f"{each.algorithm} {each.value}" for each in media.dtls.fingerprints] if media.dtls else []
    session = list(ours.session.values("fingerprint"))
    if part is section and session:
        assert theirs == [*session, *said]
        yield BOTH_LEVELS
    elif part is not None and part not in (section, ours.session):
        assert theirs == []
        yield BORROWED
    elif theirs or section.has("setup"):
        assert theirs == list(said)


@pytest.mark.parametrize("text", ["", "hello", "v=0\r\n"])
def test_what_aiortc_takes_for_a_description_and_nobody_should(text: str) -> None:
    assert SessionDescription.parse(text).media == []
    assert reoffer_problems(text, None, CALLER)
