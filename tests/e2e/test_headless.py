"""The headless client and others: the page in a browser, and a relay that is restarted."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Meet
from tests.support.browsers import Someone
from tests.support.headless import Run, finished, started
from tests.support.own_relay import OwnRelay
from tests.support.stack import RunningStack
from webrtc_lite_client.problem import Exit


def next_event(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """Reads what a client says until it says this."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        said: dict[str, Any] = json.loads(line)
        if said["event"] == event:
            return said
    raise AssertionError(f"it ended without {event!r}")


def ended_well(done: Run) -> None:
    assert done.exit_code == Exit.OK
    assert (done.said["event"], done.said["end_reason"]) == ("ended", "hangup")


def test_the_page_calls_a_headless_client_and_hears_it(stack: RunningStack, meet: Meet) -> None:
    [ada] = meet("chromium")
    headless = started(stack, "answer", "--within", "60")
    uid = next_event(headless, "signed in")["uid"]

    ada.call(Someone(ada.tab, "headless", uid), "Audio call")
    ada.is_in("Connected")
    ada.gets(picture=False)
    assert next_event(headless, "connected")["pair"].startswith("relay/")
    ada.tab.click("Hang up")

    ended_well(finished(headless))


def test_a_headless_client_calls_the_page_and_hangs_up_when_its_time_is_over(stack: RunningStack, meet: Meet) -> None:
    [ada] = meet("chromium")
    headless = started(stack, "call", ada.uid, "--for", "2")

    ada.answer()
    ada.is_in("Connected")

    ended_well(finished(headless))


def test_two_headless_clients_go_on_over_a_relay_that_was_restarted(stack: RunningStack, relay: OwnRelay) -> None:
    uri = f"turn:127.0.0.1:{relay.coturn.port}?transport=udp"
    callee = started(stack, "answer", "--within", "60", "--relay", uri)
    caller = started(stack, "call", next_event(callee, "signed in")["uid"], "--relay", uri, "--for", "20")
    for each in (caller, callee):
        next_event(each, "connected")
    before = relay.allocations()

    relay.kill()  # with every allocation
    next_event(caller, "lost")
    relay.start()
    next_event(caller, "ice connected")

    assert relay.allocations() >= before + 2  # of new peer connections
    for each in (caller, callee):
        ended_well(finished(each))


def test_what_a_crashed_client_has_left_is_hung_up_at_its_next_start(stack: RunningStack, tmp_path: Path) -> None:
    account = tmp_path / "account"
    callee = started(stack, "answer", "--within", "60")
    uid = next_event(callee, "signed in")["uid"]
    crashing = started(stack, "call", uid, "--account", str(account))
    next_event(crashing, "connected")
    crashing.kill()
    crashing.communicate()
    assert account.stat().st_mode & 0o777 == 0o600

    restarted = started(stack, "answer", "--within", "0.5", "--account", str(account))

    assert next_event(restarted, "hung up what the last start left")["calls"] == 1
    ended_well(finished(callee))
    assert finished(restarted).exit_code == Exit.NO_CALL
