"""The large form: every scene, the fast ones and the deep ones. Says how much it saw, or what broke and how."""

import sys
import time

from tests.model.explore import explored, remembered_verdicts
from tests.model.scenes import FAST, FULL
from tests.model.world import Broken


def main() -> int:
    states = transitions = 0
    with remembered_verdicts():
        for scene, floor in (FAST if "--fast" in sys.argv else FAST | FULL).items():
            began = time.process_time()
            try:
                found = explored(scene)
            except Broken as broken:
                say("\n".join([scene.name, f"BROKEN {broken.invariant}", broken.how, *broken.__notes__]))
                return 1
            say(f"{found} ({time.process_time() - began:.0f} s)")
            if found.states < floor:
                say(f"fewer than {floor:,}")
                return 1
            states, transitions = states + found.states, transitions + found.transitions
    say(f"all: {states:,} states, {transitions:,} transitions")
    return 0


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (that is what it is for)


if __name__ == "__main__":
    sys.exit(main())
