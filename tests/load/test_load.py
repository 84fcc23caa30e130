"""What the local stack holds on a machine of two cores. Minutes: `make test-load`."""

from tests.support.headless import accounts, allocations, live, run
from tests.support.stack import RunningStack
from tests.support.waiting import until
from webrtc_lite_client.problem import Exit
from webrtc_lite_client.stories import STORIES


def test_of_two_hundred_calls_with_every_end_each_ends_as_scripted(stack: RunningStack) -> None:
    before = accounts(stack)

    done = run(stack, "load", "--calls", "200", "--at-once", "25", "--duration", "1", "--every-end")

    assert done.said["wrong"] == done.said["left_behind"] == done.said["faults"] == []
    assert done.exit_code == Exit.OK
    assert done.said["calls"] == 200
    assert done.said["ends"].keys() == STORIES.keys()
    assert sum(done.said["ends"].values()) > 200  # a busy one needs a call beside it, and a glare is two
    assert accounts(stack) == before
    assert live(stack) == []


def test_fifty_calls_with_media_through_the_relay_all_connect_and_go_on_at_the_same_time(stack: RunningStack) -> None:
    before = accounts(stack)

    done = run(stack, "load", "--calls", "50", "--ramp", "120", "--duration", "130", "--media")

    assert done.said["wrong"] == done.said["left_behind"] == done.said["faults"] == []
    assert done.exit_code == Exit.OK
    assert done.said["ends"] == {"hangup": 50}
    assert done.said["connected_at_once"] == 50
    assert accounts(stack) == before
    assert live(stack) == []
    until(lambda: allocations(stack) == 0, "every allocation given back", within_s=30)
