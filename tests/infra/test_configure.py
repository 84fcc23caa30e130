"""What Terraform made reaches the functions without a hand in between."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.terraform import must, terraform
from tools import configure, provision

ONE = {"host": "turn-1.example.com", "region": "eu", "weight": 3, "port": 3478, "tls_ports": [5349, 443]}
TWO = {**ONE, "host": "turn-2.example.com", "region": "us", "weight": 1}


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """A state with the outputs of infra/, applied for real by a configuration that has nothing else."""
    directory = tmp_path / "infra"
    directory.mkdir()
    (directory / "main.tf").write_text('variable "relays" {}\noutput "relays" {\n  value = var.relays\n}\n')
    return directory


def apply(infra: Path, *relays: dict[str, object]) -> None:
    (infra / "it.auto.tfvars.json").write_text(json.dumps({"relays": relays}))
    must(terraform(infra, "init"))
    must(terraform(infra, "apply", "-auto-approve"))


def run(infra: Path, functions: Path, project: str = "my-calls-1") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.configure", project, "--infra", str(infra), "--functions", str(functions)]
    return subprocess.run(command, cwd=provision.ROOT, capture_output=True, text=True, check=False)


def test_the_relays_are_written_beside_what_is_there(infra: Path, tmp_path: Path) -> None:
    apply(infra, ONE, TWO)
    target = tmp_path / ".env.my-calls-1"
    target.write_text("# mine\nTURN_HOST=old.example.com\nCALL_RING_SECONDS=40\nTURN_HOST=twice.example.com\n")
    done = run(infra, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "make deploy PROJECT=my-calls-1" in done.stdout
    *lines, relays = target.read_text().splitlines()
    assert lines == [
        "# mine",
        "TURN_HOST=turn-1.example.com",
        "CALL_RING_SECONDS=40",
        "TURN_PORT=3478",
        "TURN_TLS_PORTS=5349,443",
    ]
    name, _, value = relays.partition("=")
    assert name == "TURN_RELAYS"
    assert json.loads(value.strip("'")) == [ONE, TWO]


def test_a_second_run_changes_nothing_and_says_so(infra: Path, tmp_path: Path) -> None:
    apply(infra, ONE)
    assert run(infra, tmp_path).returncode == 0
    before = (tmp_path / ".env.my-calls-1").read_text()
    done = run(infra, tmp_path)
    assert "says so already" in done.stdout
    assert (tmp_path / ".env.my-calls-1").read_text() == before


def test_a_relay_that_is_no_longer_listed_leaves(infra: Path, tmp_path: Path) -> None:
    apply(infra, ONE, TWO)
    run(infra, tmp_path)
    apply(infra, TWO)
    run(infra, tmp_path)
    text = (tmp_path / ".env.my-calls-1").read_text()
    assert "turn-1" not in text
    assert "TURN_HOST=turn-2.example.com\n" in text


def test_a_default_region_that_no_relay_has_any_longer_is_told_before_functions_refuse_everybody(
    infra: Path, tmp_path: Path
) -> None:
    target = tmp_path / ".env.my-calls-1"
    before = "CALL_RING_SECONDS=40\nTURN_REGION=EU\n"
    target.write_text(before)
    apply(infra, TWO)  # of us; that of eu is on its way out
    done = run(infra, tmp_path)
    assert done.returncode == 1
    assert "TURN_REGION=EU" in done.stderr
    assert "us" in done.stderr
    assert target.read_text() == before
    apply(infra, ONE, TWO)
    assert run(infra, tmp_path).returncode == 0


def test_before_the_first_apply_it_says_what_to_do_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    done = run(tmp_path / "infra", tmp_path)
    assert done.returncode == 1
    assert "terraform -chdir=infra apply" in done.stderr
    assert not (tmp_path / ".env.my-calls-1").exists()


def test_a_name_that_is_no_project_writes_no_file(infra: Path, tmp_path: Path) -> None:
    done = run(infra, tmp_path, "../../etc/x")
    assert done.returncode == 2
    assert "no project id" in done.stderr


def test_what_is_written_is_what_the_functions_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from webrtc_lite.edge import config, relays  # noqa: PLC0415

    for name, value in configure.parameters([ONE, {**TWO, "region": ""}]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TURN_SECRET", "s" * 48)
    for cached in (config.relay, relays.terms):
        cached.cache_clear()
    first, second = relays.terms().pool.members
    for cached in (config.relay, relays.terms):
        cached.cache_clear()
    assert (first.relay.host, first.relay.port, first.relay.tls_ports) == ("turn-1.example.com", 3478, (5349, 443))
    assert (first.region, first.weight) == ("eu", 3)
    assert (second.relay.host, second.region, second.weight) == ("turn-2.example.com", "", 1)
