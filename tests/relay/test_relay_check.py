"""`make relay-check`, as an operator runs it."""

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.waiting import until
from tools.coturn import Coturn
from tools.provision import ROOT

SECRET = "a secret of the tests, 40 characters long"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    server = Coturn(tmp_path_factory.mktemp("coturn"), port=free_port(), tls_port=free_port())
    process = subprocess.Popen(server.prepare(SECRET), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is None and server.answers(), "Coturn")
        yield server
    finally:
        process.kill()
        process.wait()


def arguments(relay: Coturn, *more: str) -> str:
    where = ["--port", str(relay.port), "--tls-ports", str(relay.tls_port), "--ca-file", str(relay.certificate)]
    return " ".join([*where, *more])


def surroundings() -> dict[str, str]:
    return {name: each for name, each in os.environ.items() if name != "TURN_SECRET"}


def make(*words: str, secret: str | None = SECRET) -> subprocess.CompletedProcess[str]:
    environment = surroundings()
    environment |= {"TURN_SECRET": secret} if secret is not None else {}
    command = ["make", "--no-print-directory", "relay-check", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_local_relay_stands_up_to_it_as_far_as_loopback_goes(relay: Coturn) -> None:
    done = make("HOST=127.0.0.1", f"ARGS={arguments(relay, '--total-quota', '300')}")
    assert done.returncode == 0, done.stdout
    assert "  ✓ nobody without a credential is refused on every way" in done.stdout
    assert "not asked, this is the local relay, whose machine is this one" in done.stdout
    assert "No of" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_what_would_take_a_live_relay_from_its_users_is_asked_on_demand_only(relay: Coturn) -> None:
    done = make("HOST=127.0.0.1", f"ARGS={arguments(relay, '--only', 'many_users_together')}")
    assert "not asked, it would take the relay away from its users" in done.stdout


def test_a_relay_that_does_not_take_the_secret_fails_by_name(relay: Coturn) -> None:
    done = make(
        "HOST=127.0.0.1",
        f"ARGS={arguments(relay, '--only', 'a_good_credential_on_every_way')}",
        secret="another secret",
    )
    assert done.returncode != 0
    assert "  ✗ a good credential on every way" in done.stdout
    assert "a good credential is refused with 401" in done.stdout


def test_a_relay_that_is_not_there_fails_and_says_so(tmp_path: Path) -> None:
    nobody = Coturn(tmp_path, port=free_port(), tls_port=free_port())
    where = f"--port {nobody.port} --tls-ports {nobody.tls_port} --only a_public_address"
    done = make("HOST=127.0.0.1", f"ARGS={where}")
    assert done.returncode != 0
    assert "ConnectionRefusedError" in done.stdout


def test_it_says_what_is_missing(relay: Coturn) -> None:
    assert "Say which relay: make relay-check HOST=" in make().stderr
    assert (
        "Set TURN_SECRET in the environment" in make("HOST=127.0.0.1", f"ARGS={arguments(relay)}", secret=None).stderr
    )


def test_a_secret_in_the_command_is_refused_because_everybody_can_read_it() -> None:
    done = make("HOST=127.0.0.1", f"TURN_SECRET={SECRET}")
    assert done.returncode != 0
    assert "Everybody on this machine can read a command" in done.stderr


def test_in_a_terminal_it_asks_and_shows_nothing_of_the_answer(relay: Coturn) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "make", "relay-check", "HOST=127.0.0.1", f"ARGS={arguments(relay, '--only', 'a_public_address')}"],
        cwd=ROOT,
        env=surroundings(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    shown = os.read(ours, 4096)
    assert b"The relay's secret" in shown
    os.write(ours, SECRET.encode() + b"\n")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"a public address is relayed to" in said
    os.close(theirs)
    os.close(ours)
