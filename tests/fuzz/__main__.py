"""Shows the validator millions of inputs: `make fuzz`, with ARGS="--runs 10000000" for the long run.

A twentieth of the inputs is guided by coverage: Atheris, which has an environment of its own (tools/lock/fuzz.txt) and
builds for Linux only. The others come from the same mutations of the same seeds without guidance, eight times as fast.
They run side by side. Each process ends with how often every code was reached, and fails if one was not.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tools import bootstrap

ENVIRONMENT = bootstrap.ROOT / ".stack" / "fuzz"
LOCK = bootstrap.LOCKS / "fuzz.txt"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="inputs in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is random (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes without guidance (default: %(default)s)")
    asked = parser.parse_args()
    print(f"{asked.runs} inputs, seed {asked.seed}", flush=True)
    guided = asked.runs // 20 if sys.platform == "linux" else 0
    each = (asked.runs - guided) // asked.jobs
    started = [_started(Path(sys.executable), each, asked.seed + job) for job in range(asked.jobs)]
    if guided:
        started.append(_started(_atheris(), guided, asked.seed))
    return max(process.wait() for process in started)


def _started(python: Path, runs: int, seed: int) -> subprocess.Popen[bytes]:
    paths = f"{bootstrap.ROOT / 'functions'}:{bootstrap.ROOT}"
    command = [str(python), "-m", "tests.fuzz.harness", str(runs), str(seed)]
    return subprocess.Popen(command, cwd=bootstrap.ROOT, env={**os.environ, "PYTHONPATH": paths})


def _atheris() -> Path:
    if not bootstrap.is_current(ENVIRONMENT, LOCK):
        uv = bootstrap.find_uv()
        bootstrap.run(uv, "venv", "--quiet", "--clear", "--python", bootstrap.PYTHON, str(ENVIRONMENT))
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(ENVIRONMENT)]
        bootstrap.run(*sync, str(LOCK))
        (ENVIRONMENT / ".lock").write_text(bootstrap.stamp(LOCK))
    return ENVIRONMENT / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main())
