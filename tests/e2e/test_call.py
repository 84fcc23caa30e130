"""One call through everything: rules, trigger, credentials, relay; by the client of client/, as an operator runs it."""

import asyncio
import hmac
import json
import os
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.stack import RunningStack
from tools.provision import ROOT
from tools.stack.suite import local_secret
from webrtc_lite_client.firebase import Relay
from webrtc_lite_client.peer import relay_trouble

SMOKE_WITHIN_S = 120.0
CALLER_STEPS = [
    "signed in", "session written", "credentials", "gathered", "offer written", "offered", "answer seen",
    "ice connected", "hung up", "ended", "history read",
]  # fmt: skip
CALLEE_STEPS = [
    "signed in", "rings", "credentials", "gathered", "answer written", "ice connected", "ended", "history read",
]  # fmt: skip
PROOFS = {"data echoed", "first audio"}  # after ICE, in either order
SPENT_MS = 30_000  # a call that needs the clients' patience to connect is not set up, it is rescued


@dataclass(frozen=True)
class Run:
    exit_code: int
    said: dict[str, Any]
    complaints: str

    def at_ms(self, side: str) -> dict[str, float]:
        return {mark["step"]: mark["at_ms"] for mark in self.said["timeline"] if mark["side"] == side}


def smoke(stack: RunningStack, *options: str) -> Run:
    where = ["--project", stack.project, "--port-offset", str(stack.addresses.offset)]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "webrtc_lite_client", "smoke", "--json", *where, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
        timeout=SMOKE_WITHIN_S,
        check=False,
    )
    assert done.stdout, done.stderr
    return Run(done.returncode, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="module")
def run(stack: RunningStack) -> Run:
    return smoke(stack, "--talk", "1")


def test_two_people_talk_through_the_relay_and_find_their_call_in_the_history(run: Run) -> None:
    assert run.said["failed"] is None
    assert run.exit_code == 0
    for side, steps in (("caller", CALLER_STEPS), ("callee", CALLEE_STEPS)):
        at_ms = run.at_ms(side)
        assert sorted(steps, key=at_ms.__getitem__) == steps
        assert all(at_ms["ice connected"] < at_ms[proof] < at_ms["ended"] for proof in PROOFS)
        assert at_ms["connected"] < at_ms["ended"]  # the status, which the first side that has ICE brings about
        assert at_ms["ice connected"] < SPENT_MS

        seen = run.said[side]
        assert seen["pair"] == "relay/relay"
        assert seen["heard_frames"] >= 50  # one second of the other side's tone
        assert seen["record"] == run.said["caller"]["record"]
    record = run.said["caller"]["record"]
    connected_at, ended_at = (datetime.fromisoformat(record[name]) for name in ("connected_at", "ended_at"))
    assert record["end_reason"] == "hangup"
    assert record["duration_s"] == int((ended_at - connected_at).total_seconds()) >= 1
    assert record["media"] == "audio"
    assert record["participants"] == [record["caller_id"], record["callee_id"]]


def test_a_call_ends_without_a_warning_or_a_task_left_behind(run: Run) -> None:
    slow = "Executing <"  # asyncio's debug mode remarks on steps that took long

    assert [line for line in run.complaints.splitlines() if not line.startswith(slow)] == []


def test_a_relay_that_is_down_is_reported_with_its_address_and_a_hint(stack: RunningStack) -> None:
    nobody = f"turn:127.0.0.1:{free_port()}?transport=udp"

    failed = smoke(stack, "--relay", nobody)

    assert failed.exit_code == 1
    assert failed.said["failed"]["reason"].startswith(f"No candidate of the relay {nobody}: it did not answer")
    assert "Coturn" in failed.said["failed"]["hint"]
    assert "offer written" not in failed.at_ms("caller")


def relay(stack: RunningStack, expiry: int, secret: str) -> Relay:
    username = f"{expiry}:alice"
    password = b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()
    return Relay(f"turn:127.0.0.1:{stack.turn_port}?transport=udp", username, password)


@pytest.mark.parametrize(
    ("expiry", "secret"), [(1, local_secret()), (2_000_000_000, "another secret")], ids=["expired", "wrong secret"]
)
def test_a_credential_that_the_relay_refuses_is_told_from_a_relay_that_is_down(
    stack: RunningStack, expiry: int, secret: str
) -> None:
    trouble = asyncio.run(relay_trouble(relay(stack, expiry, secret)))

    assert trouble.startswith("it refused the credential, 401")


def test_a_credential_that_the_relay_takes_is_no_trouble(stack: RunningStack) -> None:
    trouble = asyncio.run(relay_trouble(relay(stack, 2_000_000_000, local_secret())))

    assert trouble == "it gave an allocation now, and none before"
