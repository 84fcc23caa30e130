"""Shows the validator millions of inputs: `make fuzz`, with ARGS="--runs 10000000" for the long run.

Coverage-guided by Atheris, which has an environment of its own (tools/lock/fuzz.txt) and builds for Linux only. Elsewhere
the same mutations run without guidance. Ends with how often each code was reached, and fails if one was not.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools import bootstrap

ENVIRONMENT = bootstrap.ROOT / ".stack" / "fuzz"
LOCK = bootstrap.LOCKS / "fuzz.txt"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="inputs in all (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share them (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first process (default: %(default)s)")
    asked = parser.parse_args()
    python = _python()
    print(f"{asked.runs} inputs, seed {asked.seed}", flush=True)
    started = [
        subprocess.Popen(
            [python, "-m", "tests.fuzz.harness", str(asked.runs // asked.jobs), str(asked.seed + job)],
            cwd=bootstrap.ROOT,
            env={"PYTHONPATH": f"{bootstrap.ROOT / 'functions'}:{bootstrap.ROOT}", "PATH": "/usr/bin:/bin"},
        )
        for job in range(asked.jobs)
    ]
    return max(process.wait() for process in started)


def _python() -> Path:
    if sys.platform != "linux":
        return Path(sys.executable)
    if not bootstrap.is_current(ENVIRONMENT, LOCK):
        uv = bootstrap.find_uv()
        bootstrap.run(uv, "venv", "--quiet", "--clear", "--python", bootstrap.PYTHON, str(ENVIRONMENT))
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(ENVIRONMENT)]
        bootstrap.run(*sync, str(LOCK))
        (ENVIRONMENT / ".lock").write_text(bootstrap.stamp(LOCK))
    return ENVIRONMENT / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main())
