"""The indexes that the back end needs, and a file that misses one."""

import json
from pathlib import Path

import pytest

from tools.provision import ROOT
from webrtc_lite_client.indexes import NEEDED, look, read
from webrtc_lite_client.problem import Exit, Problem

FILE = ROOT / "firestore.indexes.json"


def test_what_is_needed_is_what_this_repository_declares() -> None:
    declared = {read(index) for index in json.loads(FILE.read_text())["indexes"]}

    assert declared == NEEDED.keys()
    assert look(FILE) == "firestore.indexes.json has every index"


@pytest.mark.parametrize("missing", range(len(NEEDED)))
def test_an_index_that_is_missing_is_named_with_who_needs_it(missing: int, tmp_path: Path) -> None:
    content = json.loads(FILE.read_text())
    collection, _ = read(content["indexes"].pop(missing))
    file = tmp_path / "firestore.indexes.json"
    file.write_text(json.dumps(content))

    with pytest.raises(Problem, match=f"misses the index of {collection} on ") as problem:
        look(file)
    assert problem.value.ends is Exit.RULES


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"indexes": [{}]}', '{"indexes": 7}'])
def test_a_file_that_is_none_is_a_wrong_option(content: str, tmp_path: Path) -> None:
    file = tmp_path / "firestore.indexes.json"
    file.write_text(content)

    with pytest.raises(Problem, match="cannot be read") as problem:
        look(file)
    assert problem.value.ends is Exit.USAGE
