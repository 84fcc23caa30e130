"""Starts the parts and leaves no process behind.

firebase-tools starts Java in a session of its own and gunicorn below a shell that it kills alone, so neither a process
group nor a tree holds all of a stack. Every process inherits a mark in its environment instead, and whoever carries
the mark of a stack that stopped is ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import psutil

MARK = "WEBRTC_LITE_STACK"
LOOK_EVERY_S = 0.01
GRACE_S = 8.0  # what the emulators need to stop by themselves, and then some


class Part:
    """One started program, its output handed on line by line."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path, mark: Path
    ) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={**environment, MARK: str(mark)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the stack, which stops the parts in order
        )

    def follow(self, log: Path, show: Callable[[str, str], None]) -> None:
        """Writes every line to a file and shows it, from a thread of its own."""
        self._log = log
        file = log.open("w")  # here, so that the last run's lines are gone when this returns
        threading.Thread(target=self._follow, args=(file, show), daemon=True).start()

    def _follow(self, file: TextIO, show: Callable[[str, str], None]) -> None:
        output = self._process.stdout
        if output is None:  # pragma: no cover  Popen was given a pipe
            return
        with output, file:
            for line in output:
                file.write(line)
                file.flush()
                show(self.name, line.rstrip("\n"))

    def said(self) -> str:
        """All that it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def interrupt(self) -> None:
        if self.exit_code is None:
            self._process.send_signal(signal.SIGINT)

    def wait(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def stop(parts: Sequence[Part], mark: Path) -> None:
    """Asks every part to stop, waits, and ends whatever carries the mark after that."""
    for part in parts:
        part.interrupt()
    for part in parts:
        part.wait(GRACE_S)
    end_marked(mark)


def end_marked(mark: Path) -> int:
    """Ends every process with the mark but this one and says how many there were."""
    ended: list[psutil.Process] = []
    until = time.monotonic() + GRACE_S
    while left := marked(mark):  # again, because one may have started another while it was looked for
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        while any(map(alive, left)) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        ended += left
        if time.monotonic() > until:
            break
    return len(ended)


def alive(process: psutil.Process) -> bool:
    """Whether it holds anything yet. One that ended stays a zombie until init notices, which some never do."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def marked(mark: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(mark):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
