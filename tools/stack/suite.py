"""The emulators of firebase-tools: their project directory, environment and command, and whether each one answers."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import provision
from tools.coturn import write_private
from tools.provision import ROOT
from tools.stack.addresses import DIRECT, HOST, Addresses, firebase_json

ANSWERS_WITHIN_S = 30.0  # the first request of a function starts its process
SECRETS = ROOT / "functions" / ".secret.local"  # where the Functions emulator looks
JAVA = (
    *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),  # starts faster, serves a developer
    "-Dsun.net.httpserver.nodelay=true",  # what listeners hear does not wait 40 ms for an acknowledgement
)
MENDS = [Path(__file__).with_name(name) for name in ("no_keepalive.cjs", "discovery_port.cjs")]


@dataclass(frozen=True)
class Suite:
    """One run of the emulators, in a directory of its own, so that several run side by side.

    The directory holds a firebase.json with this stack's ports, which names everything where it is. The parameters
    of the functions stand there too, so that a deployment's functions/.env never reaches the local stack.
    """

    directory: Path
    project: str
    addresses: Addresses
    functions: Path = ROOT / "functions"

    def prepare(self) -> list[str]:
        """Makes the directory and returns the command that starts the emulators in the foreground."""
        self.directory.mkdir(parents=True, exist_ok=True)
        config = firebase_json()
        config["emulators"] = self.addresses.emulators()
        # Everything by its own path: firebase-tools does not notice a changed file behind a link below a .directory.
        for functions in config["functions"]:
            functions["source"] = os.path.relpath(self.functions, self.directory)
            functions["configDir"] = "parameters"
        for name, path in config["firestore"].items():
            config["firestore"][name] = str(ROOT / path)
        config["hosting"]["public"] = os.path.relpath(ROOT / config["hosting"]["public"], self.directory)
        (self.directory / "firebase.json").write_text(json.dumps(config, indent=2))
        parameters = self.directory / "parameters"
        parameters.mkdir(exist_ok=True)
        values = {
            "TURN_HOST": HOST,
            "TURN_PORT": self.addresses.turn,
            "TURN_TLS_PORTS": self.addresses.turn_tls,
        }
        (parameters / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        (parameters / ".env.local").unlink(missing_ok=True)
        return [str(provision.firebase()), "emulators:start", "--project", self.project]

    def environment(self) -> dict[str, str]:
        """What firebase-tools needs to run without a network, an account or a terminal."""
        mends = " ".join(f"--require={each}" for each in MENDS)
        ours = {
            "PATH": f"{provision.java().parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "FIRESTORE_EMULATOR_BINARY_PATH": str(provision.runnable_firestore_jar()),
            "CI": "1",  # no message of the day
            "NO_UPDATE_NOTIFIER": "1",
            "FUNCTIONS_EMULATOR_PARALLEL": "8",  # a process pair for each parallel request, never reaped
            "FUNCTIONS_DISCOVERY_TIMEOUT": "60",
            "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} {mends}".strip(),
            "WEBRTC_LITE_PORT_OFFSET": str(self.addresses.offset),  # which the second of these reads
            "JAVA_TOOL_OPTIONS": " ".join(JAVA),
        }
        foreign = (
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_PROJECT",
            "GCLOUD_PROJECT",
            "FIREBASE_TOKEN",
        )
        return {name: value for name, value in os.environ.items() if name not in foreign} | ours

    def backends(self) -> list[dict[str, Any]]:
        """The functions that the emulator has loaded, each with its id, region and kind."""
        body = fetch(f"{self.addresses.url('functions')}/backends")
        if body is None:
            return []
        return [trigger for backend in json.loads(body)["backends"] for trigger in backend["functionTriggers"]]

    def auth_answers(self) -> bool:
        return fetch(self.addresses.url("auth")) is not None

    def firestore_answers(self) -> bool:
        return fetch(self.addresses.url("firestore")) is not None

    def hosting_answers(self) -> bool:
        return fetch(self.addresses.url("hosting")) is not None

    def function_url(self, trigger: dict[str, Any]) -> str:
        return f"{self.addresses.url('functions')}/{self.project}/{trigger['region']}/{trigger['name']}"

    def functions_answer(self, declared: frozenset[str]) -> bool:
        """Whether all that were declared are registered, one after the other, and each callable answers a preflight.

        The preflight also starts its process.
        """
        triggers = self.backends()
        callables = [trigger for trigger in triggers if "httpsTrigger" in trigger]
        return (
            bool(declared)
            and declared <= {trigger["name"] for trigger in triggers}
            and all(fetch(self.function_url(trigger), method="OPTIONS") is not None for trigger in callables)
        )


def local_secret() -> str:
    """The secret that the local functions sign with and the local relay accepts, made at the first start."""
    name = "TURN_SECRET="
    if SECRETS.exists():
        for line in SECRETS.read_text().splitlines():
            value = line.removeprefix(name).strip().strip("\"'")  # firebase-tools reads quotes as dotenv does
            if line.startswith(name) and value:
                return value
        raise provision.Missing(f"{SECRETS.relative_to(ROOT)} has no TURN_SECRET. Add one, or remove the file.")
    secret = secrets.token_hex(32)
    write_private(SECRETS, f"{name}{secret}\n".encode())
    return secret


def fetch(url: str, method: str = "GET") -> bytes | None:
    """The body of a successful answer, else nothing."""
    request = urllib.request.Request(url, method=method)
    try:
        with DIRECT.open(request, timeout=ANSWERS_WITHIN_S) as reply:
            body: bytes = reply.read()
            return body
    except (OSError, http.client.HTTPException):
        return None
