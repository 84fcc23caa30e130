import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.relay.inside import HOSTS
from tests.support.namespace import python_inside


@dataclass(frozen=True)
class Attacked:
    """What came of every attempt on one server, and what its log and the machines behind it say."""

    outcomes: dict[str, dict[str, str | None]]
    arrived: list[str]
    log: str
    alive: int | None

    def problem(self, name: str) -> str | None:
        return self.outcomes[name]["problem"]


def attack(sabotage: dict[str, str], *names: str) -> Attacked:
    said: dict[str, Any] = json.loads(
        python_inside("tests.relay.inside", json.dumps(sabotage), json.dumps(names), hosts=HOSTS)
    )
    return Attacked(**said)


@pytest.fixture(scope="session")
def attacked() -> Attacked:
    """The configuration as the VM has it, under every attempt."""
    return attack({})
