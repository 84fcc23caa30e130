"""The headless client as an operator runs it: a process of its own, and what it says to a machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.stack import RunningStack
from tests.support.waiting import until
from tools.provision import ROOT
from webrtc_lite_client.session import LIVE

WITHIN_S = 300.0


@dataclass(frozen=True)
class Run:
    exit_code: int
    complaints: str
    output: str = field(repr=False)

    @property
    def said(self) -> dict[str, Any]:
        """The last line that it said; most commands say one."""
        last: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return last

    @property
    def problem(self) -> str:
        failed = self.said["failed"]
        return f"{failed['reason']} {failed['hint']}"

    def at_ms(self, side: str) -> dict[str, float]:
        return {mark["step"]: mark["at_ms"] for mark in self.said["timeline"] if mark["side"] == side}


def command(stack: RunningStack, name: str, *options: str) -> list[str]:
    where = ["--project", stack.project, "--port-offset", str(stack.addresses.offset)]
    # asyncio's debug mode notes where every callback was made: a load would then measure that.
    strict = ["-W", "error"] if name == "load" else ["-X", "dev", "-W", "error"]
    return [sys.executable, *strict, "-m", "webrtc_lite_client", name, "--json", *where, *options]


def started(stack: RunningStack, name: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(stack, name, *options),
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> Run:
    try:
        output, complaints = process.communicate(timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    return Run(process.returncode, complaints, output)


def run(stack: RunningStack, name: str, *options: str) -> Run:
    done = finished(started(stack, name, *options))
    assert done.output, done.complaints
    return done


def interrupted(process: subprocess.Popen[str], once: Callable[[], object], by: signal.Signals = signal.SIGINT) -> Run:
    """Presses Ctrl-C as soon as `once` returns."""
    try:
        once()
    finally:
        process.send_signal(by)
    return finished(process)


def accounts(stack: RunningStack) -> set[str]:
    """Who has an account there."""
    reply = httpx.get(
        f"{stack.auth}/identitytoolkit.googleapis.com/v1/projects/{stack.project}/accounts:batchGet?maxResults=999",
        headers={"Authorization": "Bearer owner"},
    )
    return {each["localId"] for each in reply.raise_for_status().json().get("users", [])}


@contextmanager
def nothing_left(stack: RunningStack) -> Iterator[None]:
    """Of what the body does: what browsers of other tests hold is theirs."""
    people, held = accounts(stack), allocations(stack)
    yield
    assert accounts(stack) == people
    no_live_session(stack)
    until(lambda: allocations(stack) <= held, "every allocation given back", within_s=10)


def no_live_session(stack: RunningStack) -> None:
    """Where one lives on: what stands in it, and what the stack has printed of it."""
    try:
        until(lambda: live(stack) == [], "no live session", within_s=10)
    except AssertionError as never:
        left = live(stack)
        printed = [line for line in stack.printed.splitlines() if any(each["session_id"] in line for each in left)]
        raise AssertionError("\n".join([str(never), *map(str, left), *printed])) from None


def live(stack: RunningStack) -> list[dict[str, Any]]:
    """The sessions that have not ended, but for their descriptions."""
    statuses = [{"stringValue": each} for each in LIVE]
    query = {
        "from": [{"collectionId": "webrtc_sessions"}],
        "where": {
            "fieldFilter": {
                "field": {"fieldPath": "status"},
                "op": "IN",
                "value": {"arrayValue": {"values": statuses}},
            }
        },
    }
    reply = httpx.post(
        f"{stack.firestore}/v1/projects/{stack.project}/databases/(default)/documents:runQuery",
        headers={"Authorization": "Bearer owner"},
        json={"structuredQuery": query},
    )
    found = [each["document"] for each in reply.raise_for_status().json() if "document" in each]
    return [
        {
            "session_id": each["name"].rpartition("/")[2],
            **{name: value for name, value in each["fields"].items() if name not in ("offer", "answer")},
        }
        for each in found
    ]


def allocations(stack: RunningStack) -> int:
    """How many there are at the stack's relay now, but for those of the back end's own probe."""
    log = (stack.home / "coturn.log").read_text(errors="replace").splitlines()
    theirs = [line for line in log if "webrtc-lite-probe" not in line]
    return sum(": new, realm" in line for line in theirs) - sum("delete: realm" in line for line in theirs)
