"""What a cold start, a credential and a set-up cost, as ratios within one run: a machine's own speed cancels out.

CPU time, medians, the contenders interleaved so that a noisy moment meets all of them.
"""

import base64
import hmac
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from tests.bench import set_up
from tests.support.functions import FUNCTIONS, deployed_python

ROUNDS = 9
SIGNATURES = 5_000

MEASURE = "import resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"
FLOOR = "import firebase_admin; import firebase_functions.https_fn"
MAIN = "import os; os.environ['FUNCTION_TARGET'] = 'issue_turn_credentials'; import main"
PYDANTIC = f"{FLOOR}; import pydantic; pydantic.BaseModel"
EVERYTHING = f"{MAIN}; import google.cloud.firestore"


def main() -> None:
    _print(
        "cold import, CPU",
        "ms",
        _medians(
            {
                "the SDK's own floor": lambda: _cold(FLOOR),
                "the floor and pydantic": lambda: _cold(PYDANTIC),
                "main.py for the callable": lambda: _cold(MAIN),
                "the same and Firestore": lambda: _cold(EVERYTHING),
            }
        ),
    )
    sys.path.insert(0, str(FUNCTIONS))
    turn = importlib.import_module("webrtc_lite.core.turn")
    relay = turn.Relay("turn.example.com", 3478, (5349, 443), "north-star-of-the-relay")
    _print(
        "one credential, CPU",
        "us",
        _medians(
            {
                "HMAC-SHA1 and base64": lambda: _repeated(_hmac_alone),
                "grant()": lambda: _repeated(lambda: turn.grant(relay, "alice", 3600, 1_893_452_400)),
            }
        ),
    )
    print()  # noqa: T201
    set_up.main()


def _cold(program: str) -> float:
    """Milliseconds of CPU of a fresh interpreter that runs it."""
    done = subprocess.run(
        [deployed_python(), "-c", f"{program}; {MEASURE}"], cwd=FUNCTIONS, capture_output=True, text=True, check=True
    )
    return float(done.stdout) * 1e3


def _repeated(call: Callable[[], object]) -> float:
    """Microseconds of CPU of one call."""
    start = time.process_time()
    for _ in range(SIGNATURES):
        call()
    return (time.process_time() - start) / SIGNATURES * 1e6


def _hmac_alone() -> bytes:
    return base64.b64encode(hmac.digest(b"north-star-of-the-relay", b"1893456060:alice", "sha1"))


def _medians(contenders: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    for measure in contenders.values():
        measure()  # writes byte code, warms caches
    rounds = [{name: measure() for name, measure in contenders.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(figures[name] for figures in rounds) for name in contenders}


def _print(title: str, unit: str, medians: Mapping[str, float]) -> None:
    base = next(iter(medians.values()))
    print(f"{title} (median of {ROUNDS})")  # noqa: T201 (that is what it is for)
    for name, figure in medians.items():
        print(f"  {name:26} {figure:8.1f} {unit}   x {figure / base:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
