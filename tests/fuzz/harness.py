"""One process of the fuzzer: `python -m tests.fuzz.harness RUNS SEED`, guided by coverage where there is Atheris."""

import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

try:
    import atheris  # type: ignore[import-untyped]  # in an environment of its own
except ImportError:
    atheris = None

if atheris:
    with atheris.instrument_imports(include=["webrtc_lite.core"]):
        from webrtc_lite.core import candidates, reader, sdp, summary  # noqa: F401 (to be instrumented first)

from tests.fuzz.inputs import ACCEPTED, CANDIDATES_ONLY, EVERYTHING, judge, mutate_input, seeds

LENGTH_MAX = 1_000  # of what is mutated: short inputs are many inputs
SLOW = 0.5  # seconds of CPU for one input: a thousand times what one takes
GUIDED = 0.3  # the share of mutations that are Atheris' own


class Tally:
    def __init__(self, runs: int) -> None:
        self.runs = runs
        self.done = 0
        self.reached: Counter[str] = Counter()
        self.slowest = 0.0
        self.started = time.monotonic()

    def take(self, data: bytes) -> None:
        started = time.process_time()
        self.reached.update(judge(data))
        self.slowest = max(self.slowest, time.process_time() - started)
        assert self.slowest < SLOW, f"an input of {len(data)} bytes took {self.slowest:.2f} s"
        self.done += 1
        if self.done % 500_000 == 0 or self.done == self.runs:
            self.tell()

    def tell(self) -> None:
        seconds = time.monotonic() - self.started
        per_second = self.done / seconds
        slowest = self.slowest * 1000
        print(f"{self.done:,} inputs in {seconds:.0f} s ({per_second:.0f}/s), slowest {slowest:.1f} ms", flush=True)
        if self.done == self.runs:
            for code, times in self.reached.most_common():
                print(f"  {times:>10,} {code}")
            print(f"  never reached: {sorted(self.missed) or 'none'}", flush=True)

    @property
    def missed(self) -> set[str]:
        return {ACCEPTED, *EVERYTHING, *CANDIDATES_ONLY} - self.reached.keys()


def main() -> int:
    runs, seed = map(int, sys.argv[1:3])
    tally = Tally(runs)
    short = []
    for each in seeds():
        tally.take(each)
        if len(each) <= LENGTH_MAX:
            short.append(each)
    if atheris:
        guided(tally, short, seed)
    else:
        rng = random.Random(seed)
        weights = list(itertools.accumulate(1 / len(each) ** 2 for each in short))
        while tally.done < runs:
            (base,) = rng.choices(short, cum_weights=weights)
            tally.take(mutate_input(base, rng))
    return 1 if tally.missed else 0


def guided(tally: Tally, short: list[bytes], seed: int) -> None:
    def mutator(data: bytes, size_max: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < GUIDED:
            return bytes(atheris.Mutate(data, size_max))
        return mutate_input(data or rng.choice(short), rng)[:size_max]

    def take(data: bytes) -> None:
        tally.take(data)
        if tally.done == tally.runs:
            os._exit(1 if tally.missed else 0)

    with tempfile.TemporaryDirectory() as directory:
        for number, each in enumerate(short):
            (Path(directory) / str(number)).write_bytes(each)
        options = [
            f"-seed={seed}",
            f"-max_len={LENGTH_MAX}",
            "-timeout=10",
            "-verbosity=0",
            f"-artifact_prefix={directory}/",
        ]
        atheris.Setup([sys.argv[0], *options, directory], take, custom_mutator=mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
