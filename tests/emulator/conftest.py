"""The deployed functions behind their production servers, started when they are first asked for, once for a run."""

from collections.abc import Iterator

import pytest

from tests.support.backend import Backend, running_backend
from tests.support.functions import RELAY, Server, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("server") / "log", RELAY) as running:
        yield running


@pytest.fixture(scope="session")
def server_without_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As a deployment that forgot `firebase functions:secrets:set`."""
    environment = RELAY | {"TURN_SECRET": ""}
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("server") / "log", environment) as running:
        yield running


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("backend")) as backend:
        yield backend


@pytest.fixture(scope="session")
def issuer(running: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """issue_turn_credentials of the running back end."""
    environment = {**RELAY, **running.environment}
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("issuer") / "log", environment) as server:
        yield server


@pytest.fixture
def backend(running: Backend) -> Iterator[Backend]:
    """The back end, empty. Whatever a test does to it, nothing was ever written without a difference."""
    running.wipe()
    yield running
    running.quiet()
    assert [each.path for each in running.wire.deliveries if each.before == each.after] == []
