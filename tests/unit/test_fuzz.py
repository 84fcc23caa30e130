"""tests/fuzz: what the fuzzer starts from, and that it would tell. It runs in `make test` and `make fuzz`."""

import random

import pytest

from tests.fuzz import inputs
from tests.fuzz.inputs import ACCEPTED, CANDIDATES_ONLY, EVERYTHING, judge, mutate_input, seeds
from webrtc_lite.core import sdp


def test_every_code_and_the_accepting_path_are_reached_before_anything_is_mutated() -> None:
    reached = set().union(*(judge(seed) for seed in seeds()))
    assert reached == {ACCEPTED, *EVERYTHING, *CANDIDATES_ONLY}


def test_a_thousand_mutations_hold() -> None:
    rng = random.Random(20_261_121)  # noqa: S311 (dice that can be thrown again)
    short = [seed for seed in seeds() if len(seed) < 1_000]
    reached = set().union(*(judge(mutate_input(rng.choice(short), rng)) for _ in range(1_000)))
    assert len(reached) > len(EVERYTHING) / 2


def test_the_same_seed_gives_the_same_mutation() -> None:
    one, other = (mutate_input(seeds()[0], random.Random(7)) for _ in range(2))  # noqa: S311
    assert one == other


def test_a_verdict_that_does_not_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    quoting = sdp.Verdict((sdp.Problem("sdp_no_media", "v=0 is not enough", None, 1),))
    monkeypatch.setattr(sdp, "offer_verdict", lambda *_, **__: quoting)
    with pytest.raises(AssertionError):
        judge(bytes([inputs.OFFER]) + b"v=0")
