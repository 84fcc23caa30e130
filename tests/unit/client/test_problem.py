"""How commands end, and the reason that is reported."""

from webrtc_lite_client.problem import MEANING, Exit, Over, Problem, reason


def test_the_reason_is_found_in_groups_of_groups() -> None:
    problem = Problem("refused")

    assert reason(problem) is problem
    assert reason(BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [problem])])) is problem


def test_a_failure_that_nobody_foresaw_has_no_reason() -> None:
    assert reason(ExceptionGroup("", [ValueError()])) is None


def test_every_exit_code_has_a_meaning_of_its_own() -> None:
    assert MEANING.keys() == set(Exit)
    assert len(set(MEANING.values())) == len(Exit)


def test_what_people_did_is_no_defect_of_the_deployment() -> None:
    assert Over("", "declined").ends is Exit.NO_CALL
    assert Over("", "invalid_answer").ends is Exit.CALL
