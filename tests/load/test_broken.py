"""A broken deployment that takes `smoke` its patience to name."""

import httpx

from tests.support.headless import run
from tests.support.stack import RunningStack
from webrtc_lite_client.problem import Exit


def test_a_trigger_that_is_not_deployed_is_named(stack: RunningStack) -> None:
    hub = stack.addresses.url("hub")
    httpx.put(f"{hub}/functions/disableBackgroundTriggers", timeout=30).raise_for_status()
    try:
        done = run(stack, "smoke")
    finally:
        httpx.put(f"{hub}/functions/enableBackgroundTriggers", timeout=60).raise_for_status()

    assert (done.said["failed"]["check"], done.exit_code) == ("ring", Exit.FUNCTIONS)
    assert "status offered: not within 15 s" in done.problem
    assert "on_session_written" in done.problem
