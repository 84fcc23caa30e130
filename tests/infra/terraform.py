"""Terraform, run in copies: nothing is written into the work tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tools import provision

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
MODULE = INFRA / "coturn"


def environment(configuration: Path | None = None) -> dict[str, str]:
    """No look for a newer version, no settings of this machine's user, no prompts."""
    own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    return {**os.environ, **own, "TF_CLI_CONFIG_FILE": str(configuration or os.devnull)}


def terraform(directory: Path, *arguments: str, configuration: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(provision.terraform()), *arguments],
        cwd=directory,
        env=environment(configuration),
        capture_output=True,
        text=True,
        check=False,
    )


def must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_of(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
    return target


def rendered(directory: Path, **variables: object) -> dict[str, Any]:
    """The module's outputs for these variables, by a real plan and apply: it makes nothing but text."""
    copy_of(MODULE, directory)
    (directory / "test.auto.tfvars.json").write_text(json.dumps(variables))
    must(terraform(directory, "init", "-backend=false"))
    must(terraform(directory, "apply", "-auto-approve", "-no-color"))
    shown = json.loads(must(terraform(directory, "output", "-json")))
    return {name: output["value"] for name, output in shown.items()}
