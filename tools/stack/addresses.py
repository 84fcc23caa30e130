"""Where the parts of the local stack listen. firebase.json says it for the emulators, SPEC section 1 for Coturn."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from tools.provision import ROOT

HOST = "127.0.0.1"
PROJECT = "demo-webrtc-lite"  # a demo- id: the emulators never look for the real project
TURN_PORT, TURN_TLS_PORT = 3478, 5349
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the machine knows no loopback

type Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True)
class Listener:
    part: str
    port: int
    protocol: Protocol = "tcp"

    def __str__(self) -> str:
        return f"{HOST}:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Addresses:
    """The fixed addresses, or the same ones moved up by an offset for a stack that runs beside it."""

    offset: int = 0

    def emulators(self) -> dict[str, Any]:
        """The `emulators` section of firebase.json with this stack's ports."""
        section: dict[str, Any] = firebase_json()["emulators"]
        return {name: self._moved(value) if isinstance(value, dict) else value for name, value in section.items()}

    def _moved(self, emulator: dict[str, Any]) -> dict[str, Any]:
        return {key: value + self.offset if key.lower().endswith("port") else value for key, value in emulator.items()}

    def port(self, emulator: str) -> int:
        port: int = self.emulators()[emulator]["port"]
        return port

    def url(self, emulator: str) -> str:
        return f"http://{HOST}:{self.port(emulator)}"

    @property
    def turn(self) -> int:
        return TURN_PORT + self.offset

    @property
    def turn_tls(self) -> int:
        return TURN_TLS_PORT + self.offset

    def listeners(self) -> list[Listener]:
        """Every port that has to be free before the stack starts."""
        emulators = [
            Listener(name, port)
            for name, emulator in self.emulators().items()
            if isinstance(emulator, dict)
            for key, port in emulator.items()
            if key.lower().endswith("port")
        ]
        coturn: list[tuple[int, Protocol]] = [(self.turn, "udp"), (self.turn, "tcp"), (self.turn_tls, "tcp")]
        return emulators + [Listener("coturn", port, protocol) for port, protocol in coturn]


def firebase_json() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "firebase.json").read_text())
    return content
