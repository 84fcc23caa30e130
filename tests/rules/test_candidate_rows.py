"""firestore.rules: every candidate of a batch is looked at, and every part of it (SPEC 3.2).

Apart from test_candidates.py, because the emulator's report would hold every batch a hundred times (conftest.py).
"""

import pytest

from tests.rules.attempts import Attempt, Differences, beside, check
from tests.rules.test_candidates import BATCH, FULL, LINE, ROWS
from tests.support.documents import ABSENT, Documents, ago

DEFECTS: Differences = {
    "candidate": ["c" * 1025, "\N{GREEK SMALL LETTER ALPHA}" * 513, None, 1, True, [LINE], ABSENT],
    "sdpMid": ["m" * 257, "a\nb", 0, 1.5, True, ["0"], {"0": "0"}, ago(seconds=1), ABSENT],
    "usernameFragment": ["u" * 257, "a\nb", 0, 1.5, True, ["abcd"], {}, ago(seconds=1)],
    "sdpMLineIndex": [-1, 32, "0", 1.5, 1.0, True, [0], ABSENT],
    "foundation": ["1"],
}
A_DEFECT_EACH = {name: values[0] for name, values in DEFECTS.items() if name != "candidate"}


@beside(BATCH, {f"write/candidates/0/{name}": values for name, values in DEFECTS.items()})
def test_a_candidate_has_the_form_that_browsers_give_it(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("row", range(ROWS))
@pytest.mark.parametrize("name", A_DEFECT_EACH)
def test_every_candidate_of_a_batch_is_looked_at(documents: Documents, name: str, row: int) -> None:
    check(documents, FULL.but(f"write/candidates/{row}/{name}", A_DEFECT_EACH[name]), FULL)


@pytest.mark.parametrize("index", range(32))
def test_a_candidate_is_of_one_of_32_sections(documents: Documents, index: int) -> None:
    assert BATCH.but("write/candidates/0/sdpMLineIndex", index).is_allowed(documents)


@beside(FULL, {"write/candidates/19": [None, LINE, {}, 0]})
def test_a_candidate_is_a_map(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)
