"""A Coturn of a test's own, to be frozen, killed and started again, and pages that are sent to it."""

from __future__ import annotations

import hmac
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Route

from tests.support.browsers import ChromiumTab, Someone
from tests.support.ports import free_port
from tests.support.stack import RunningStack
from tests.support.waiting import until
from tools.coturn import Coturn
from tools.stack.suite import local_secret

ISSUE = "**/issue_turn_credentials"


@dataclass
class OwnRelay:
    coturn: Coturn
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        command = self.coturn.prepare(local_secret())
        with self.log.open("a") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        until(self.coturn.answers, "Coturn")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def allocations(self) -> int:
        return self.log.read_text(errors="replace").count(": new, realm")

    def refusals(self) -> int:
        return self.log.read_text(errors="replace").count("Cannot find credentials")

    def serves(
        self, someone: Someone, stack: RunningStack, *, expires_in_s: int | None = None, secret: str | None = None
    ) -> list[float]:
        """Sends this person's page here, at first with a credential as it is said, and notes when it asks for one."""
        asked: list[float] = []
        first = (expires_in_s, secret)

        def answer(route: Route) -> None:
            reply = route.fetch()
            issued = reply.json()
            asked.append(time.monotonic())
            if "result" in issued:
                self._rewrite(issued["result"], stack, *(first if len(asked) == 1 else (None, None)))
            route.fulfill(response=reply, json=issued)

        assert isinstance(someone.tab, ChromiumTab)
        someone.tab.page.context.route(ISSUE, answer)
        return asked

    def _rewrite(
        self, issued: dict[str, Any], stack: RunningStack, expires_in_s: int | None, secret: str | None
    ) -> None:
        ports = {stack.turn_port: self.coturn.port, stack.turn_tls_port: self.coturn.tls_port}

        def here(uri: str) -> str:
            for theirs, ours in ports.items():
                uri = uri.replace(f":{theirs}", f":{ours}")
            return uri

        issued["uris"] = list(map(here, issued["uris"]))
        for server in issued["ice_servers"]:
            server["urls"] = list(map(here, server["urls"]))
        if expires_in_s is not None:
            expiry = int(issued["server_time"]) + expires_in_s
            username = f"{expiry}:{issued['username'].partition(':')[2]}"
            issued.update(username=username, expires_at=expiry, refresh_at=expiry - 1)
        signed = hmac.digest((secret or local_secret()).encode(), issued["username"].encode(), "sha1")
        issued.update(password=b64encode(signed).decode())
        issued["ice_servers"][-1].update(username=issued["username"], credential=issued["password"])

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def own_relay(directory: Path) -> Iterator[OwnRelay]:
    relay = OwnRelay(Coturn(directory / "server", port=free_port(), tls_port=free_port()), directory / "log")
    relay.start()
    try:
        yield relay
    finally:
        if relay._process is not None:
            relay.thaw()
        relay.kill()
