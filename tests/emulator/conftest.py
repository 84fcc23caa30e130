"""The deployed function behind its production server: one process per pytest worker, started when first asked for."""

from collections.abc import Iterator

import pytest

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
