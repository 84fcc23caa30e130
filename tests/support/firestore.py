"""The real Firestore emulator with the rules of this repository, started once for a run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.ports import free_port
from tests.support.tokens import id_token
from tests.support.waiting import until
from tools import provision

PROJECT = "demo-webrtc-lite-tests"
RULES = provision.ROOT / "firestore.rules"
OWNER = "owner"  # the emulator's name for whoever passes by the rules


@dataclass(frozen=True)
class Firestore:
    http: httpx.Client

    def request(self, method: str, path: str, *, by: str | None, json: dict[str, Any] | None = None) -> int:
        """The status of one REST request to a path below the database's documents, as a user, nobody, or the owner."""
        token = OWNER if by == OWNER else id_token(by, PROJECT) if by else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"/v1/projects/{PROJECT}/databases/(default)/documents{quote(path, safe='/:?=')}"
        return self.http.request(method, url, json=json, headers=headers).status_code

    def load_rules(self, rules: str) -> None:
        """Other rules than the file's, from now on."""
        content = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
        self.http.put(f"/emulator/v1/projects/{PROJECT}:securityRules", json=content).raise_for_status()

    def rule_coverage(self) -> dict[str, Any]:
        """Every expression of the rules with the values that it has had."""
        report: dict[str, Any] = (
            self.http.get(f"/emulator/v1/projects/{PROJECT}:ruleCoverage").raise_for_status().json()
        )
        return report

    def wipe(self) -> None:
        self.http.delete(f"/emulator/v1/projects/{PROJECT}/databases/(default)/documents").raise_for_status()


@contextmanager
def running_firestore(functions_port: int | None = None) -> Iterator[Firestore]:
    """With a port for functions, what is written there is told to it, as soon as a trigger is registered."""
    port = free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--project_id", PROJECT, "--single_project_mode", "true"]
    arguments += ["--rules", str(RULES)]
    if functions_port:
        arguments += ["--functions_emulator", f"127.0.0.1:{functions_port}"]
    java = [str(provision.java()), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Duser.language=en"]
    process = subprocess.Popen(
        [*java, "-jar", str(provision.runnable_firestore_jar()), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("FIRESTORE_")},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            until(lambda: process.poll() is None and answers(http), "the Firestore emulator")
            yield Firestore(http)
    finally:
        process.kill()
        process.wait()


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/").is_success
    except httpx.TransportError:
        return False
