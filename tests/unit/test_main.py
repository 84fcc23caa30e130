"""main.py: what is deployed, what an instance loads, and one way through all of it."""

import ast
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from tests.support.functions import FUNCTIONS, RELAY, SECRET, bearer, deployed_python, framework, token
from webrtc_lite.edge import config

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
    assert manifest["endpoints"].keys() == {"issue_turn_credentials"}


def test_the_callable_is_deployed_with_what_it_needs(manifest: dict[str, Any]) -> None:
    endpoint = manifest["endpoints"]["issue_turn_credentials"]
    assert {name: value for name, value in endpoint.items() if value is not None} == {
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


def test_every_function_is_in_the_region_that_clients_know(manifest: dict[str, Any]) -> None:
    assert {region for endpoint in manifest["endpoints"].values() for region in endpoint["region"]} == {config.REGION}


def test_no_function_silently_serves_one_request_at_a_time(manifest: dict[str, Any]) -> None:
    """Without cpu=1 a deployment below 2 GB gets a fraction, and with it a concurrency of 1."""
    assert all(endpoint["cpu"] == 1 for endpoint in manifest["endpoints"].values())


def test_the_secret_is_bound_only_where_credentials_are_signed(manifest: dict[str, Any]) -> None:
    bound = {name for name, endpoint in manifest["endpoints"].items() if endpoint["secretEnvironmentVariables"]}
    assert bound == {"issue_turn_credentials"}


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
    assert names == {"service"}


# --- one way through all of it


@pytest.fixture
def phone(emulated: None, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:  # noqa: ARG001 (asked for its effect)
    import main  # noqa: PLC0415 (it initializes firebase-admin, for which `emulated` sets the stage)

    for name, value in RELAY.items():
        monkeypatch.setenv(name, value)
    config.relay.cache_clear()
    config._tell.cache_clear()
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


def test_a_session_id_is_checked_for_its_form_only(phone: FlaskClient) -> None:
    for session_id, status in [("a" * 16, 200), ("a" * 15, 400)]:
        data = {"data": {"session_id": session_id}}
        assert phone.post("/", headers=bearer(token()), json=data).status_code == status


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
