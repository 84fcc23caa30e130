"""`make rotate` on the running stack, while people talk and new calls start at every step."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.browser import Call, IceServers, People, chromium, two_people
from tests.support.stack import RunningStack, started_stack
from tests.support.waiting import until
from tools import provision
from tools.rotate import RECORD
from tools.stack.suite import local_secret

UNAUTHORIZED = 401


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    RECORD.unlink(missing_ok=True)  # what an earlier run was interrupted in
    with started_stack("rotation", tmp_path_factory.mktemp("stack") / "output") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def rotate(stack: RunningStack, step: str, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = " ".join(["--project", stack.project, *more])
    return subprocess.run(
        ["make", "--no-print-directory", "rotate", f"STEP={step}", f"ARGS={arguments}"],
        cwd=provision.ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def done(stack: RunningStack, step: str, *more: str) -> str:
    run = rotate(stack, step, *more)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def refused(stack: RunningStack, step: str, *more: str) -> str:
    run = rotate(stack, step, *more)
    assert run.returncode != 0
    assert "✗" in run.stdout
    return run.stdout


def servers(stack: RunningStack) -> IceServers:
    """What a user who was not there before gets from the function now."""
    sign_up = f"{stack.auth}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any"
    token = httpx.post(sign_up, json={"returnSecureToken": True}, timeout=30).raise_for_status().json()["idToken"]
    url = f"{stack.functions}/{stack.project}/us-central1/issue_turn_credentials"
    answer = httpx.post(url, json={"data": {"ttl": 60}}, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    found: Any = answer.raise_for_status().json()["result"]["ice_servers"]
    return list(found)


def test_a_call_stays_up_through_a_whole_rotation_while_new_calls_start_at_every_step(
    stack: RunningStack, browser: Browser
) -> None:
    first = local_secret()
    with two_people(browser) as people:
        stays = people.call("stays", servers(stack))
        stays.until_heard()
        for side in stays.sides:
            side.do("forget")
        started_with = [side.look()["relayed"] for side in stays.sides]

        def new_call(name: str, held: IceServers | None = None) -> None:
            call = people.call(name, held or servers(stack))
            call.until_heard()
            assert [side.look()["pair"] for side in call.sides] == ["relay/relay"] * 2
            call.close()

        old = servers(stack)
        assert "first step is accept" in refused(stack, "sign")
        assert "first step is accept" in refused(stack, "retire")
        new_call("before")
        assert "Would have" in done(stack, "accept", "--dry-run")
        assert "first step is accept" in refused(stack, "sign")
        done(stack, "accept")
        done(stack, "accept")
        assert local_secret() == first
        new_call("accepted")
        assert "next step is sign" in refused(stack, "retire", "--at-once")
        done(stack, "sign")
        done(stack, "sign")
        assert local_secret() != first
        new_call("signed")
        new_call("signed, old credential", old)
        assert "somebody may hold a credential" in refused(stack, "retire")
        assert "retire it" in refused(stack, "accept")
        assert "The next step is retire" in done(stack, "status")
        done(stack, "retire", "--at-once")
        done(stack, "retire")
        new_call("retired")
        assert_refused(people, old)

        stays.until_heard(100)
        for side, relayed in zip(stays.sides, started_with, strict=True):
            seen = side.look()
            assert (seen["state"], seen["states"], seen["errors"]) == ("connected", [], [])
            assert seen["relayed"] == relayed  # on the allocation that it began with
            assert seen["gap"] < 1_000  # milliseconds without a packet, all the way
    said = stack.printed
    assert first not in said
    assert local_secret() not in said


def assert_refused(people: People, old: IceServers) -> None:
    call: Call = people.call("retired, old credential", old)
    until(
        lambda: all({code for code, _ in side.look()["errors"]} >= {UNAUTHORIZED} for side in call.sides),
        "a candidate error 401",
        within_s=10,
    )
    call.close()


def test_nothing_of_a_secret_can_be_read_by_others(stack: RunningStack) -> None:
    for path in (RECORD, stack.home / "coturn" / "turndb", provision.ROOT / "functions" / ".secret.local"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_stack_that_does_not_run_is_named() -> None:
    run = subprocess.run(
        ["make", "--no-print-directory", "rotate", "STEP=accept", "ARGS=--project demo-nowhere"],
        cwd=provision.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "There is no stack demo-nowhere" in run.stdout
