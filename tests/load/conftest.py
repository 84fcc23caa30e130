from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack, started_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with started_stack("load", tmp_path_factory.mktemp("stack") / "output") as running:
        yield running
