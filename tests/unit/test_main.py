"""main.py: what is deployed, what an instance loads, and one way through all of it."""

import ast
import datetime as dt
import inspect
import json
import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from flask.testing import FlaskClient

from tests.support.functions import FUNCTIONS, RELAY, SECRET, bearer, deployed_python, framework, token
from tests.unit.core.calls import DIALLED, NOON
from tests.unit.edge.test_store import event
from webrtc_lite import service
from webrtc_lite.core.pool import Pool, State
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change
from webrtc_lite.edge import config, pool_state, probe, relays, store

# --- the manifest


def discovered() -> dict[str, Any]:
    """What `firebase deploy` reads, by the code with which it reads it."""
    program = (
        "from firebase_functions.private import serving; print(serving.functions_as_yaml(serving.get_functions()))"
    )
    manifest: dict[str, Any] = yaml.safe_load(python(program))
    return manifest


def python(program: str, **environment: str) -> str:
    """The output of a fresh interpreter in functions/, with what is deployed and nothing else."""
    done = subprocess.run(
        [deployed_python(), "-c", program],
        cwd=FUNCTIONS,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return discovered()


def test_these_functions_are_deployed_and_no_other(manifest: dict[str, Any]) -> None:
    assert manifest["endpoints"].keys() == {
        "issue_turn_credentials", "on_session_written", "sweep_sessions", "purge_expired_sessions",
        "probe_turn_servers",
    }  # fmt: skip


def stated(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if value is not None}


def test_the_callable_is_deployed_with_what_it_needs(manifest: dict[str, Any]) -> None:
    assert stated(manifest["endpoints"]["issue_turn_credentials"]) == {
        "entryPoint": "issue_turn_credentials",
        "platform": "gcfv2",
        "region": ["us-central1"],
        "callableTrigger": {},
        "labels": {"deployment-callable": "true"},
        "availableMemoryMb": 256,
        "cpu": 1,
        "concurrency": 80,
        "timeoutSeconds": 15,
        "maxInstances": 10,
        "secretEnvironmentVariables": [{"key": "TURN_SECRET"}],
    }


def test_the_trigger_hears_of_every_session(manifest: dict[str, Any]) -> None:
    assert stated(manifest["endpoints"]["on_session_written"]) == {
        "entryPoint": "on_session_written",
        "platform": "gcfv2",
        "region": ["us-central1"],
        "eventTrigger": {
            "eventFilters": {"database": "(default)", "namespace": "(default)"},
            "eventFilterPathPatterns": {"document": "webrtc_sessions/{session_id}"},
            "eventType": "google.cloud.firestore.document.v1.written",
            "retry": False,
        },
        "labels": {},
        "availableMemoryMb": 256,
        "cpu": 1,
        "concurrency": 8,
        "timeoutSeconds": 30,
        "maxInstances": 40,
        "secretEnvironmentVariables": [],
    }


@pytest.mark.parametrize(
    ("name", "schedule", "timeout", "instances"),
    [
        ("sweep_sessions", "* * * * *", 120, 2),
        ("purge_expired_sessions", "*/15 * * * *", 540, 1),
        ("probe_turn_servers", "* * * * *", 60, 1),
    ],
)
def test_what_is_scheduled_runs_when_it_should(
    manifest: dict[str, Any], name: str, schedule: str, timeout: int, instances: int
) -> None:
    endpoint = stated(manifest["endpoints"][name])
    assert endpoint["scheduleTrigger"]["schedule"] == schedule
    assert endpoint["scheduleTrigger"]["retryConfig"]["retryCount"] == 0
    assert (endpoint["timeoutSeconds"], endpoint["maxInstances"], endpoint["concurrency"]) == (timeout, instances, 1)


def test_no_more_is_scheduled_than_is_free(manifest: dict[str, Any]) -> None:
    """Cloud Scheduler gives three jobs: the sweep, the purge, the probe."""
    assert len([each for each in manifest["endpoints"].values() if each.get("scheduleTrigger")]) == 3


def test_every_function_is_in_the_region_that_clients_know(manifest: dict[str, Any]) -> None:
    assert {region for endpoint in manifest["endpoints"].values() for region in endpoint["region"]} == {config.REGION}


def test_no_function_silently_serves_one_request_at_a_time(manifest: dict[str, Any]) -> None:
    """Without cpu=1 a deployment below 2 GB gets a fraction, and with it a concurrency of 1."""
    assert all(endpoint["cpu"] == 1 for endpoint in manifest["endpoints"].values())


def test_the_secret_is_bound_only_where_credentials_are_signed(manifest: dict[str, Any]) -> None:
    bound = {name for name, endpoint in manifest["endpoints"].items() if endpoint["secretEnvironmentVariables"]}
    assert bound == {"issue_turn_credentials", "probe_turn_servers"}


def test_these_parameters_are_asked_for_on_deployment(manifest: dict[str, Any]) -> None:
    asked = {param["name"]: (param["type"], param.get("default")) for param in manifest["params"]}
    assert asked == {
        "TURN_HOST": ("string", None),
        "TURN_PORT": ("int", 3478),
        "TURN_TLS_PORTS": ("string", "5349,443"),
        "TURN_SECRET": ("secret", None),
    }


# --- the cold start


def loaded(target: str) -> set[str]:
    """The modules of an instance that serves `target`, after it has loaded main.py as functions-framework does."""
    program = f"""
import json, sys
from functions_framework import create_app
from functions_framework.exceptions import MissingTargetException
try:
    create_app({target!r}, "main.py")
except MissingTargetException:
    pass
print(json.dumps(sorted(sys.modules)))
"""
    return set(json.loads(python(program, FUNCTION_TARGET=target)))


def test_a_cold_callable_loads_no_firestore() -> None:
    modules = loaded("issue_turn_credentials")
    assert "webrtc_lite.edge.requests" in modules
    assert not {"google.cloud.firestore", "google.cloud.firestore_v1", "grpc"} & modules
    assert not {"webrtc_lite.service", "webrtc_lite.core.session", "webrtc_lite.core.sdp"} & modules


@pytest.mark.parametrize("target", ["on_session_written", "sweep_sessions", "purge_expired_sessions"])
def test_what_works_on_sessions_loads_nothing_of_the_callable(target: str) -> None:
    modules = loaded(target)
    assert "google.cloud.firestore" in modules
    assert not {"webrtc_lite.edge.requests", "webrtc_lite.edge.callables"} & modules


def test_a_cold_probe_loads_no_firestore_and_nothing_of_the_callable() -> None:
    modules = loaded("probe_turn_servers")
    assert "webrtc_lite.edge.probe" in modules
    assert not {"google.cloud.firestore", "grpc", "pydantic", "webrtc_lite.edge.requests"} & modules


def test_garbage_is_looked_for_again_once_all_is_loaded() -> None:
    assert python("import main, gc; print(gc.isenabled(), gc.get_freeze_count() > 100_000)").split() == ["True", "True"]


def test_no_instance_makes_a_client_before_it_needs_one() -> None:
    program = """
import main
from webrtc_lite.edge import store
print(store.sessions.cache_info().currsize)
"""
    assert python(program).strip() == "0"


def test_another_instance_loads_nothing_of_the_callable() -> None:
    modules = loaded("something_else")
    assert "webrtc_lite.edge.config" in modules
    assert not {"webrtc_lite.edge.requests", "webrtc_lite.edge.callables", "webrtc_lite.service", "pydantic"} & modules


def test_main_leaves_the_core_to_the_service_and_the_edge() -> None:
    """import-linter sees packages only, and main.py is none."""
    tree = ast.parse((FUNCTIONS / "main.py").read_text())
    imported = {f"{node.module}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("webrtc_lite")} == {"webrtc_lite", "webrtc_lite.edge"}
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "webrtc_lite"
        for alias in node.names
    }
    assert names == {"service", "issuing"}


# --- one way through all of it


@pytest.fixture
def phone(emulated: None, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:  # noqa: ARG001 (asked for its effect)
    import main  # noqa: PLC0415 (it initializes firebase-admin, for which `emulated` sets the stage)

    for name, value in RELAY.items():
        monkeypatch.setenv(name, value)
    for cache in (config.relay, config._tell, relays.terms, relays.budget):
        cache.cache_clear()
    return framework(main.issue_turn_credentials)


def test_a_signed_in_user_gets_credentials_from_now_on(phone: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    before = int(time.time())
    response = phone.post("/", headers=bearer(token("alice")), json={"data": {"ttl": 600, "region": "eu"}})
    assert response.json is not None
    result = response.json["result"]
    assert before <= result["server_time"] <= time.time()
    assert result["expires_at"] == result["server_time"] + 600
    assert result["username"] == f"{result['expires_at'] + 60}:alice"
    logged = json.loads(capfd.readouterr().out)
    assert (logged["event"], logged["uid"], logged["ttl"], logged["region"]) == (
        "credentials_issued", "alice", 600, "eu",
    )  # fmt: skip
    assert (logged["relay"], logged["code"]) == ("turn.example.com:3478", "ok")


def test_a_refusal_says_who_asked_for_what_as_far_as_it_was_understood(
    phone: FlaskClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TURN_SESSION_REQUIRED", "true")
    phone.post("/", headers=bearer(token("alice")), json={"data": {"ttl": 600, "region": "eu"}})
    phone.post("/", headers=bearer(token("alice")), json={"data": {"ttl": 1, "region": "eu"}})
    phone.post("/", json={"data": None})
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["code"], line["uid"], line["ttl"], line["region"], line["relay"]) for line in told] == [
        ("invalid_field", "alice", 600, "eu", None),
        ("invalid_field", "alice", None, None, None),
        ("not_signed_in", None, None, None, None),
    ]


def test_a_session_id_of_a_wrong_form_is_not_looked_up(phone: FlaskClient) -> None:
    response = phone.post("/", headers=bearer(token()), json={"data": {"session_id": "a" * 15}})
    assert response.json is not None
    assert response.json["error"]["details"]["code"] == "invalid_field"


def test_a_bad_request_is_refused_before_the_relay_is_looked_at(
    phone: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURN_SECRET")
    response = phone.post("/", headers=bearer(token()), json={"data": {"ttl": 1}})
    assert response.json is not None
    assert response.json["error"]["details"] == {"code": "invalid_field", "field": "ttl"}


def test_without_a_secret_nothing_is_signed(phone: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURN_SECRET")
    response = phone.post("/", headers=bearer(token()), json={"data": None})
    assert response.json is not None
    assert response.status_code == 400
    assert response.json["error"]["status"] == "FAILED_PRECONDITION"
    assert response.json["error"]["details"]["code"] == "relay_not_configured"


def test_no_log_line_of_an_issue_holds_what_was_issued(phone: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    response = phone.post("/", headers=bearer(token()), json={"data": None})
    assert response.json is not None
    output = "".join(capfd.readouterr())
    for kept_out in (SECRET, token(), response.json["result"]["password"], response.json["result"]["username"]):
        assert kept_out not in output


def test_main_has_no_function_of_more_than_ten_lines() -> None:
    tree = ast.parse(Path(FUNCTIONS / "main.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno <= 10, function.name


# --- what the other functions delegate


class Recorder:
    """A store with one session that is long overdue; what was asked of it."""

    unreadable = LookupError

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.times: list[dt.datetime] = []

    def settle(self, seen: store.Snapshot, decide: service.Decide) -> Change | None:
        change = decide(replace(DIALLED, id=seen.session_id, created_at=NOON.replace(year=2000)), (), None)
        assert change is not None
        self.changes.append(change)
        return change

    def due(self, now: dt.datetime) -> list[list[store.Snapshot]]:
        self.times.append(now)
        return [[store.Snapshot("a", {}, NOON)], [store.Snapshot("b", {}, NOON)]]

    def expired(self, now: dt.datetime) -> list[store.Snapshot]:
        self.times.append(now)
        return [store.Snapshot("a", {"status": "ended", "expires_at": NOON.replace(year=2000)}, NOON)]

    def purge(self, seen: store.Snapshot) -> int:
        assert seen.session_id == "a"
        return 7

    def read(self, session_id: str) -> Session:
        return replace(DIALLED, id=session_id, created_at=dt.datetime.now(dt.UTC))


@pytest.fixture
def recorder(emulated: None, monkeypatch: pytest.MonkeyPatch) -> Recorder:  # noqa: ARG001 (asked for its effect)
    recorder = Recorder()
    monkeypatch.setattr(store, "sessions", lambda: recorder)
    config.durations.cache_clear()
    return recorder


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_an_event_settles_its_session_by_the_time_that_it_is(
    recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    import main  # noqa: PLC0415

    before = dt.datetime.now(dt.UTC)
    inspect.unwrap(main.on_session_written)(event(None, {"status": "pending"}))
    (change,) = recorder.changes
    assert change.after.ended_at is not None
    assert before <= change.after.ended_at <= dt.datetime.now(dt.UTC)
    assert [line["event"] for line in lines(capfd)] == ["session_settled"]


def test_an_event_of_what_has_ended_or_is_gone_asks_nobody(recorder: Recorder) -> None:
    import main  # noqa: PLC0415

    inspect.unwrap(main.on_session_written)(event({"status": "connected"}, {"status": "ended"}))
    inspect.unwrap(main.on_session_written)(event({"status": "ended"}, None))
    assert recorder.changes == []


def test_a_sweep_ends_in_one_line_of_its_counts(recorder: Recorder, capfd: pytest.CaptureFixture[str]) -> None:
    import main  # noqa: PLC0415

    assert framework(cast("Any", main.sweep_sessions)).post("/").status_code == 200
    assert len(recorder.changes) == 2
    *_, last = lines(capfd)
    assert last.items() >= {"event": "swept", "looked_at": 2, "changed": 2, "ended": 2, "failed": 0}.items()


def test_a_purge_ends_in_one_line_of_its_counts(recorder: Recorder, capfd: pytest.CaptureFixture[str]) -> None:
    import main  # noqa: PLC0415

    assert framework(cast("Any", main.purge_expired_sessions)).post("/").status_code == 200
    assert len(recorder.times) == 1
    (line,) = lines(capfd)
    assert line.items() >= {"event": "purged", "looked_at": 1, "sessions": 1, "documents": 7, "spared": 0}.items()


@pytest.mark.parametrize(("uid", "status"), [("alice", 200), ("mallory", 403)])
@pytest.mark.usefixtures("recorder")
def test_a_session_id_is_looked_up(phone: FlaskClient, uid: str, status: int) -> None:
    data = {"data": {"session_id": "a" * 16}}
    assert phone.post("/", headers=bearer(token(uid)), json=data).status_code == status


# --- what stands between a user and a relay


def test_a_user_without_budget_waits_and_others_do_not(phone: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURN_ISSUES_PER_USER", "2")
    answers = [phone.post("/", headers=bearer(token(uid)), json={"data": None}) for uid in ("a", "a", "a", "b")]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert answers[2].json is not None
    assert answers[2].json["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert answers[2].json["error"]["details"]["code"] == "budget_exhausted"


def test_a_relay_only_deployment_leaves_stun_out(phone: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURN_RELAY_ONLY", "true")
    answer = phone.post("/", headers=bearer(token()), json={"data": None}).json
    assert answer is not None
    assert [server["urls"] for server in answer["result"]["ice_servers"]] == [answer["result"]["uris"]]


class Kept:
    """A state in memory, and what the probe wrote."""

    def __init__(self) -> None:
        self.state = State()
        self.written: list[tuple[list[str], dt.datetime]] = []

    def current(self, pool: Pool) -> State:
        assert pool.has_state
        return self.state

    def write(self, dead: Iterable[str], probed_at: dt.datetime) -> None:
        self.written.append((list(dead), probed_at))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr(pool_state, "pool_state", lambda: kept)
    monkeypatch.setattr(probe, "probe", lambda ways, _granted: [probe.Finding(way, "no answer") for way in ways])
    monkeypatch.setattr(probe, "pause", lambda: None)
    return kept


def test_who_is_cut_off_is_refused_and_others_are_not(
    phone: FlaskClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURN_CUT_OFF_LIST", "true")
    kept.state = State(cut_off=frozenset({"mallory"}))
    answers = [phone.post("/", headers=bearer(token(uid)), json={"data": None}) for uid in ("mallory", "alice")]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[0].json is not None
    assert answers[0].json["error"]["details"]["code"] == "cut_off"


def test_without_a_list_or_a_second_relay_nobody_reads_or_writes_a_state(
    phone: FlaskClient, kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    import main  # noqa: PLC0415

    kept.state = State(cut_off=frozenset({"alice"}))
    assert phone.post("/", headers=bearer(token("alice")), json={"data": None}).status_code == 200
    assert framework(cast("Any", main.probe_turn_servers)).post("/").status_code == 200
    assert kept.written == []
    logged = json.loads(capfd.readouterr().err)
    assert (logged["event"], logged["answered"], len(logged["dead"])) == ("probed", 0, 4)


@pytest.mark.usefixtures("phone")
def test_a_probe_of_several_relays_writes_down_which_are_dead(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    import main  # noqa: PLC0415

    monkeypatch.setenv("TURN_RELAYS", '[{"host": "turn.example.com", "tls_ports": []}, {"host": "b.example"}]')
    before = dt.datetime.now(dt.UTC)
    assert framework(cast("Any", main.probe_turn_servers)).post("/").status_code == 200
    ((dead, probed_at),) = kept.written
    assert len(dead) == 6
    assert before <= probed_at <= dt.datetime.now(dt.UTC)
