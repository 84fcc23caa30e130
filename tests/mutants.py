"""How much of the core its own tests hold in place: mutmut changes it bit by bit, and tests/unit/core has to notice.

mutmut names what it changes by its path and takes it for the module's name, so it works on a copy in which the package
lies at the top.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = 0.95
ENDED = re.compile(r"^\s*(\S+__mutmut_\d+): (.+)$", re.MULTILINE)

CONFIGURATION = """
[tool.mutmut]
source_paths = ["webrtc_lite/core"]
pytest_add_cli_args_test_selection = ["tests/unit/core"]
also_copy = ["webrtc_lite", "tests"]

[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider"]
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        shutil.copytree(ROOT / "functions" / "webrtc_lite", copy / "webrtc_lite")
        shutil.copytree(ROOT / "tests" / "unit" / "core", copy / "tests" / "unit" / "core")
        shutil.copytree(ROOT / "tests" / "sdp", copy / "tests" / "sdp")
        (copy / "pyproject.toml").write_text(CONFIGURATION)
        mutmut(copy, "run", "--max-children", "2")
        ends = dict(ENDED.findall(mutmut(copy, "results", "--all", "true")))
        killed = [name for name, end in ends.items() if end in {"killed", "timeout"}]
        for name in sorted(ends.keys() - set(killed)):
            say(f"{ends[name]}: {name}")
            say("\n".join(line for line in mutmut(copy, "show", name).splitlines() if line.startswith(("-", "+"))))
        score = len(killed) / len(ends)
        say(f"killed {len(killed)} of {len(ends)}: {score:.1%}")
        return 0 if score >= TARGET else 1


def mutmut(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"mutmut {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (that is what it is for)


if __name__ == "__main__":
    sys.exit(main())
