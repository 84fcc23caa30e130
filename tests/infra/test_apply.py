"""`make infra-apply`, with a terraform that says what OCI said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "said",
    [
        "Error: 400-LimitExceeded, The following service limits were exceeded: standard-e2-micro-core-count.",
        "Error: 404-NotAuthorizedOrNotFound, shape VM.Standard.E2.1.Micro not found",
    ],
)
def test_a_shape_that_this_availability_domain_has_not_is_followed_by_what_to_try(tmp_path: Path, said: str) -> None:
    """Oracle gives the free AMD shape in one availability domain of a region, and does not say so in its error."""
    done = run(tmp_path, f"echo '{said}' >&2; exit 1")
    assert done.returncode == 1
    assert "in one availability domain" in done.stdout
    assert "Limits, Quotas and Usage" in done.stdout


def test_another_limit_gets_no_advice_about_machines(tmp_path: Path) -> None:
    done = run(tmp_path, "echo 'Error: 400-LimitExceeded, vault-count: virtual-vault-count.' >&2; exit 1")
    assert "availability domain" not in done.stdout


def test_interrupted_terraform_ends_in_order_and_is_heard_to_the_end(tmp_path: Path) -> None:
    """Ctrl-C reaches both; Terraform then writes its state, and says so."""
    program = tmp_path / "terraform"
    ends = "trap 'echo Interrupted. Writing the state.; echo done; exit 1' INT\n"
    ends += "echo applying\nwhile :; do sleep 0.1; done\n"
    program.write_text(f"#!/bin/bash\n{VERSION}{ends}")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "tools.apply"]
    with subprocess.Popen(
        command,
        cwd=provision.ROOT,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == "applying\n"
        os.killpg(running.pid, signal.SIGINT)
        said, complaint = running.communicate(timeout=20)
    assert said == "Interrupted. Writing the state.\ndone\n"
    assert complaint == ""
    assert running.returncode == 1


def test_any_other_end_is_terraforms_own(tmp_path: Path) -> None:
    done = run(tmp_path, 'echo "$@"; exit 3')
    assert done.returncode == 3
    assert done.stdout == f"-chdir={provision.ROOT / 'infra'} apply -auto-approve\n"
