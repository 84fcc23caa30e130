"""Scripts, steps and percentiles of a load."""

from collections import Counter
from itertools import accumulate

import pytest

from webrtc_lite_client.load import Plan, Played, Result, durations, percentile, script
from webrtc_lite_client.problem import Problem
from webrtc_lite_client.stories import STORIES
from webrtc_lite_client.timeline import Mark

PLAN = Plan(2, 2, 0.0, 0.0, {}, media=False)


def test_each_story_is_played_as_often_as_its_share_says_and_evenly_spread() -> None:
    played = script(200, {"declined": 0.1, "failed": 0.25})

    assert Counter(played) == {"hangup": 130, "declined": 20, "failed": 50}
    seen = list(accumulate(each == "failed" for each in played))
    assert all(abs(count - 0.25 * (n + 1)) <= 1 for n, count in enumerate(seen))


def test_every_end_of_the_contract_is_played_where_that_is_asked_for() -> None:
    assert set(script(11, dict.fromkeys(STORIES.keys() - {"hangup"}, 1 / 11))) == set(STORIES)


def test_without_shares_everybody_talks() -> None:
    assert script(3, {}) == ["hangup"] * 3


def test_a_step_is_as_long_as_its_two_marks_are_apart_and_one_that_was_not_reached_is_none() -> None:
    marks = [Mark("caller", "session written", 5), Mark("caller", "credentials", 12), Mark("caller", "credentials", 99)]

    assert durations(marks) == {"credential": 7}


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value
    assert percentile([7], share) == 7


def test_all_went_as_scripted_only_where_every_call_was_played_none_was_wrong_and_nothing_is_left() -> None:
    good, wrong = Played("hangup", {"id": "hangup"}, {}), Played("hangup", {"id": "hangup"}, {}, "lost")

    assert Result(PLAN, played=[good, good]).as_scripted
    assert not Result(PLAN, played=[good]).as_scripted
    assert not Result(PLAN, played=[good, wrong]).as_scripted
    assert not Result(PLAN, played=[good, good], left=["id is still offered"]).as_scripted
    assert not Result(PLAN, played=[good, good], faults=[Problem("an account was not deleted")]).as_scripted


def test_ends_are_counted_by_calls_and_only_those_that_were_seen() -> None:
    busy = Played("busy", {"a": "hangup", "b": "busy"}, {"ring": 4.0})
    wrong = Played("hangup", {"c": "hangup"}, {"ring": 8.0}, "lost")

    result = Result(PLAN, played=[busy, wrong])

    assert result.ends() == {"hangup": 1, "busy": 1}
    assert result.steps() == {"ring": {"n": 2, "p50": 4.0, "p95": 8.0, "p99": 8.0, "max": 8.0}}
