"""`load` against the running stack: scripted calls that end as scripted, and a machine that is told so."""

from tests.support.headless import interrupted, live, nothing_left, run, started
from tests.support.stack import RunningStack
from tests.support.waiting import until
from webrtc_lite_client.load import STEPS
from webrtc_lite_client.problem import Exit


def test_calls_that_are_talked_declined_and_cancelled_all_end_as_scripted(stack: RunningStack) -> None:
    with nothing_left(stack):
        done = run(stack, "load", "--calls", "8", "--duration", "0.2", "--declines", "25", "--cancels", "25")

    assert done.said["wrong"] == done.said["left_behind"] == done.said["faults"] == []
    assert (done.exit_code, done.said["ok"]) == (Exit.OK, True)
    assert done.said["ends"] == {"hangup": 4, "declined": 2, "cancelled": 2}
    assert done.said["steps_ms"].keys() == STEPS.keys()
    assert done.said["operations"]["writes"] >= 8 * 4


def test_a_load_with_media_proves_it_in_each_call(stack: RunningStack) -> None:
    done = run(stack, "load", "--calls", "2", "--duration", "0.2", "--ramp", "0", "--media")

    assert done.said["wrong"] == []
    assert done.said["ends"] == {"hangup": 2}


def test_calls_that_do_not_end_as_scripted_are_named_and_have_an_exit_code_of_their_own(stack: RunningStack) -> None:
    nobody = "turn:127.0.0.1:9?transport=tcp"  # refused at once

    done = run(stack, "load", "--calls", "2", "--cancels", "50", "--media", "--relay", nobody)

    assert done.exit_code == Exit.NOT_AS_SCRIPTED
    assert not done.said["ok"]
    assert [nobody in each["reason"] for each in done.said["wrong"]] == [True, True]


def test_an_interrupted_load_takes_back_what_it_has_begun(stack: RunningStack) -> None:
    with nothing_left(stack):
        process = started(stack, "load", "--calls", "4", "--ramp", "0", "--duration", "60")

        done = interrupted(process, lambda: until(lambda: len(live(stack)) >= 3, "live sessions", within_s=60))

        assert done.exit_code == Exit.INTERRUPTED
