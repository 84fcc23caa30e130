"""Makes the two virtual environments, with nothing but a Python (3.9 or newer) to start from.

    .venv            what works on this repository: tools/lock/dev.txt
    functions/venv   what is deployed, and nothing else: functions/requirements.txt

The Functions emulator and `firebase deploy` expect the second one at that place. Both are installed by uv from lock
files with hashes; uv itself is taken from the PATH or installed below .stack/. Installs again where a lock has changed.

`--lock` compiles the lock files anew from pyproject.toml, and nothing else: see `make lock`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "tools" / "lock"
PYTHON = "3.12"  # the runtime in firebase.json, whose binary the Functions emulator looks for by name
ENVIRONMENTS = {
    ROOT / ".venv": LOCKS / "dev.txt",
    ROOT / "functions" / "venv": ROOT / "functions" / "requirements.txt",
}


def main() -> None:
    if sys.argv[1:] == ["--lock"]:
        compile_locks()
        return
    stale = {venv: lock for venv, lock in ENVIRONMENTS.items() if not is_current(venv, lock)}
    if not stale:
        return
    for venv, lock in stale.items():
        print(f"installing {venv.relative_to(ROOT)} from {lock.relative_to(ROOT)}", flush=True)
        try:
            install(venv, lock)
        except subprocess.CalledProcessError:
            sys.exit(f"{venv.relative_to(ROOT)} cannot be made; the lines above say why. It takes Python {PYTHON}.")


def install(venv: Path, lock: Path) -> None:
    """Makes an environment of what a lock file names, and nothing else."""
    uv = find_uv()
    run(uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(venv))
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
    run(*sync, "--python", str(venv), str(lock))
    (venv / ".lock").write_text(stamp(lock))


def is_current(venv: Path, lock: Path) -> bool:
    """Whether it was made from this lock and its interpreter is still there: an upgrade may have taken it away."""
    return read(venv / ".lock") == stamp(lock) and (venv / "bin" / "python").exists()


def compile_locks() -> None:
    """Pins every dependency group with hashes. What is deployed agrees with what it was tested with."""
    tested_with = LOCKS / "dev.txt"
    for group, lock, *constraint in (
        ("dev", tested_with),
        ("functions", ROOT / "functions" / "requirements.txt", "--constraint", str(tested_with)),
        ("fuzz", LOCKS / "fuzz.txt"),
        ("infra", LOCKS / "infra.txt", "--override", str(LOCKS / "infra.overrides")),
        ("jre", LOCKS / "jre.txt"),
        ("uv", LOCKS / "uv.txt"),
    ):
        command = [find_uv(), "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON]
        command += ["--generate-hashes", "--no-annotate", "--custom-compile-command", "make lock", *constraint]
        run(*command, "--group", f"{ROOT / 'pyproject.toml'}:{group}", "--output-file", str(lock))


def find_uv() -> str:
    """The uv on the PATH, or the pinned one below .stack/."""
    on_path = shutil.which("uv")
    if on_path:
        return on_path
    home = ROOT / ".stack" / "uv"
    lock = LOCKS / "uv.txt"
    if read(home / ".lock") != stamp(lock):
        shutil.rmtree(home, ignore_errors=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
        ]
        try:
            run(*pip, "--target", str(home), "-r", str(lock))
        except subprocess.CalledProcessError:
            if importlib.util.find_spec("pip"):
                sys.exit(
                    "uv cannot be installed: pip says why above. Mend that, or install uv yourself: docs.astral.sh/uv"
                )
            sys.exit("uv cannot be installed: this Python has no pip. Type: sudo apt-get install python3-pip")
        (home / ".lock").write_text(stamp(lock))
    return str(home / "bin" / "uv")


def stamp(lock: Path) -> str:
    return f"{PYTHON} {hashlib.sha256(lock.read_bytes()).hexdigest()}"


def read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def run(*command: str) -> None:
    # What a shell has chosen for other work: another environment, and the Python that a version manager is held to.
    chosen = ("VIRTUAL_ENV", "PYENV_VERSION")
    outside = {name: value for name, value in os.environ.items() if name not in chosen}
    subprocess.run(command, check=True, env=outside, cwd=ROOT)


if __name__ == "__main__":
    main()
