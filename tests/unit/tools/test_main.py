"""`make run`: one stack at a time, every port its own, and an end when nobody listens any more.

The whole stack is started in tests/e2e.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.programs import running
from tests.support.waiting import until
from tools import provision
from tools.coturn import Coturn
from tools.rotate import Rotation
from tools.stack import __main__ as module
from tools.stack import processes, schedule
from tools.stack.__main__ import Failed, Stack, Terminal, alone, clear_the_way, main, stopper
from tools.stack.addresses import Addresses, Listener
from tools.stack.processes import MARK, Part
from tools.stack.suite import Suite


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    addresses = Addresses()
    return Stack(tmp_path, Coturn(tmp_path / "coturn"), Suite(tmp_path / "suite", "demo-x", addresses), Terminal())


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals are handled afterwards as they were before."""
    before = {number: signal.getsignal(number) for number in module.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


# A rotation outlives a restart


@pytest.mark.parametrize(
    ("record", "accepted"),
    [
        (None, ()),
        (Rotation("old", "new"), ("old", "new")),
        (Rotation("old", "new", signed_at=1), ("old", "new")),
        (Rotation("", "new", signed_at=1, retired_at=2), ()),
    ],
    ids=["none", "accepted", "signed", "retired"],
)
def test_a_stack_that_starts_in_the_middle_of_a_rotation_accepts_both_secrets(
    record: Rotation | None, accepted: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "HOME", tmp_path)
    if record:
        (tmp_path / "rotation.json").write_text(json.dumps(asdict(record)))
    assert module.rotating() == accepted


# One stack at a time


def test_a_second_stack_is_told_who_runs_since_when_and_where(tmp_path: Path) -> None:
    with alone(tmp_path, Addresses(20_000)), pytest.raises(Failed) as failed, alone(tmp_path, Addresses()):
        pytest.fail("there were two")

    assert re.fullmatch(
        rf"The stack already runs: pid {os.getpid()}, since \d\d:\d\d:\d\d, at http://127\.0\.0\.1:25000\. "
        rf"Use that one, or stop it with Ctrl-C there \(or kill {os.getpid()}\)\.",
        str(failed.value),
    )


def test_the_second_one_leaves_the_firsts_lock_as_it_is(tmp_path: Path) -> None:
    with alone(tmp_path, Addresses()):
        for _ in range(2):
            with pytest.raises(Failed, match=f"pid {os.getpid()},"), alone(tmp_path, Addresses(1)):
                pytest.fail("there were two")


def test_stacks_of_two_projects_run_side_by_side(tmp_path: Path) -> None:
    with alone(tmp_path / "one", Addresses()), alone(tmp_path / "two", Addresses(20_000)):
        pass


def test_a_stack_that_has_stopped_lets_the_next_one_start(tmp_path: Path) -> None:
    with alone(tmp_path, Addresses()):
        pass
    with (
        alone(tmp_path, Addresses(20_000)),
        pytest.raises(Failed, match=r"at http://127\.0\.0\.1:25000\."),
        alone(tmp_path, Addresses()),
    ):
        pytest.fail("there were two")


def test_a_stack_that_was_killed_holds_no_lock(tmp_path: Path) -> None:
    holds = (
        "import fcntl, sys; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX); print('{}', file=f, flush=True)"
    )
    waits = f"{holds}; print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-I", "-S", "-c", waits, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Failed), alone(tmp_path, Addresses()):
            pytest.fail("there were two")
        holder.kill()

    with alone(tmp_path, Addresses()):
        pass


# The terminal


def test_a_line_reaches_the_terminal_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say("one")
    terminal.say()

    assert capsys.readouterr().out == "one\n\n"
    assert not terminal.stopped.is_set()


def test_a_pipe_that_nobody_reads_any_more_stops_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    pipe = os.fdopen(writes, "w")
    monkeypatch.setattr(sys, "stdout", pipe)
    terminal = Terminal()
    terminal.say("heard")
    assert not terminal.stopped.is_set()

    os.close(reads)
    terminal.say("not heard")

    assert terminal.stopped.is_set()
    with pytest.raises(BrokenPipeError):
        pipe.close()


def test_a_part_is_shown_in_a_readable_form_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.show("coturn", "0: : Black listing: 10.0.0.0-10.255.255.255")
    terminal.show("coturn", "9: : Bad configuration format: no-such-option")

    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith(" coturn     Bad configuration format: no-such-option")


def test_a_terminal_is_gone_when_its_window_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    window, end = os.openpty()
    with os.fdopen(end, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        terminal = Terminal(opened=stdout.isatty())
        assert not terminal.gone()

        os.close(window)

        assert terminal.gone()


def test_a_file_or_a_pipe_is_never_a_terminal_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)

        assert not Terminal(opened=pipe.isatty()).gone()


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", module.SIGNALS)
def test_ctrl_c_sigterm_and_a_hang_up_stop_the_stack_in_order(number: signal.Signals) -> None:
    terminal = Terminal()
    signal.signal(number, stopper(terminal))

    signal.raise_signal(number)

    assert terminal.stopped.is_set()


# What it looks after while it runs


def started(script: str, home: Path, environment: dict[str, str]) -> Part:
    part = Part("coturn", ["sh", "-c", script], environment, home, home)
    part.follow(home / "coturn.log", lambda _part, _line: None)
    return part


def test_a_part_that_stops_by_itself_ends_the_stack_with_its_last_words(stack: Stack) -> None:
    part = started("seq 100; echo 'no such option' >&2; exit 3", stack.home, {"PATH": os.environ["PATH"]})
    part.wait(10)
    until(lambda: "no such option" in part.said(), "its last words", within_s=10)

    with pytest.raises(Failed) as failed:
        stack._check([part])

    first, *last = str(failed.value).splitlines()
    assert first == "coturn stopped by itself (exit code 3). It said last:"
    assert [line.strip() for line in last] == [*map(str, range(90, 101)), "no such option"]


def test_a_stack_that_was_asked_to_stop_does_not_blame_a_part_that_stopped(stack: Stack) -> None:
    part = started("exit 1", stack.home, {"PATH": os.environ["PATH"]})
    part.wait(10)
    stack.terminal.stopped.set()

    with pytest.raises(KeyboardInterrupt):
        stack._check([part])


def test_nothing_is_said_of_parts_that_run(stack: Stack) -> None:
    part = started("exec sleep 600", stack.home, {"PATH": os.environ["PATH"]})
    try:
        stack._check([part])
    finally:
        processes.stop([part], stack.home)


def test_a_job_is_kept_until_the_stack_stops(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    running = set(threading.enumerate())
    job = schedule.Job("http://127.0.0.1:9", "us-central1-tick", "tick", "every monday 09:00", "UTC")
    stack._schedule(job)
    for thread in set(threading.enumerate()) - running:
        thread.join(10)

    assert "schedule   tick is not run: the local stack cannot read" in capsys.readouterr().out


# The way to a start


class Nowhere(Addresses):
    def listeners(self) -> list[Listener]:
        return []


def test_what_an_interrupted_stack_left_behind_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running("sleep", "600", environment={MARK: str(tmp_path)}) as left:
        clear_the_way(tmp_path, Nowhere(), Terminal())
        assert left.wait(10) == -signal.SIGKILL
        clear_the_way(tmp_path, Nowhere(), Terminal())

    assert capsys.readouterr().out == "  ended 1 processes that an interrupted stack had left behind\n"


@pytest.mark.usefixtures("handlers")
def test_a_busy_port_fails_the_start_and_is_named_with_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provision, "HOME", tmp_path)
    port = free_port()
    offset = str(port - Addresses().port("tasks"))
    monkeypatch.setattr(sys, "argv", ["make run", "--project", "demo-x", "--port-offset", offset])
    with socket.create_server(("127.0.0.1", port)):
        assert main() == 1

    said = capsys.readouterr().out
    assert said.startswith("\nWebRTC-Lite, the local stack of demo-x\n\n")
    assert "  ✗ These ports are taken; free them and start again:\n" in said
    assert re.search(
        rf"^    127\.0\.0\.1:{port}/tcp \(tasks\) is held by .* \(pid {os.getpid()}\): ", said, re.MULTILINE
    )
    assert list((tmp_path / "demo-x").iterdir()) == [tmp_path / "demo-x" / "lock"]


@pytest.mark.usefixtures("handlers")
def test_a_start_beside_a_running_one_fails_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provision, "HOME", tmp_path)
    monkeypatch.setattr(sys, "argv", ["make run", "--project", "demo-x"])
    home = tmp_path / "demo-x"
    with running("sleep", "600", environment={MARK: str(home)}) as part, alone(home, Addresses()):
        assert main() == 1
        assert part.poll() is None

    assert f"✗ The stack already runs: pid {os.getpid()}, " in capsys.readouterr().out
