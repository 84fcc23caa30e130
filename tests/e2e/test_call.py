"""One call through everything: rules, trigger, credentials, relay; by the client of client/, as an operator runs it."""

import json
import signal
from datetime import datetime

import pytest

from tests.support.headless import Run, finished, interrupted, live, nothing_left, run, started
from tests.support.stack import RunningStack
from tests.support.waiting import until
from webrtc_lite_client.problem import Exit
from webrtc_lite_client.smoke import CHECKS

CALLER_STEPS = [
    "session written", "credentials", "gathered", "offer written", "offered", "answer seen", "ice connected",
    "hung up", "ended", "history read",
]  # fmt: skip
CALLEE_STEPS = ["credentials", "gathered", "answer written", "ice connected", "ended"]
PROOFS = {"data echoed", "first audio"}  # after ICE, in either order
SPENT_MS = 30_000  # a call that needs the clients' patience to connect is not set up, it is rescued


@pytest.fixture(scope="module")
def smoke(stack: RunningStack) -> Run:
    return run(stack, "smoke", "--talk", "1")


def test_every_check_of_a_whole_deployment_is_passed_in_its_order(smoke: Run) -> None:
    assert smoke.said["failed"] is None
    assert smoke.exit_code == Exit.OK
    assert [done["check"] for done in smoke.said["checks"]] == list(CHECKS)
    assert smoke.said["notes"] == []


def test_two_people_talk_through_the_relay_and_find_their_call_in_the_history(smoke: Run) -> None:
    for side, steps in (("caller", CALLER_STEPS), ("callee", CALLEE_STEPS)):
        at_ms = smoke.at_ms(side)
        assert sorted(steps, key=at_ms.__getitem__) == steps
        assert all(at_ms["ice connected"] < at_ms[proof] < at_ms["ended"] for proof in PROOFS)
        assert at_ms["connected"] < at_ms["ended"]  # the status, which the first side that has ICE brings about
        assert at_ms["ice connected"] < SPENT_MS
    assert smoke.said["pairs"] == ["relay/relay", "relay/relay"]
    record = smoke.said["record"]
    connected_at, ended_at = (datetime.fromisoformat(record[name]) for name in ("connected_at", "ended_at"))
    assert record["end_reason"] == "hangup"
    assert record["duration_s"] == int((ended_at - connected_at).total_seconds()) >= 1
    assert record["media"] == "audio"
    assert record["participants"] == [record["caller_id"], record["callee_id"]]


def test_a_call_ends_without_a_warning_or_a_task_left_behind(smoke: Run) -> None:
    assert complaints(smoke) == []


def test_every_uri_is_looked_at_and_the_certificate_has_its_days_left(smoke: Run, stack: RunningStack) -> None:
    [looked_at] = [done["found"] for done in smoke.said["checks"] if done["check"] == "relay"]

    assert [line.partition(": ")[0] for line in looked_at] == [
        f"turn:127.0.0.1:{stack.turn_port}?transport=udp",
        f"turn:127.0.0.1:{stack.turn_port}?transport=tcp",
        f"turns:127.0.0.1:{stack.turn_tls_port}?transport=tcp",
    ]
    assert "days" in looked_at[2]


def test_nothing_that_a_person_or_a_machine_reads_has_a_token_or_a_description_in_it(smoke: Run) -> None:
    for secret in ("eyJ", "v=0", "ice-ufrag", "candidate:"):  # how an ID token and a description begin
        assert secret not in smoke.output + smoke.complaints


def complaints(done: Run) -> list[str]:
    slow = "Executing <"  # asyncio's debug mode remarks on steps that took long
    return [line for line in done.complaints.splitlines() if not line.startswith(slow)]


def test_it_leaves_no_account_no_live_session_and_no_allocation(stack: RunningStack) -> None:
    with nothing_left(stack):
        assert run(stack, "smoke", "--talk", "0.1").exit_code == Exit.OK


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_smoke_takes_back_what_it_has_begun(stack: RunningStack, by: signal.Signals) -> None:
    with nothing_left(stack):
        process = started(stack, "smoke", "--talk", "60")

        done = interrupted(process, lambda: until(lambda: len(live(stack)) > 0, "a live session", within_s=60), by)

        assert done.exit_code == Exit.INTERRUPTED
        assert complaints(done) == ["interrupted; what was begun has been taken back"]


def test_somebody_calls_somebody_who_answers_and_both_hear_how_it_ended(stack: RunningStack) -> None:
    with nothing_left(stack):
        callee = started(stack, "answer", "--within", "60")
        assert callee.stdout is not None
        signed_in = json.loads(callee.stdout.readline())
        assert signed_in["event"] == "signed in"

        placed = run(stack, "call", signed_in["uid"], "--for", "1")
        answered = finished(callee)

    for done in (placed, answered):
        assert done.exit_code == Exit.OK
        assert (done.said["event"], done.said["end_reason"]) == ("ended", "hangup")
        assert complaints(done) == []


def test_a_call_that_is_declined_is_no_defect_and_has_an_exit_code_of_its_own(stack: RunningStack) -> None:
    callee = started(stack, "answer", "--decline", "--within", "60")
    assert callee.stdout is not None
    uid = json.loads(callee.stdout.readline())["uid"]

    placed = run(stack, "call", uid)

    assert placed.exit_code == Exit.NO_CALL
    assert "declined" in placed.problem
    assert finished(callee).said["end_reason"] == "declined"


def test_where_nobody_calls_it_says_so_after_its_time(stack: RunningStack) -> None:
    waited = run(stack, "answer", "--within", "0.2")

    assert waited.exit_code == Exit.NO_CALL
    assert "Nobody called within 0.2 s" in waited.problem
