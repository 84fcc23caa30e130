from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.rules.coverage import Coverage
from tests.support.documents import Clock, Documents
from tests.support.firestore import RULES, Firestore, running_firestore

HERE = Path(__file__).parent
COVERAGE = HERE / "test_coverage.py"
WITHOUT_EMULATOR = {HERE / "test_indexes.py", COVERAGE}
# The emulator's report holds every value that an expression had. Of these it would be hundreds of megabytes.
UNWATCHED = {HERE / "test_candidate_rows.py"}

WATCHED = pytest.StashKey[Coverage]()  # there in a run of every test
LEFT_OUT = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Firestore]:
    with running_firestore() as firestore:
        yield firestore


@pytest.fixture(scope="session")
def documents(emulator: Firestore) -> Documents:
    return Documents(emulator)


@pytest.fixture(scope="session")
def coverage(pytestconfig: pytest.Config) -> Coverage:
    return pytestconfig.stash[WATCHED]


@pytest.fixture(scope="module", autouse=True)
def clock() -> None:
    """Stopped anew: the whole suite may take longer than the minute that a time has to spare."""
    Clock.set()


@pytest.fixture(scope="module", autouse=True)
def watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Adds up what the emulator saw, module by module: loading the rules again begins its report anew."""
    yield
    coverage = request.config.stash.get(WATCHED, None)
    if coverage is not None and request.path not in WITHOUT_EMULATOR:
        emulator: Firestore = request.getfixturevalue("emulator")
        if request.path not in UNWATCHED:
            coverage.add(emulator.rule_coverage())
        emulator.load_rules(RULES.read_text())


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remembers that this run leaves something out (-k, --lf and the like)."""
    for item in items[:1]:
        item.config.stash[LEFT_OUT] = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Coverage is looked at after everything else here, and only where everything else runs."""
    yield
    whole = {item.path for item in items if item.path.parent == HERE} == set(HERE.glob("test_*.py"))
    if whole and not config.stash.get(LEFT_OUT, False) and not any("::" in each for each in config.args):
        config.stash[WATCHED] = Coverage()
        items.sort(key=lambda item: item.path == COVERAGE)  # stable: the rest stays as it was
    else:
        items[:] = [item for item in items if item.path != COVERAGE]
