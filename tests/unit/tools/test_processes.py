"""Parts are started, heard and stopped, and whatever carries the mark of a stack goes with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.programs import begun, running
from tests.support.waiting import until
from tools.stack import processes
from tools.stack.processes import MARK, Part

# As firebase-tools starts Java: in a session of its own, which outlives who started it.
DETACHED = "import subprocess as s; print(s.Popen(['sleep', '600'], start_new_session=True, stdout=s.DEVNULL).pid)"


class Heard:
    """What was shown, and a part that is gone when the test is."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "part.log"
        self.shown: list[tuple[str, str]] = []
        self.parts: list[Part] = []

    def start(self, script: str, environment: dict[str, str] | None = None) -> Part:
        part = Part("part", ["sh", "-c", script], environment or {"PATH": os.environ["PATH"]}, self.home, self.home)
        part.follow(self.log, lambda name, line: self.shown.append((name, line)))
        self.parts.append(part)
        return part

    def until_it_says(self, line: str) -> None:
        until(lambda: ("part", line) in self.shown, f"a line {line!r}", within_s=10)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    heard = Heard(tmp_path)
    yield heard
    processes.end_marked(tmp_path)
    for part in heard.parts:
        part.wait(10)


@pytest.fixture
def typed() -> Iterator[int]:
    """The other end of this process's standard input."""
    reads, writes = os.pipe()
    before = os.dup(0)
    os.dup2(reads, 0)
    yield writes
    os.dup2(before, 0)
    for each in (reads, writes, before):
        os.close(each)


def detached(environment: dict[str, str]) -> psutil.Process:
    """A grandchild in a session of its own, whose parent has ended."""
    started = subprocess.run(
        [sys.executable, "-I", "-S", "-c", DETACHED], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return begun(int(started.stdout))


# One part


def test_every_line_is_shown_with_its_part_and_written_to_the_log(heard: Heard) -> None:
    part = heard.start("echo one; echo two >&2; printf three")

    heard.until_it_says("three")
    assert heard.shown == [("part", "one"), ("part", "two"), ("part", "three")]
    assert heard.log.read_text() == part.said() == "one\ntwo\nthree"


def test_a_line_stands_in_the_log_as_soon_as_it_is_shown(heard: Heard) -> None:
    part = heard.start("echo one; exec sleep 600")

    heard.until_it_says("one")
    assert part.said() == "one\n"


def test_bytes_that_are_no_text_do_not_end_the_log(heard: Heard) -> None:
    heard.start(r"printf 'caf\351\n'; echo after")

    heard.until_it_says("after")
    assert heard.shown[0] == ("part", "caf\N{REPLACEMENT CHARACTER}")


def test_the_lines_of_the_last_run_are_gone_as_soon_as_a_part_is_followed(heard: Heard) -> None:
    heard.log.write_text("exit code 1\n")

    part = heard.start("read line; echo never")

    assert "exit code 1" not in part.said()


def test_a_part_runs_in_its_directory_with_its_own_environment_and_the_mark(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREIGN", "of this process")
    heard.start(f'pwd; echo "${MARK}|$OWN|${{FOREIGN-unset}}"', {"OWN": "mine"})

    heard.until_it_says(f"{heard.home}|mine|unset")
    assert heard.shown[0] == ("part", str(heard.home))


def test_what_is_typed_at_the_stack_does_not_reach_a_part(heard: Heard, typed: int) -> None:
    os.write(typed, b"yes, delete it\n")
    heard.start('read line; echo "read <$line>"')

    heard.until_it_says("read <>")


def test_a_ctrl_c_in_the_terminal_does_not_reach_a_part_by_itself(heard: Heard) -> None:
    heard.start("echo $$; exec sleep 600")

    until(lambda: bool(heard.shown), "its pid", within_s=10)
    assert os.getpgid(int(heard.shown[0][1])) != os.getpgid(0)


def test_an_exit_code_is_known_once_it_has_stopped(heard: Heard) -> None:
    part = heard.start("read line; exit 3")
    until(lambda: part.exit_code is not None, "its end", within_s=10)

    assert part.exit_code == 3
    part.interrupt()  # nobody is there to hear it
    assert part.exit_code == 3


def test_stop_interrupts_every_part_before_it_waits_for_any(heard: Heard) -> None:
    stops = "trap 'echo stopped; exit 0' INT; echo ready; while :; do sleep 0.01; done"
    first, second = heard.start(stops), heard.start(stops)
    until(lambda: heard.shown.count(("part", "ready")) == 2, "both", within_s=10)

    processes.stop([first, second], heard.home)

    assert (first.exit_code, second.exit_code) == (0, 0)


def test_a_part_that_does_not_stop_in_time_is_killed(heard: Heard) -> None:
    part = heard.start("trap '' INT; echo ready; exec sleep 600")
    heard.until_it_says("ready")
    part.interrupt()
    assert part.exit_code is None

    part.wait(0.05)

    assert part.exit_code == -9


def test_a_part_that_does_not_stop_is_ended_with_all_that_it_started(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.05)
    part = heard.start("trap '' INT; sleep 600 & echo $!; wait; echo never")
    until(lambda: bool(heard.shown), "its child", within_s=10)
    child = begun(int(heard.shown[0][1]))

    processes.stop([part], heard.home)

    assert part.exit_code == -9
    until(lambda: not processes.alive(child), "its child's end", within_s=10)
    assert processes.marked(heard.home) == []


# The mark


def test_a_detached_grandchild_with_the_mark_is_ended(tmp_path: Path) -> None:
    grandchild = detached({MARK: str(tmp_path), "PATH": os.environ["PATH"]})
    assert processes.marked(tmp_path) == [grandchild]

    assert processes.end_marked(tmp_path) == 1

    assert not processes.alive(grandchild)
    assert processes.end_marked(tmp_path) == 0


@pytest.mark.parametrize("mark", [None, "another"])
def test_a_detached_grandchild_without_the_mark_or_with_another_stacks_lives_on(
    tmp_path: Path, mark: str | None
) -> None:
    path = {"PATH": os.environ["PATH"]}
    ours = detached({MARK: str(tmp_path / "ours"), **path})
    other = detached({MARK: str(tmp_path / mark), **path} if mark else path)
    try:
        assert processes.end_marked(tmp_path / "ours") == 1

        assert not processes.alive(ours)
        assert other.status() in {psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING}
    finally:
        other.kill()


def test_the_process_that_looks_is_not_ended(tmp_path: Path) -> None:
    looks = (
        "import pathlib, sys; from tools.stack import processes; print(processes.end_marked(pathlib.Path(sys.argv[1])))"
    )
    marked = {**os.environ, MARK: str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", looks, str(tmp_path)], env=marked, check=False, stdout=subprocess.PIPE, text=True
    )

    assert (done.returncode, done.stdout) == (0, "0\n")


def test_one_that_is_started_while_others_are_ended_is_ended_too(tmp_path: Path) -> None:
    """As gunicorn replaces a worker that was ended before itself, here with a hundred others between the two."""
    marked = {MARK: str(tmp_path)}
    os.mkfifo(tmp_path / "worker-lives")
    worker = f"exec 3> {tmp_path}/worker-lives; exec sleep 600"
    others = "while [ $((n += 1)) -le 100 ]; do sleep 600 & done; wait"
    replaces = f"read line < {tmp_path}/worker-lives; sleep 600 & wait"
    with (
        running("sh", "-c", worker, environment=marked) as first,
        running("sh", "-c", others, environment=marked),
    ):
        until(lambda: len(processes.marked(tmp_path)) == 102, "the others", within_s=10)
        with running("sh", "-c", replaces, environment=marked):
            until(lambda: psutil.Process(first.pid).name() == "sleep", "who looks after the worker", within_s=10)

            assert processes.end_marked(tmp_path) >= 103

            assert processes.marked(tmp_path) == []


def test_a_zombie_holds_nothing_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 5.0)
    with running("sleep", "600") as child:
        process = psutil.Process(child.pid)
        assert processes.alive(process)
        child.kill()
        until(lambda: not processes.alive(process), "its end", within_s=10)
        assert process.status() == psutil.STATUS_ZOMBIE  # nobody has asked for its exit code yet
    assert not processes.alive(process)
