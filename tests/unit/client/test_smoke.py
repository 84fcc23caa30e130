"""The reason that is reported when something failed."""

from webrtc_lite_client.problem import Problem
from webrtc_lite_client.smoke import reason


def test_the_reason_is_found_in_groups_of_groups() -> None:
    problem = Problem("refused")

    assert reason(problem) is problem
    assert reason(BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [problem])])) is problem


def test_a_failure_that_nobody_foresaw_has_no_reason() -> None:
    assert reason(ExceptionGroup("", [ValueError()])) is None
