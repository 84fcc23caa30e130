"""Coturns that a test starts and kills."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import until
from tools.coturn import Coturn
from tools.relay_check import Target, refusal
from webrtc_lite.core.turn import Grant, Relay


@dataclass
class RunningRelay:
    coturn: Coturn
    secret: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def relay(self) -> Relay:
        return Relay("127.0.0.1", self.coturn.port, (self.coturn.tls_port,), self.secret)

    def refusal(self, granted: Grant) -> int | None:
        """The number with which it refuses a credential over TCP, or nothing where it takes it."""
        target = Target(self.relay, ssl.create_default_context())
        return refusal(target, granted.username, granted.password, target.tcp)

    def start(self) -> None:
        command = self.coturn.prepare(self.secret)
        with (self.coturn.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        process = self.process
        until(lambda: process.poll() is None and self.coturn.answers(), "Coturn")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_relay(directory: Path, secret: str) -> Iterator[RunningRelay]:
    relay = RunningRelay(Coturn(directory, port=free_port(), tls_port=free_port()), secret)
    try:
        relay.start()
        yield relay
    finally:
        relay.kill()
