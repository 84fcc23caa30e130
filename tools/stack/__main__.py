"""The whole local stack: `make run`."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tools import provision
from tools.coturn import Coturn
from tools.stack import logs, ports, processes, schedule
from tools.stack.addresses import HOST, PROJECT, Addresses
from tools.stack.processes import Part
from tools.stack.suite import Suite, local_secret

READY_WITHIN_S = 120.0
LOOK_EVERY_S = 0.2
PORT_MAX = 65_535
PORTS_FREE_WITHIN_S = 5.0  # the kernel may hold a listening socket for a moment after its process was killed
NOT_LOADED = "Failed to load function definition"  # firebase-tools says so and goes on without functions
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Failed(Exception):  # noqa: N818  it reads as what it says
    """The stack cannot start or go on; the message says why and what to do."""


@dataclass
class Terminal:
    """Where the stack speaks. A terminal that was closed ends the stack as Ctrl-C does."""

    stopped: threading.Event = field(default_factory=threading.Event)
    # Asked once: a terminal that was closed says that it is none.
    opened: bool = field(default_factory=sys.stdout.isatty)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def say(self, line: str = "") -> None:
        try:
            with self._writing:  # print() writes a line and its end apart, and every part has a thread that speaks
                print(line, flush=True)
        except OSError:
            self.stopped.set()

    def show(self, part: str, line: str) -> None:
        readable = logs.readable(part, line)
        if readable:
            self.say(readable)

    def gone(self) -> bool:
        """A closed terminal sends SIGHUP to its session's leader alone, and that may be a `make` that waits for us."""
        if not self.opened:
            return False
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


@dataclass(frozen=True)
class Stack:
    """Coturn and the emulators, started together and stopped together."""

    home: Path
    coturn: Coturn
    suite: Suite
    terminal: Terminal

    def run(self) -> None:
        parts: list[Part] = []
        try:
            self._start(parts)
            self._announce()
            self._watch(parts)
        finally:
            self.terminal.stopped.set()
            self.terminal.say("\n  stopping")
            processes.stop(parts, self.home)
            self.terminal.say("  stopped, nothing left running")

    def _start(self, parts: list[Part]) -> None:
        provision.build_page()
        accepted = dict.fromkeys((local_secret(), *rotating()))  # a rotation outlives a restart
        # The probe trusts what the machine trusts; the local relay's certificate is its own.
        environment = {**self.suite.environment(), "SSL_CERT_FILE": str(self.coturn.certificate)}
        for name, command, directory in (
            ("coturn", self.coturn.prepare(*accepted), self.coturn.directory),
            ("emulators", self.suite.prepare(), self.suite.directory),
        ):
            part = Part(name, command, environment, directory, mark=self.home)
            part.follow(self.home / f"{name}.log", self.terminal.show)
            parts.append(part)
        addresses = self.suite.addresses
        waiting: dict[str, tuple[Callable[[], bool], str]] = {
            "Coturn": (self.coturn.answers, f"{HOST}:{addresses.turn} udp tcp, {addresses.turn_tls} tls"),
            "Auth": (self.suite.auth_answers, addresses.url("auth")),
            "Firestore": (self.suite.firestore_answers, addresses.url("firestore")),
            "Hosting": (self.suite.hosting_answers, addresses.url("hosting")),
            "Functions": (lambda: self._functions_answer(parts), f"{addresses.url('functions')}/{self.suite.project}"),
        }
        until = time.monotonic() + READY_WITHIN_S
        while waiting:
            for name, (answers, where) in list(waiting.items()):
                self._check(parts)
                if any(NOT_LOADED in part.said() for part in parts):
                    raise Failed("The functions cannot be loaded; the lines above say why.")
                if answers():
                    self.terminal.say(f"  ✓ {name:<10} {where}")
                    del waiting[name]
            if time.monotonic() > until:
                raise Failed(f"{', '.join(waiting)} did not answer in {READY_WITHIN_S:.0f} s; see {self.home}/*.log")
            self.terminal.stopped.wait(LOOK_EVERY_S)

    def _functions_answer(self, parts: list[Part]) -> bool:
        return any(self.suite.functions_answer(logs.declared(part.said())) for part in parts)

    def _announce(self) -> None:
        triggers = self.suite.backends()
        for trigger in triggers:
            self.terminal.say(f"      {trigger['name']}")
            if "schedule" in trigger:
                self._schedule(schedule.Job.of(self.suite.function_url(trigger), trigger))
        self.terminal.say(f"\n  Open {self.suite.addresses.url('hosting')}      Ctrl-C stops everything\n")

    def _schedule(self, job: schedule.Job) -> None:
        def say(line: str) -> None:
            self.terminal.show("schedule", line)

        threading.Thread(target=schedule.keep, args=(job, self.terminal.stopped, say), daemon=True).start()

    def _watch(self, parts: list[Part]) -> None:
        while True:
            self._check(parts)
            self.terminal.stopped.wait(LOOK_EVERY_S)

    def _check(self, parts: list[Part]) -> None:
        """Ends the stack when it was asked to stop or when a part stopped by itself."""
        if self.terminal.stopped.is_set() or self.terminal.gone():
            raise KeyboardInterrupt
        for part in parts:
            if part.exit_code is not None:
                tail = "\n    ".join(part.said().splitlines()[-12:])
                raise Failed(f"{part.name} stopped by itself (exit code {part.exit_code}). It said last:\n    {tail}")


def rotating() -> tuple[str, ...]:
    """Both secrets of a rotation that is under way; see tools/rotate.py, which this stack does not need to start."""
    try:
        record = json.loads((provision.HOME / "rotation.json").read_text())
    except FileNotFoundError:
        return ()
    return () if record["retired_at"] else (record["old"], record["new"])


@contextmanager
def alone(home: Path, addresses: Addresses) -> Iterator[None]:
    """Holds the stack's lock, or says who runs it. The kernel drops the lock with the process, however that ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            running = json.loads(lock.read() or "{}")
            raise Failed(
                f"The stack already runs: pid {running.get('pid')}, since {running.get('since')}, at "
                f"{running.get('page')}. Use that one, or stop it with Ctrl-C there (or kill {running.get('pid')})."
            ) from None
        lock.truncate(0)
        owner = {"pid": os.getpid(), "since": time.strftime("%H:%M:%S"), "page": addresses.url("hosting")}
        json.dump(owner, lock)
        lock.flush()
        yield


def clear_the_way(home: Path, addresses: Addresses, terminal: Terminal) -> None:
    """Ends what an interrupted stack left behind, and makes sure that every port can be had."""
    left = processes.end_marked(home)
    if left:
        terminal.say(f"  ended {left} processes that an interrupted stack had left behind")
    until = time.monotonic() + (PORTS_FREE_WITHIN_S if left else 0.0)
    while (taken := ports.busy(addresses.listeners())) and time.monotonic() < until:
        terminal.stopped.wait(LOOK_EVERY_S)
    if taken:
        raise Failed("These ports are taken; free them and start again:\n    " + "\n    ".join(taken))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--project", type=project, default=PROJECT, help="project id of the emulators, demo-...")
    parser.add_argument("--port-offset", type=offset, default=0, help="moves every port up, for a stack beside another")
    parser.add_argument("--functions", type=Path, default=Suite.functions, help="another functions directory")
    arguments = parser.parse_args()
    terminal = Terminal()
    for number in SIGNALS:
        signal.signal(number, stopper(terminal))
    addresses = Addresses(arguments.port_offset)
    home = provision.HOME / arguments.project
    coturn = Coturn(home / "coturn", addresses.turn, addresses.turn_tls)
    suite = Suite(home / "suite", arguments.project, addresses, arguments.functions.resolve())
    stack = Stack(home, coturn, suite, terminal)
    try:
        with alone(home, addresses):
            terminal.say(f"\nWebRTC-Lite, the local stack of {arguments.project}\n")
            clear_the_way(home, addresses, terminal)
            stack.run()
    except KeyboardInterrupt:
        return 0
    except (Failed, provision.Missing) as problem:
        terminal.say(f"\n  ✗ {problem}\n")
        return 1
    return 0


def project(text: str) -> str:
    """A demo- id and no other: with a real one the emulators would look for the real project."""
    if not re.fullmatch(r"demo-[a-z0-9-]{1,25}", text):
        raise argparse.ArgumentTypeError("it has to begin with demo-, followed by a-z, 0-9 and -")
    return text


def offset(text: str) -> int:
    highest = max(listener.port for listener in Addresses().listeners())
    if not text.isdecimal() or highest + int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"it has to be from 0 to {PORT_MAX - highest}")
    return int(text)


def stopper(terminal: Terminal) -> Callable[[int, FrameType | None], None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        terminal.stopped.set()

    return stop


if __name__ == "__main__":
    sys.exit(main())
