from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack, started_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all tests that only use it. Those that end one start their own."""
    with started_stack("e2e", tmp_path_factory.mktemp("stack") / "output") as running:
        yield running
