"""Two relays, one killed in front of its users: it leaves the list, calls go on over the other one, it returns."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.cloud.firestore import ArrayUnion, Client
from playwright.sync_api import Browser

from tests.support.backend import EMULATED, client
from tests.support.browser import Side, chromium, two_people
from tests.support.firestore import PROJECT, Firestore, running_firestore
from tests.support.functions import SECRET, Server, bearer, serve
from tests.support.relays import RunningRelay, running_relay
from tests.support.tokens import id_token
from tests.support.waiting import until
from webrtc_lite.edge.pool_state import COLLECTION, DOCUMENT

type Serve = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="module")
def firestore() -> Iterator[Firestore]:
    with running_firestore() as running:
        yield running


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningRelay, RunningRelay]]:
    directory = tmp_path_factory.mktemp("us")
    with running_relay(tmp_path_factory.mktemp("eu"), SECRET) as eu:
        for name in ("certificate.pem", "private-key.pem"):  # one that the probe is told to trust, for both
            shutil.copy(eu.coturn.directory / name, directory)
        with running_relay(directory, SECRET) as us:
            yield eu, us


@dataclass(frozen=True)
class Deployment:
    """The functions of a deployment with two relays. Each `issuer` is an instance that has read nothing yet."""

    environment: dict[str, str]
    probe_url: str
    probe_log: Path
    logs: Path
    database: Client

    def probe(self) -> dict[str, Any]:
        """One run, as Cloud Scheduler starts it every minute; its log line."""
        httpx.post(self.probe_url, timeout=30).raise_for_status()
        lines = [line for line in self.probe_log.read_text().splitlines() if '"event": "probed"' in line]
        said: dict[str, Any] = json.loads(lines[-1])
        return said

    def issuer(self, **more: str) -> AbstractContextManager[Server]:
        log = self.logs / f"issuer-{time.monotonic_ns()}"
        return serve("issue_turn_credentials", log, {**self.environment, **more})

    def state(self) -> dict[str, Any]:
        return self.database.collection(COLLECTION).document(DOCUMENT).get().to_dict() or {}


@pytest.fixture(scope="module")
def deployment(
    firestore: Firestore, pair: tuple[RunningRelay, RunningRelay], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    logs = tmp_path_factory.mktemp("pool")
    address = firestore.http.base_url.netloc.decode()
    relays = [
        {"host": "127.0.0.1", "region": region, "port": each.coturn.port, "tls_ports": [each.coturn.tls_port]}
        for region, each in zip(("eu", "us"), pair, strict=True)
    ]
    environment = {
        **EMULATED,
        "FIRESTORE_EMULATOR_HOST": address,
        "SSL_CERT_FILE": str(pair[0].coturn.certificate),
        "TURN_HOST": "127.0.0.1",
        "TURN_PORT": str(pair[0].coturn.port),
        "TURN_SECRET": SECRET,
        "TURN_RELAYS": json.dumps(relays),
        "TURN_REGION": "eu",
    }
    with serve("probe_turn_servers", logs / "probe", environment) as probe:
        yield Deployment(environment, probe.url, logs / "probe", logs, client(address))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def ask(issuer: Server, uid: str = "alice", **data: object) -> httpx.Response:
    return httpx.post(issuer.url, headers=bearer(id_token(uid, PROJECT)), json={"data": data}, timeout=10)


def issued(issuer: Server, uid: str = "alice", **data: object) -> dict[str, Any]:
    answer = ask(issuer, uid, **data)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


def listed(issuer: Server, **data: str) -> list[int]:
    """The ports of the relays in a reply, in its order."""
    return list(dict.fromkeys(int(uri.split(":")[2].partition("?")[0]) for uri in issued(issuer, **data)["uris"]))


def relay_port(side: Side) -> int:
    """Of the relay that carries a side's voice."""
    return int(side.look()["relay"].split(":")[2].partition("?")[0])


def test_a_relay_that_dies_leaves_the_list_calls_go_on_over_the_other_one_and_it_returns(
    deployment: Deployment, pair: tuple[RunningRelay, RunningRelay], browser: Browser
) -> None:
    eu, _ = pair
    eu_ports, us_ports = ([each.coturn.port, each.coturn.tls_port] for each in pair)
    said = deployment.probe()
    assert (said["answered"], said["dead"], said["certificate_days"]) == (6, {}, 396)
    with deployment.issuer() as issuer:
        assert listed(issuer) == eu_ports + us_ports
        assert listed(issuer, region="us") == us_ports + eu_ports
        held, also_held = (
            issued(issuer, uid)["ice_servers"] for uid in ("alice", "bob")
        )  # each has a quota of its own

    with two_people(browser) as people:
        before = people.call("before", held, also_held)
        before.until_heard()
        eu.kill()

        # Whoever holds the list of before finds the other relay in it.
        meanwhile = people.call("meanwhile", held, also_held)
        meanwhile.until_heard()
        assert all(relay_port(side) in us_ports for side in meanwhile.sides)
        meanwhile.close()

        started = time.monotonic()
        said = deployment.probe()
        assert 2 <= time.monotonic() - started < 15
        assert said["answered"] == 3
        assert set(said["dead"]) == {
            f"turn:127.0.0.1:{eu.coturn.port}?transport=udp",
            f"turn:127.0.0.1:{eu.coturn.port}?transport=tcp",
            f"turns:127.0.0.1:{eu.coturn.tls_port}?transport=tcp",
        }
        with deployment.issuer() as issuer:
            assert listed(issuer) == listed(issuer, region="eu") == us_ports
            fresh, new = issued(issuer, "alice")["ice_servers"], issued(issuer, "carol")["ice_servers"]

        # The call that lost its relay restarts ICE over the one that is left, with fresh credentials.
        for side in before.sides:
            side.do("configure", fresh)
        before.restart()
        before.until_heard()
        assert all(relay_port(side) in us_ports for side in before.sides)
        before.close()
        people.call("after", new).until_heard()

        eu.start()
        assert deployment.probe()["dead"] == {}
        with deployment.issuer() as issuer:
            assert listed(issuer) == eu_ports + us_ports
            again = people.call("again", issued(issuer, "dave")["ice_servers"])
            again.until_heard()


def test_where_every_relay_is_dead_the_answer_is_unavailable_and_not_a_list_of_dead_ones(
    deployment: Deployment, pair: tuple[RunningRelay, RunningRelay]
) -> None:
    for each in pair:
        each.kill()
    try:
        assert deployment.probe()["answered"] == 0
        with deployment.issuer() as issuer:
            answer = ask(issuer)
            assert answer.status_code == 503
            assert answer.json()["error"]["status"] == "UNAVAILABLE"
            assert answer.json()["error"]["details"]["code"] == "no_healthy_relay"
    finally:
        for each in pair:
            each.start()
    assert deployment.probe()["dead"] == {}


def test_who_is_cut_off_gets_nothing_from_an_instance_that_looks_and_others_do(deployment: Deployment) -> None:
    deployment.database.collection(COLLECTION).document(DOCUMENT).set({"cut_off": ArrayUnion(["mallory"])}, merge=True)
    deployment.probe()  # which leaves the operator's list alone
    assert deployment.state()["cut_off"] == ["mallory"]
    with deployment.issuer() as issuer:
        answer = ask(issuer, "mallory")
        assert (answer.status_code, answer.json()["error"]["details"]["code"]) == (403, "cut_off")
        assert ask(issuer, "alice").status_code == 200
    one = {"TURN_RELAYS": "", "TURN_CUT_OFF_LIST": "true"}
    with deployment.issuer(**one) as issuer:  # with one relay the list alone is reason enough to look
        assert ask(issuer, "mallory").status_code == 403
        assert ask(issuer, "alice").status_code == 200


def test_with_one_relay_and_no_list_nobody_asks_firestore(deployment: Deployment) -> None:
    one = {"TURN_RELAYS": "", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9"}  # where nobody is
    with deployment.issuer(**one) as issuer:
        assert ask(issuer, "mallory").status_code == 200


def test_no_client_reads_or_writes_the_state(deployment: Deployment, firestore: Firestore) -> None:
    deployment.probe()
    path = f"/{COLLECTION}/{DOCUMENT}"
    forged: dict[str, Any] = {"fields": {"dead": {"arrayValue": {}}, "cut_off": {"arrayValue": {}}}}
    until(lambda: firestore.request("GET", path, by="owner") == 200, "the state")
    for by in ("mallory", None):
        assert firestore.request("GET", path, by=by) == 403
        assert firestore.request("GET", f"/{COLLECTION}", by=by) == 403
        assert firestore.request("PATCH", path, by=by, json=forged) == 403
        assert firestore.request("DELETE", path, by=by) == 403
