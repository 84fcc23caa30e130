from collections.abc import Iterator

import pytest

from tests.support.firestore import Firestore, running_firestore


@pytest.fixture(scope="session")
def emulator() -> Iterator[Firestore]:
    with running_firestore() as firestore:
        yield firestore


@pytest.fixture
def firestore(emulator: Firestore) -> Firestore:
    """The emulator, empty."""
    emulator.wipe()
    return emulator
