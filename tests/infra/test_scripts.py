"""The VM's scripts, as text: what shellcheck says, and that none asks for what a VM does not have."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.infra.terraform import MODULE

VM = MODULE / "vm"
SHELL = sorted(VM.glob("*.sh"))
PYTHON = sorted(VM.glob("*.py"))
LINES_MAX = 140


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(tools: Path, script: Path) -> None:
    done = subprocess.run([str(tools / "shellcheck"), str(script)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("script", [*SHELL, *PYTHON], ids=lambda path: path.name)
def test_a_script_is_small_says_what_it_does_and_stops_at_the_first_error(script: Path) -> None:
    text = script.read_text()
    assert stat.S_IMODE(script.stat().st_mode) & 0o111
    assert text.startswith(("#!/bin/sh\n# ", '#!/usr/bin/env python3\n"""'))
    if script.suffix == ".sh":
        assert re.search(r"^set -eu$", text, re.MULTILINE)
        assert text.count("\n") < LINES_MAX


def test_every_unit_calls_what_is_there() -> None:
    called = set()
    for unit in (VM / "etc/systemd/system").glob("*.service"):
        called |= set(re.findall(r"/usr/local/lib/webrtc-lite/(\S+)", unit.read_text()))
    assert called
    assert called <= {path.name for path in (*SHELL, *PYTHON)}
