"""The client by itself: built, installed into a fresh environment, and run from outside the repository."""

import re
import subprocess
import sysconfig
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.bootstrap import find_uv
from tools.provision import ROOT
from webrtc_lite_client.problem import Exit

WITHIN_S = 120


def ran(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(cwd)}  # nothing of this repository's on any path
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=WITHIN_S, cwd=cwd, env=clean)


def succeeded(command: Sequence[str | Path], cwd: Path) -> str:
    done = ran(command, cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wheel")
    succeeded(
        [
            find_uv(),
            "build",
            "--wheel",
            "--no-build-isolation",
            "--python",
            ROOT / ".venv",
            "-o",
            made,
            ROOT / "client",
        ],
        made,
    )
    [built] = made.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command. What the client depends on is taken from this environment: tests need no network."""
    home = tmp_path_factory.mktemp("installed")
    venv = home / "venv"
    succeeded([find_uv(), "venv", "--quiet", "--python", ROOT / ".venv" / "bin" / "python", venv], home)
    succeeded([find_uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", venv, wheel], home)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin" / "webrtc-lite-client"


def test_the_command_teaches_itself_wherever_it_is_run(command: Path, tmp_path: Path) -> None:
    assert "exit codes:" in succeeded([command, "--help"], tmp_path)
    assert "sign-in" in succeeded([command, "smoke", "--help"], tmp_path)


def test_an_installed_client_says_what_is_missing(command: Path, tmp_path: Path) -> None:
    done = ran([command, "smoke", "--project", "my-app"], tmp_path)

    assert done.returncode == Exit.USAGE
    assert "WEBRTC_LITE_API_KEY" in done.stdout


def test_it_is_installed_with_the_pins_that_it_is_tested_with(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        needed = re.findall(r"^Requires-Dist: (.+)$", archive.read(metadata).decode(), re.MULTILINE)
        packaged = {Path(name).name for name in archive.namelist() if name.startswith("webrtc_lite_client/")}

    assert sorted(needed) == sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["client"])
    assert packaged == {path.name for path in (ROOT / "client" / "webrtc_lite_client").glob("*.py")}
