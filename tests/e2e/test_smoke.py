"""`smoke` against deployments that are broken, each in one way: it names the first thing that is wrong.

The stack is the real one. What is broken stands beside it (a relay of the test's own), is loaded into it for a moment
(other rules), or lies between it and the client (functions whose clock is wrong).
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.headless import Run, accounts, no_live_session, run
from tests.support.late_functions import late_functions
from tests.support.ports import free_port
from tests.support.stack import RunningStack
from tests.support.threads import together
from tests.support.tokens import id_token
from tests.support.turn_client import allocation
from tests.support.waiting import until
from tools.coturn import Coturn, make_certificate
from tools.provision import ROOT
from tools.stack.suite import local_secret
from webrtc_lite_client.backend import local_stack
from webrtc_lite_client.people import Manner
from webrtc_lite_client.problem import Exit
from webrtc_lite_client.smoke import Asked, Findings, Smoke

HOST = "127.0.0.1"
HOUR_S, DAY_S = 3600, 86_400
RULES = (
    "service cloud.firestore {{ match /databases/{{database}}/documents/{{path=**}} {{ allow read, write: if {}; }} }}"
)


@pytest.fixture(autouse=True)
def _leaves_nothing(stack: RunningStack) -> Iterator[None]:
    """However a deployment is broken, no account and no live session of it stays."""
    before = accounts(stack)
    yield
    assert accounts(stack) == before
    no_live_session(stack)


def fails_at(check: str, done: Run, exit_code: Exit, *words: str) -> None:
    """It stopped at this check and said so; the ones before it were passed."""
    failed = done.said["failed"]
    assert failed is not None
    assert (failed["check"], done.exit_code, failed["exit"]) == (check, exit_code, exit_code)
    assert check not in [passed["check"] for passed in done.said["checks"]]
    assert failed["hint"]
    for word in words:
        assert word in done.problem


@contextmanager
def relay(directory: Path, *secrets: str, quota: int = 300) -> Iterator[Coturn]:
    """A Coturn of the test's own: with other secrets than the functions', or with less room."""
    coturn = Coturn(directory, port=free_port(), tls_port=free_port())
    command = coturn.prepare(*secrets)
    configuration = directory / "turnserver.conf"
    usual = configuration.read_text()
    assert "total-quota=300" in usual
    configuration.write_text(usual.replace("total-quota=300", f"total-quota={quota}"))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is None and coturn.answers(), "Coturn")
        yield coturn
    finally:
        process.kill()
        process.wait()


def udp(coturn: Coturn) -> str:
    return f"turn:{HOST}:{coturn.port}?transport=udp"


@contextmanager
def rules(stack: RunningStack, text: str) -> Iterator[None]:
    """Other rules in the stack's Firestore, for a moment."""

    def load(content: str) -> None:
        address = f"{stack.firestore}/emulator/v1/projects/{stack.project}:securityRules"
        file = {"name": "firestore.rules", "content": content}
        httpx.put(address, json={"rules": {"files": [file]}}, timeout=30).raise_for_status()

    load("rules_version = '2';\n" + text)
    try:
        yield
    finally:
        load((ROOT / "firestore.rules").read_text())


def test_a_secret_that_the_relay_does_not_know_is_named(stack: RunningStack, tmp_path: Path) -> None:
    with relay(tmp_path, "another secret") as coturn:
        done = run(stack, "smoke", "--relay", udp(coturn))

    fails_at("relay", done, Exit.RELAY, udp(coturn), "401", "sign with a secret that the relay does not know")


def test_a_coturn_that_is_down_is_named(stack: RunningStack) -> None:
    uri = f"turn:{HOST}:{free_port()}?transport=udp"

    fails_at("relay", run(stack, "smoke", "--relay", uri), Exit.RELAY, uri, "Is Coturn running there")


def test_a_certificate_that_has_expired_is_named(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.coturn.CERTIFICATE_DAYS", 0)
    monkeypatch.setattr("tools.coturn.valid_tomorrow", lambda certificate: certificate.exists())
    make_certificate(tmp_path / "certificate.pem", tmp_path / "private-key.pem")
    with relay(tmp_path, local_secret()) as coturn:
        done = run(stack, "smoke", "--relay", f"turns:{HOST}:{coturn.tls_port}?transport=tcp")

    fails_at("relay", done, Exit.RELAY, "certificate has expired", "Renew it")


def test_rules_that_let_everybody_in_are_named(stack: RunningStack) -> None:
    with rules(stack, RULES.format("true")):
        done = run(stack, "smoke")

    fails_at("rules", done, Exit.RULES, "The rules let a stranger read the session of a call", "make deploy")


def test_rules_that_let_nobody_in_are_named(stack: RunningStack) -> None:
    with rules(stack, RULES.format("false")):
        done = run(stack, "smoke")

    fails_at("ring", done, Exit.RULES, "The rules refused to", "make deploy")


def test_an_index_that_the_file_misses_is_named(stack: RunningStack, tmp_path: Path) -> None:
    content = json.loads((ROOT / "firestore.indexes.json").read_text())
    file = tmp_path / "firestore.indexes.json"
    file.write_text(json.dumps({**content, "indexes": content["indexes"][1:]}))

    done = run(stack, "smoke", "--indexes", str(file))

    fails_at("history", done, Exit.RULES, "misses the index of webrtc_sessions on status, deadline")


def test_functions_that_are_not_deployed_are_named(stack: RunningStack) -> None:
    elsewhere = stack.hosting.removeprefix("http://")  # a server that answers, and knows no function

    done = run(stack, "smoke", "--functions", elsewhere)

    fails_at("credential", done, Exit.FUNCTIONS, "is not deployed, in us-central1 or in any other region")


def test_functions_that_are_deployed_in_another_region_are_found_there(stack: RunningStack) -> None:
    done = run(stack, "smoke", "--region", "europe-west1")

    fails_at(
        "credential",
        done,
        Exit.FUNCTIONS,
        "is not in europe-west1; it is deployed in us-central1",
        "--region us-central1",
    )


def test_functions_whose_clock_is_wrong_are_named(stack: RunningStack) -> None:
    with late_functions(stack.functions, -2 * HOUR_S, local_secret(), says_so=True) as between:
        done = run(stack, "smoke", "--functions", between)

    fails_at("credential", done, Exit.FUNCTIONS, "behind that of Auth")


def test_a_relay_whose_clock_is_ahead_is_told_from_one_with_another_secret(stack: RunningStack) -> None:
    """To the relay every credential is two hours older than the functions say."""
    with late_functions(stack.functions, -2 * HOUR_S, local_secret(), says_so=False) as between:
        done = run(stack, "smoke", "--functions", between)

    fails_at("relay", done, Exit.RELAY, "its clock is ahead of the functions'")


def apart[T](steps: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread of its own: while a browser is open, Playwright has a loop in this one."""
    [result] = together(lambda: asyncio.run(steps()))
    return result


def in_this_process(stack: RunningStack, manner: Manner) -> Findings:
    addresses = stack.addresses
    backend = local_stack(
        stack.project,
        auth=f"{HOST}:{addresses.port('auth')}",
        firestore=f"{HOST}:{addresses.port('firestore')}",
        functions=f"{HOST}:{addresses.port('functions')}",
    )
    return apart(lambda: Smoke(Asked(backend, manner, talk_s=0.2), lambda _: None).run())


@pytest.mark.parametrize("wrong_by", [DAY_S, -DAY_S])
def test_a_client_whose_own_clock_is_a_day_wrong_works_and_says_so(stack: RunningStack, wrong_by: int) -> None:
    found = in_this_process(stack, Manner(wall=lambda: time.time() + wrong_by))

    assert found.problem is None
    [note] = found.notes
    assert (
        f"This machine's clock is {DAY_S}" in note or f"clock is {DAY_S - 1}" in note or f"clock is {DAY_S + 1}" in note
    )
    assert ("ahead" if wrong_by > 0 else "behind") in note


def test_a_quota_that_is_used_up_is_named(stack: RunningStack, tmp_path: Path) -> None:
    issued = httpx.post(
        f"{stack.functions}/{stack.project}/us-central1/issue_turn_credentials",
        json={"data": {}},
        headers={"Authorization": f"Bearer {token(stack)}"},
        timeout=30,
    ).json()["result"]

    async def full(coturn: Coturn) -> Run:
        async with allocation(issued["username"], issued["password"], coturn.port):
            return await asyncio.to_thread(run, stack, "smoke", "--relay", udp(coturn))

    with relay(tmp_path, local_secret(), quota=1) as coturn:
        done = apart(lambda: full(coturn))

    fails_at("relay", done, Exit.RELAY, "486", "quota")


def token(stack: RunningStack) -> str:
    return id_token("somebody", stack.project)


def test_a_region_without_a_relay_of_its_own_is_noted(stack: RunningStack) -> None:
    found = in_this_process(stack, Manner(region="antarctica"))

    assert found.problem is None
    assert found.notes == [
        "Asking for the region antarctica changes nothing: it is the one by default, or no relay is there."
    ]
