"""`make infra-apply`, with a terraform that says what OCI said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools import provision

VERSION = "if [ \"$1\" = version ]; then echo 'Terraform v1.11.4'; exit; fi\n"


def run(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "terraform"
    program.write_text(f"#!/bin/sh\n{VERSION}{script}\n")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "tools.apply", "-auto-approve"]
    return subprocess.run(
        command, cwd=provision.ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


def test_out_of_host_capacity_is_followed_by_what_to_try(tmp_path: Path) -> None:
    done = run(tmp_path, "echo 'Error: 500-InternalError, Out of host capacity.' >&2; exit 1")
    assert done.returncode == 1
    assert "Out of host capacity." in done.stdout
    assert "availability_domain = 2" in done.stdout


def test_any_other_end_is_terraforms_own(tmp_path: Path) -> None:
    done = run(tmp_path, 'echo "$@"; exit 3')
    assert done.returncode == 3
    assert done.stdout == f"-chdir={provision.ROOT / 'infra'} apply -auto-approve\n"
