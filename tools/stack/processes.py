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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import psutil

MARK = "WEBRTC_LITE_STACK"
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
    left = marked(mark)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=GRACE_S)
    return len(left)


def marked(mark: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(mark):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
