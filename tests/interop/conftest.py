import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.turn_client import HOST
from tests.support.waiting import until
from tools.coturn import Coturn
from webrtc_lite.core.turn import Relay

SECRET = "a secret of the tests, 40 characters long"


@dataclass(frozen=True)
class RunningCoturn:
    """Debian's Coturn with the configuration of this repository, and the relay as the functions know it."""

    coturn: Coturn
    log: Path
    relay: Relay


@pytest.fixture(scope="session")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCoturn]:
    directory = tmp_path_factory.mktemp("coturn")
    server = Coturn(directory / "server", port=free_port(), tls_port=free_port())
    command = server.prepare(SECRET)
    log = directory / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is None and server.answers(), "Coturn")
        yield RunningCoturn(server, log, Relay(HOST, server.port, (server.tls_port,), SECRET))
    finally:
        process.terminate()
        process.wait()
