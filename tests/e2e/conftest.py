from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support.browsers import Browsers, Someone, browsers
from tests.support.own_relay import OwnRelay, own_relay
from tests.support.stack import RunningStack, free_addresses, started_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all tests that only use it. Those that end one start their own."""
    addresses = free_addresses()  # and a name after them: another run of the tests may be under way
    output = tmp_path_factory.mktemp("stack") / "output"
    with started_stack(f"e2e-{addresses.offset}", output, addresses=addresses) as running:
        yield running


@pytest.fixture(scope="module")
def all_browsers() -> Iterator[Browsers]:
    """Not for longer: while Playwright is there, nobody else in this process may start it, or a loop of asyncio."""
    with browsers() as started:
        yield started


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def window(all_browsers: Browsers, request: pytest.FixtureRequest) -> Iterator[Browsers]:
    """Both browsers, without a tab from another test. Where a test fails, its pages say what they have been through."""
    yield all_browsers
    if request.node.stash.get(FAILED, False):
        print(all_browsers.past())  # noqa: T201  pytest shows it with the failure
    all_browsers.close_tabs()


type Meet = Callable[..., list[Someone]]


@pytest.fixture
def meet(window: Browsers, stack: RunningStack) -> Meet:
    """People who have signed in as guests, each in a browser profile of their own."""

    def met(
        *kinds: str, relay_only: bool = True, before: Callable[[Someone], object] = lambda _: None
    ) -> list[Someone]:
        people = [window.someone(kind) for kind in kinds or ("chromium", "chromium")]
        for someone in people:
            before(someone)
            someone.sign_in(f"{stack.hosting}/?relay={'only' if relay_only else 'any'}")
        return people

    return met


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[OwnRelay]:
    with own_relay(tmp_path) as running:
        yield running
