from collections.abc import Iterator

import pytest

from tests.model.explore import remembered_verdicts
from tests.support.documents import Documents
from tests.support.firestore import running_firestore


@pytest.fixture(autouse=True)
def _verdicts() -> Iterator[None]:
    with remembered_verdicts():
        yield


@pytest.fixture(scope="session")
def documents() -> Iterator[Documents]:
    with running_firestore() as firestore:
        yield Documents(firestore)
