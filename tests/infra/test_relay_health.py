"""When the health check restarts Coturn, which drops every call, and when it does not."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import relay_health
from tests.support.ports import free_port
from tools import coturn

ALL = ["udp 3478", "tcp 3478", "tls 5349", "tls 443"]


@pytest.fixture
def restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of systemd, on a VM with a Coturn that has been up for long and rules that stand."""
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[:2] == ["systemctl", "restart"]:
            asked.append(command[-1])
        shown = "ActiveState=active\nActiveEnterTimestampMonotonic=0\n"
        return subprocess.CompletedProcess(command, 0, shown, "")

    configuration = tmp_path / "turnserver.conf"
    configuration.write_text("listening-ip=10.0.1.2\n")
    monkeypatch.setattr(relay_health, "CONFIGURATION", configuration)
    monkeypatch.setattr(relay_health, "TRIED", tmp_path / "tried")
    monkeypatch.setattr(relay_health, "AGAIN_AFTER_S", 0)
    monkeypatch.setattr(subprocess, "run", run)
    return asked


def look(monkeypatch: pytest.MonkeyPatch, *seen: list[str]) -> int:
    """One run, which finds these ways silent, look by look; its exit status."""
    left = list(seen)
    monkeypatch.setattr(relay_health, "failing", lambda _: left.pop(0))
    try:
        relay_health.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_relay_that_answers_is_left_alone(restarts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, []) == 0
    assert restarts == []


def test_what_fails_once_is_asked_again(restarts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, ["udp 3478"], []) == 0
    assert look(monkeypatch, ["udp 3478"], ["tls 443"]) == 0
    assert restarts == []


def test_what_fails_twice_restarts_coturn(restarts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, ["tls 443"], ["tls 443"]) == 1
    assert restarts == ["coturn.service"]


def test_a_restart_that_did_not_help_is_not_repeated_while_calls_go_on_by_other_ways(
    restarts: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate that cannot be read silences TLS for good: restart upon restart would end the calls on UDP too."""
    for _ in range(3):
        assert look(monkeypatch, ["tls 5349", "tls 443"], ["tls 5349", "tls 443"]) == 1
    assert restarts == ["coturn.service"]
    assert "a restart did not help" in capsys.readouterr().out
    assert look(monkeypatch, ["tcp 3478", "tls 443"], ["tcp 3478", "tls 443"]) == 1
    assert len(restarts) == 2  # something else


def test_a_relay_that_answers_nobody_has_no_calls_to_lose(restarts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        assert look(monkeypatch, ALL, ALL) == 1
    assert len(restarts) == 3


def test_once_all_is_well_the_next_failure_is_a_new_one(restarts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for seen in (["tls 443"], [], ["tls 443"]):
        look(monkeypatch, seen, seen)
    assert len(restarts) == 2


def test_before_its_first_start_and_just_after_one_it_is_left_alone(
    restarts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_health, "starting", lambda: True)
    assert look(monkeypatch) == 0
    relay_health.CONFIGURATION.unlink()
    assert look(monkeypatch) == 0
    assert restarts == []


def right(request: bytes) -> bytes:
    return b"\x01\x01\x00\x00" + request[4:20]


@pytest.mark.parametrize(
    ("reply", "well"),
    [
        (right, True),
        (lambda _: b"", False),
        (lambda request: request, False),
        (lambda request: right(request)[:8] + bytes(12), False),
        (lambda request: b"\x01\x11" + right(request)[2:], False),
    ],
    ids=["the answer", "an empty one", "an echo", "of another transaction", "an error"],
)
def test_only_the_answer_to_the_question_counts(reply: Callable[[bytes], bytes], well: bool) -> None:  # noqa: FBT001
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind(("127.0.0.1", 0))

        def serve() -> None:
            request, source = relay.recvfrom(1500)
            relay.sendto(reply(request), source)

        thread = threading.Thread(target=serve)
        thread.start()
        assert relay_health.over_udp("127.0.0.1", relay.getsockname()[1]) is well
        thread.join()


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[coturn.Coturn]:
    """A real Coturn, which the health check asks with what stands in its database."""
    made = coturn.Coturn(tmp_path / "coturn", free_port(), free_port())
    monkeypatch.setattr(relay_health, "DATABASE", tmp_path / "coturn" / "turndb")
    with subprocess.Popen(made.prepare("s" * 48), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        ends = time.monotonic() + 20
        while not made.answers():
            assert time.monotonic() < ends
            time.sleep(0.1)
        yield made
        running.kill()


def test_a_relay_that_takes_its_own_secret_admits_people(relay: coturn.Coturn) -> None:
    assert relay_health.admits(coturn.HOST, relay.port)


def test_a_relay_that_refuses_its_own_secret_is_found_out(
    relay: coturn.Coturn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    coturn.accept_only(other, "x" * 48)
    monkeypatch.setattr(relay_health, "DATABASE", other)
    assert not relay_health.admits(coturn.HOST, relay.port)
    coturn.accept_only(other)
    assert relay_health.admits(coturn.HOST, relay.port)  # without a secret there is nothing to ask with
    other.write_text("no database at all")
    assert not relay_health.admits(coturn.HOST, relay.port)


def test_a_port_where_nobody_is_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert not relay_health.over_udp("127.0.0.1", port)
    assert not relay_health.admits("127.0.0.1", port)
    assert not relay_health.over_tcp("127.0.0.1", port)
    assert not relay_health.over_tls("127.0.0.1", port)
