"""edge/relays.py."""

import json
from datetime import UTC, datetime

import pytest

from webrtc_lite.core.errors import RelayNotConfiguredError
from webrtc_lite.core.pool import Member, Pool, State, Terms
from webrtc_lite.core.turn import Relay
from webrtc_lite.edge import config, pool_state, relays

SECRET = "north-star-of-the-relay"
ONE = Relay("turn.example.com", 3478, (5349, 443), SECRET)
NAMES = (
    "TURN_HOST", "TURN_PORT", "TURN_TLS_PORTS", "TURN_SECRET", "TURN_RELAYS", "TURN_REGION", *relays.SWITCHES,
    "TURN_ISSUES_PER_USER", "TURN_ISSUES_WINDOW_SECONDS", "FUNCTIONS_EMULATOR",
)  # fmt: skip


class Deployment:
    """A deployment of one relay until a test says otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        self.set(TURN_HOST="turn.example.com", TURN_SECRET=SECRET)

    def set(self, **variables: str) -> None:
        for cache in (config.relay, config._tell, relays.terms, relays.budget):
            cache.cache_clear()
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def pool_of(self, *listed: object) -> Pool:
        self.set(TURN_RELAYS=json.dumps(listed))
        return relays.terms().pool

    def problems(self) -> list[str]:
        """What the operator is told of a deployment that issues nothing."""
        with pytest.raises(RelayNotConfiguredError):
            relays.terms()
        lines = self._capsys.readouterr().err.splitlines()
        return [problem for line in lines for problem in json.loads(line)["problems"]]


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deployment:
    return Deployment(monkeypatch, capsys)


@pytest.mark.usefixtures("deployment")
def test_a_deployment_of_one_relay_needs_nothing_more() -> None:
    assert relays.terms() == Terms(Pool((Member(ONE),)))
    assert not relays.terms().pool.has_state


def test_the_relay_has_to_be_right_before_anything_else_is_read(deployment: Deployment) -> None:
    deployment.set(TURN_SECRET="", TURN_RELAYS="no list")
    assert ["TURN_SECRET" in problem for problem in deployment.problems()] == [True]


# --- several relays


def test_a_pool_lists_every_relay_with_its_region_and_weight(deployment: Deployment) -> None:
    pool = deployment.pool_of(
        {"host": "turn.example.com", "region": "eu", "weight": 3},
        {"host": "198.51.100.7", "region": "us", "port": 3479, "tls_ports": [5350]},
        {"host": "2001:db8::7", "tls_ports": []},
    )
    assert pool.members == (
        Member(ONE, "eu", 3),
        Member(Relay("198.51.100.7", 3479, (5350,), SECRET), "us", 1),
        Member(Relay("[2001:db8::7]", 3478, (), SECRET), "", 1),
    )


def test_the_deployments_region_is_that_of_a_relay(deployment: Deployment) -> None:
    listed = [{"host": "turn.example.com", "region": "eu"}, {"host": "b.example", "region": "us"}]
    deployment.set(TURN_REGION="US")
    assert deployment.pool_of(*listed).region == "US"
    deployment.set(TURN_REGION="mars")
    assert deployment.problems() == ["TURN_REGION has to be the region of a relay in TURN_RELAYS."]


def test_one_relay_may_have_a_region(deployment: Deployment) -> None:
    deployment.set(TURN_REGION="eu")
    assert relays.terms().pool == Pool((Member(ONE, "eu"),), "eu")


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "null", "turn.example.com", "[1]", '["turn.example.com"]', "[", "[" * 100_000,
     json.dumps([{"host": f"{number}.example"} for number in range(9)])],
)  # fmt: skip
def test_what_is_no_list_of_relays_is_refused_with_an_example(deployment: Deployment, text: str) -> None:
    deployment.set(TURN_RELAYS=text)
    (problem,) = deployment.problems()
    assert problem.startswith("TURN_RELAYS has to be a list of 1 to 8 relays in one line of JSON: TURN_RELAYS=[{")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({}, "TURN_RELAYS[1].host is not set"),
        ({"host": 7}, "TURN_RELAYS[1].host is not set"),
        ({"host": "turn:b.example"}, "TURN_RELAYS[1].host is not a bare host name or address"),
        ({"host": "127.0.0.1"}, "TURN_RELAYS[1].host is an address that no phone can reach"),
        (
            {"host": "b.example", "prot": 1},
            "TURN_RELAYS[1] has fields that are not known: the fields are host, region,",
        ),
        ({"host": "b.example", "port": "3478"}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "port": True}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "port": 0}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "tls_ports": 443}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "tls_ports": [443, 443]}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "tls_ports": [65536]}, "TURN_RELAYS[1]: port and tls_ports"),
        ({"host": "b.example", "region": "a b"}, "TURN_RELAYS[1].region"),
        ({"host": "b.example", "region": None}, "TURN_RELAYS[1].region"),
        ({"host": "b.example", "weight": 0}, "TURN_RELAYS[1].weight"),
        ({"host": "b.example", "weight": 1001}, "TURN_RELAYS[1].weight"),
        ({"host": "b.example", "weight": 1.5}, "TURN_RELAYS[1].weight"),
        ({"host": "TURN.example.com"}, "TURN_RELAYS names the same host and port twice."),
    ],
)
def test_a_relay_that_is_wrong_is_named_by_its_place(deployment: Deployment, entry: object, problem: str) -> None:
    deployment.set(TURN_RELAYS=json.dumps([{"host": "turn.example.com"}, entry]))
    (told,) = deployment.problems()
    assert told.startswith(problem)


def test_a_pool_that_has_forgotten_the_relay_of_turn_host_is_refused(deployment: Deployment) -> None:
    deployment.set(TURN_RELAYS='[{"host": "b.example"}]')
    (problem,) = deployment.problems()
    assert "that of TURN_HOST and TURN_PORT is not in it" in problem


def test_everything_that_is_wrong_is_told_at_once(deployment: Deployment) -> None:
    deployment.set(
        TURN_RELAYS='[{"host": "turn.example.com", "weight": -1}]', TURN_RELAY_ONLY="maybe", TURN_REGION=" e u"
    )
    assert len(deployment.problems()) == 4


# --- switches and numbers


@pytest.mark.parametrize(("text", "on"), [("true", True), ("True", True), (" false ", False), ("", False)])
def test_a_switch_is_true_or_false(deployment: Deployment, text: str, *, on: bool) -> None:
    deployment.set(TURN_SESSION_REQUIRED=text, TURN_RELAY_ONLY=text, TURN_CUT_OFF_LIST=text)
    terms = relays.terms()
    assert {terms.session_required, terms.pool.relay_only, terms.pool.cut_off_list, terms.pool.has_state} == {on}


@pytest.mark.parametrize("name", relays.SWITCHES)
@pytest.mark.parametrize("text", ["ture", "1", "yes", "on"])
def test_a_misspelt_switch_leaves_no_door_open(deployment: Deployment, name: str, text: str) -> None:
    deployment.set(**{name: text})
    assert relays.switch(name)
    assert deployment.problems() == [f"{name} has to be true or false."]


@pytest.mark.parametrize(
    ("name", "wrong", "allowed"),
    [
        ("TURN_ISSUES_PER_USER", "-1", "from 0 to 1000000"),
        ("TURN_ISSUES_PER_USER", "1000001", "from 0 to 1000000"),
        ("TURN_ISSUES_PER_USER", "many", "from 0 to 1000000"),
        ("TURN_ISSUES_PER_USER", "9" * 5000, "from 0 to 1000000"),
        ("TURN_ISSUES_WINDOW_SECONDS", "0", "from 1 to 86400"),
        ("TURN_ISSUES_WINDOW_SECONDS", "\u0661", "from 1 to 86400"),
    ],
)
def test_a_number_out_of_its_range_is_refused(deployment: Deployment, name: str, wrong: str, allowed: str) -> None:
    deployment.set(**{name: wrong})
    assert deployment.problems() == [f"{name} has to be a whole number {allowed}."]


def test_a_budget_is_the_one_of_the_deployment(deployment: Deployment) -> None:
    deployment.set(TURN_ISSUES_PER_USER="1", TURN_ISSUES_WINDOW_SECONDS="60")
    assert [relays.spend("alice", 100), relays.spend("alice", 100), relays.spend("bob", 100)] == [0, 60, 0]


def test_the_state_is_asked_of_the_one_store_of_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        def current(self, pool: Pool) -> State:
            return State(frozenset({pool.region}))

        def write(self, dead: list[str], probed_at: datetime) -> None:
            kept.append((dead, probed_at))

    kept: list[tuple[list[str], datetime]] = []
    monkeypatch.setattr(pool_state, "pool_state", Store)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    relays.keep(["turn:a"], noon)
    assert relays.state(Pool((Member(ONE),), "eu")) == State(frozenset({"eu"}))
    assert kept == [(["turn:a"], noon)]
