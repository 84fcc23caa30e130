"""The local stack as a user starts it, on ports of the tests' own."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.waiting import until
from tools import provision
from tools.stack import ports, processes
from tools.stack.addresses import Addresses

OFFSETS = iter(range(11_000, 20_000, 520))  # not 500: Hosting and the log are so far apart, and two stacks met
READY, STOPPED = "Open http://", "stopped, nothing left running"
START_WITHIN_S, STOP_WITHIN_S = 150.0, 40.0

# Gives the command a controlling terminal of its own, as a terminal window does: Ctrl-C and hang-ups reach it.
IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass
class RunningStack:
    """A started stack: its process, its addresses, and all that it has printed so far."""

    project: str
    addresses: Addresses
    output: Path
    process: subprocess.Popen[bytes]
    terminal: int | None = None  # our side of its terminal window, and who writes down what appears there
    recorder: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return provision.HOME / self.project

    @property
    def hosting(self) -> str:
        return self.addresses.url("hosting")

    @property
    def auth(self) -> str:
        return self.addresses.url("auth")

    @property
    def firestore(self) -> str:
        return self.addresses.url("firestore")

    @property
    def functions(self) -> str:
        return self.addresses.url("functions")

    @property
    def turn_port(self) -> int:
        return self.addresses.turn

    @property
    def turn_tls_port(self) -> int:
        return self.addresses.turn_tls

    @property
    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def until_printed(self, text: str, within_s: float = START_WITHIN_S) -> None:
        """Waits for a line, and fails with everything that was printed where it never comes."""

        def seen() -> bool:
            assert text in self.printed or self.process.poll() is None, self.printed
            return text in self.printed

        try:
            until(seen, f"{text!r} printed", within_s)
        except AssertionError as never:
            raise AssertionError(f"{never}\n{self.printed}") from None

    def supervisor(self) -> psutil.Process:
        """The Python process that runs the stack, below a `make` or by itself."""
        started = psutil.Process(self.process.pid)
        return next(each for each in [started, *started.children(recursive=True)] if "tools.stack" in each.cmdline())

    def press_ctrl_c(self) -> None:
        assert self.terminal is not None
        os.write(self.terminal, b"\x03")

    def close_terminal(self) -> None:
        if self.recorder is not None:
            self.recorder.kill()
            self.recorder.wait()
            self.recorder = None
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None

    def left_running(self) -> list[psutil.Process]:
        return processes.marked(self.home)

    def exit_code(self) -> int:
        return self.process.wait(STOP_WITHIN_S)


@contextmanager
def started_stack(
    name: str,
    output: Path,
    *,
    functions: Path | None = None,
    addresses: Addresses | None = None,
    wait: str | None = READY,
) -> Iterator[RunningStack]:
    """Starts a stack by its module, waits for a line, and stops it at the end."""
    project = f"demo-webrtc-lite-{name}"
    addresses = addresses or free_addresses()
    command = [sys.executable, "-m", "tools.stack", *arguments(project, addresses)]
    command += ["--functions", str(functions)] if functions else []
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=provision.ROOT, stdout=file, stderr=subprocess.STDOUT)
    running = RunningStack(project, addresses, output, process)
    try:
        if wait:
            running.until_printed(wait)
        yield running
    finally:
        end(running)


@contextmanager
def stack_in_a_terminal(
    name: str, output: Path, command: Sequence[str] = ("make", "run"), addresses: Addresses | None = None
) -> Iterator[RunningStack]:
    """Types `make run` into a terminal window."""
    project = f"demo-webrtc-lite-{name}"
    addresses = addresses or free_addresses()
    ours, theirs = os.openpty()
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *command, f"ARGS={' '.join(arguments(project, addresses))}"],
            cwd=provision.ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        recorder = subprocess.Popen(["cat"], stdin=ours, stdout=file, stderr=subprocess.DEVNULL)
    running = RunningStack(project, addresses, output, process, ours, recorder)
    try:
        running.until_printed(READY)
        yield running
    finally:
        end(running)
        running.close_terminal()


def end(running: RunningStack) -> None:
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
    try:
        running.process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        processes.end_marked(running.home)
        running.process.kill()
        running.process.wait()
        raise


def arguments(project: str, addresses: Addresses) -> list[str]:
    return ["--project", project, "--port-offset", str(addresses.offset)]


def free_addresses() -> Addresses:
    """An offset that no other test has, nor another run of the tests, with nobody on any of its ports."""
    free = (each for each in map(Addresses, OFFSETS) if reserved(each.offset) and not ports.busy(each.listeners()))
    return next(free)


def reserved(offset: int) -> bool:
    """Whether the offset is this run's until it ends: a stack opens its ports seconds after they were found free."""
    path = Path(tempfile.gettempdir()) / f"webrtc-lite-tests-{os.getuid()}-{offset}"
    lock = os.open(path, os.O_CREAT | os.O_WRONLY)  # never closed: the lock ends with the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True
