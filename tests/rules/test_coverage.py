"""firestore.rules: every condition has been seen to hold and to fail. Runs after all others, where all run."""

from tests.rules.coverage import Coverage


def test_every_condition_has_been_seen_to_hold_and_to_fail(coverage: Coverage) -> None:
    assert coverage.conditions()
    assert coverage.undecided() == []
