"""Programs that a test wrote itself, on a PATH with nothing else on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.waiting import until


@dataclass(frozen=True)
class Programs:
    """A directory of programs. Each one writes down how it was called before it does what it was written for."""

    directory: Path

    def add(self, name: str, script: str = "") -> Path:
        program = self.directory / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.calls_file}"\n{script}\n')
        program.chmod(0o755)
        return program

    def borrow(self, *names: str) -> None:
        """Takes real programs of this machine, which their name alone has to find."""
        for name in names:
            real = shutil.which(name, path="/bin:/usr/bin:/usr/local/bin")
            assert real, f"this machine has no {name}"
            (self.directory / name).symlink_to(real)

    @property
    def calls_file(self) -> Path:
        return self.directory / ".calls"

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


def begun(pid: int) -> psutil.Process:
    """A process that was just started, once it can be seen with which command and environment."""
    process = psutil.Process(pid)
    until(lambda: bool(process.environ()), f"process {pid}", within_s=10)
    return process


@contextmanager
def running(*command: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process, ended at the latest when the test is."""
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], **(environment or {})}) as child:
        try:
            begun(child.pid)
            yield child
        finally:
            child.kill()
