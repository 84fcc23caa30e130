"""The emulators' directory, environment and command, and whether each one answers."""

import json
import os
import re
import stat
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.support.loopback import answering, babbling
from tests.support.ports import free_port
from tests.support.programs import Programs
from tests.unit.tools.test_provision import jar
from tools import provision
from tools.stack import suite as module
from tools.stack.addresses import Addresses
from tools.stack.suite import Suite, fetch, local_secret

ROOT = provision.ROOT


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path / "suite", "demo-x", Addresses(20_000))


@pytest.fixture
def secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "functions" / ".secret.local"
    path.parent.mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "SECRETS", path)
    return path


def answering_suite(port: int, directory: Path) -> Suite:
    """A suite whose functions emulator is the server at this port."""
    return Suite(directory, "demo-x", Addresses(port - Addresses().port("functions")))


# What it is started with


def test_the_emulators_are_started_for_their_project_with_the_locked_firebase_tools(suite: Suite) -> None:
    firebase = str(ROOT / "node_modules" / ".bin" / "firebase")
    assert suite.prepare() == [firebase, "emulators:start", "--project", "demo-x"]


def test_everything_that_its_firebase_json_names_is_there(suite: Suite) -> None:
    suite.prepare()

    config = json.loads((suite.directory / "firebase.json").read_text())
    assert config["emulators"] == suite.addresses.emulators()
    [functions] = config["functions"]
    named = {
        "functions": functions["source"],
        "parameters": functions["configDir"],
        "page": config["hosting"]["public"],
        **config["firestore"],
    }
    assert {name: (suite.directory / path).resolve() for name, path in named.items()} == {
        "functions": ROOT / "functions",
        "parameters": suite.directory.resolve() / "parameters",
        "page": ROOT / "web" / "public",
        "rules": ROOT / "firestore.rules",
        "indexes": ROOT / "firestore.indexes.json",
    }


def test_other_functions_may_be_run(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "suite", "demo-x", Addresses(), tmp_path / "others")
    suite.prepare()

    [functions] = json.loads((suite.directory / "firebase.json").read_text())["functions"]
    assert (suite.directory / functions["source"]).resolve() == (tmp_path / "others").resolve()


def test_the_parameters_of_the_functions_are_those_of_the_local_relay_and_no_others(suite: Suite) -> None:
    parameters = suite.directory / "parameters"
    parameters.mkdir(parents=True)
    (parameters / ".env").write_text("TURN_HOST=turn.example.com\n")
    (parameters / ".env.local").write_text("TURN_HOST=turn.example.com\n")

    suite.prepare()

    assert {path.name: path.read_text() for path in parameters.iterdir()} == {
        ".env": "TURN_HOST=127.0.0.1\nTURN_PORT=23478\nTURN_TLS_PORTS=25349\n"
    }


def test_a_second_start_finds_its_directory_as_the_first_one_left_it(suite: Suite) -> None:
    assert suite.prepare() == suite.prepare()


@pytest.fixture
def environment(suite: Suite, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """On a machine with a Java, an emulator, and an account that has nothing to do with the local stack."""
    assert programs.calls() == []
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    Programs(tmp_path / "jdk" / "bin").add("java", "echo 'openjdk version \"25\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setenv("FIRESTORE_EMULATOR_BINARY_PATH", str(jar(tmp_path / "emulator.jar")))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "FIREBASE_TOKEN"):
        monkeypatch.setenv(name, "production")
    monkeypatch.setenv("NODE_OPTIONS", "--max-old-space-size=512")
    monkeypatch.setenv("OF_THE_USER", "kept")
    return suite.environment()


def test_no_account_of_the_machine_reaches_the_emulators(environment: dict[str, str]) -> None:
    assert "production" not in environment.values()
    assert environment["OF_THE_USER"] == "kept"


def test_the_java_and_the_jar_that_were_found_are_the_ones_that_run(
    environment: dict[str, str], programs: Programs, tmp_path: Path
) -> None:
    assert environment["PATH"].split(os.pathsep) == [str(tmp_path / "jdk" / "bin"), str(programs.directory)]
    assert environment["FIRESTORE_EMULATOR_BINARY_PATH"] == str(tmp_path / "emulator.jar")


def test_node_keeps_no_connection_open_and_the_users_own_options(environment: dict[str, str]) -> None:
    own, *ours = environment["NODE_OPTIONS"].split()

    assert own == "--max-old-space-size=512"
    assert [Path(each.removeprefix("--require=")).name for each in ours] == ["no_keepalive.cjs", "discovery_port.cjs"]
    assert Path(ours[0].removeprefix("--require=")).read_text().count("keepAlive: false") == 1


@pytest.mark.parametrize(("asked", "found"), [(8081, 28_081), (8082, 8082)])
def test_two_stacks_do_not_learn_of_their_functions_on_the_same_port(
    suite: Suite, tmp_path: Path, asked: int, found: int
) -> None:
    finder = tmp_path / "node_modules" / "portfinder" / "index.js"
    finder.parent.mkdir(parents=True)
    finder.write_text("exports.getPortPromise = async ({ port }) => port;")
    (tmp_path / "asks.js").write_text(f"require('portfinder').getPortPromise({{ port: {asked} }}).then(console.log);")
    ours = [f"--require={each}" for each in module.MENDS]

    answer = subprocess.run(
        ["node", *ours, "asks.js"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "WEBRTC_LITE_PORT_OFFSET": str(suite.addresses.offset)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(answer.stdout) == found


# The secret that functions and relay share


def test_the_secret_is_made_at_the_first_start_and_kept(secrets_file: Path) -> None:
    secret = local_secret()

    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert secrets_file.read_text() == f"TURN_SECRET={secret}\n"
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
    assert local_secret() == secret


def test_two_machines_do_not_share_a_secret(secrets_file: Path) -> None:
    first = local_secret()
    secrets_file.unlink()

    assert local_secret() != first


def test_the_users_own_secret_is_taken_and_the_others_are_left_alone(secrets_file: Path) -> None:
    content = "APNS_KEY=x=y\nTURN_SECRET=my=own\n"
    secrets_file.write_text(content)

    assert local_secret() == "my=own"
    assert secrets_file.read_text() == content


def test_quotes_around_the_users_own_secret_are_not_part_of_it(secrets_file: Path) -> None:
    secrets_file.parent.mkdir(parents=True, exist_ok=True)
    secrets_file.write_text('TURN_SECRET="my=own"\n')

    assert local_secret() == "my=own"


@pytest.mark.parametrize("content", ["", "APNS_KEY=x\n", "TURN_SECRET=\n"])
def test_a_file_without_the_secret_is_not_written_over(secrets_file: Path, content: str) -> None:
    secrets_file.write_text(content)

    with pytest.raises(provision.Missing) as missing:
        local_secret()

    assert str(missing.value) == "functions/.secret.local has no TURN_SECRET. Add one, or remove the file."
    assert secrets_file.read_text() == content


# Whether each one answers


def test_only_a_successful_answer_is_one() -> None:
    with answering({"GET /": (200, b"here"), "OPTIONS /": (204, b""), "GET /broken": (500, b"no")}) as server:
        assert fetch(server.url) == b"here"
        assert fetch(server.url, method="OPTIONS") == b""
        assert fetch(f"{server.url}/broken") is None
        assert fetch(f"{server.url}/missing") is None


def test_nothing_answers_where_nothing_listens() -> None:
    assert fetch(f"http://127.0.0.1:{free_port()}") is None


def test_what_does_not_speak_http_does_not_answer() -> None:
    with babbling() as url:
        assert fetch(url) is None


def test_a_proxy_of_the_machine_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with_proxy(monkeypatch)
    with answering({"GET /": (200, b"here")}) as server:
        assert fetch(server.url) == b"here"


def with_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "_opener", None)  # the library's own, which keeps the proxies of its first call
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("part", ["auth", "firestore", "hosting"])
def test_an_emulator_answers_at_its_own_address(part: str, tmp_path: Path) -> None:
    with answering({"GET /": (200, b"ok")}) as server:
        there = Suite(tmp_path, "demo-x", Addresses(server.port - Addresses().port(part)))
        answers = {"auth": there.auth_answers, "firestore": there.firestore_answers, "hosting": there.hosting_answers}

        assert answers[part]()
        assert server.asked == ["GET /"]
    assert not answers[part]()


CALLABLE = {"name": "issue_turn_credentials", "region": "us-central1", "httpsTrigger": {}}
SCHEDULED = {"name": "tick", "region": "europe-west1", "schedule": {"schedule": "* * * * *"}}
PREFLIGHT = "OPTIONS /demo-x/us-central1/issue_turn_credentials"


def backends(*triggers: object) -> tuple[int, bytes]:
    return 200, json.dumps({"backends": [{"functionTriggers": [each]} for each in triggers]}).encode()


def test_the_functions_answer_when_each_callable_does(tmp_path: Path) -> None:
    with answering({"GET /backends": backends(CALLABLE, SCHEDULED), PREFLIGHT: (204, b"")}) as server:
        assert answering_suite(server.port, tmp_path).functions_answer(frozenset({"issue_turn_credentials", "tick"}))

        assert server.asked == ["GET /backends", PREFLIGHT]  # a scheduled function is not run before it is due


def test_functions_that_are_not_loaded_yet_do_not_answer(tmp_path: Path) -> None:
    with answering({"GET /backends": backends()}) as server:
        assert not answering_suite(server.port, tmp_path).functions_answer(frozenset({"issue_turn_credentials"}))
    assert not answering_suite(server.port, tmp_path).functions_answer(frozenset({"issue_turn_credentials"}))


def test_functions_of_which_some_are_not_registered_yet_do_not_answer(tmp_path: Path) -> None:
    with answering({"GET /backends": backends(CALLABLE), PREFLIGHT: (204, b"")}) as server:
        there = answering_suite(server.port, tmp_path)

        assert not there.functions_answer(frozenset({"issue_turn_credentials", "tick"}))
        assert not there.functions_answer(frozenset())
        assert there.functions_answer(frozenset({"issue_turn_credentials"}))


def test_a_callable_that_does_not_start_holds_the_stack_up(tmp_path: Path) -> None:
    with answering({"GET /backends": backends(CALLABLE), PREFLIGHT: (500, b"")}) as server:
        assert not answering_suite(server.port, tmp_path).functions_answer(frozenset({"issue_turn_credentials"}))


def test_a_functions_address_is_that_of_the_emulator(suite: Suite) -> None:
    assert suite.function_url(SCHEDULED) == "http://127.0.0.1:25001/demo-x/europe-west1/tick"
