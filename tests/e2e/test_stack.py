"""`make run` as a user meets it: what it starts, says, refuses, and leaves behind (nothing)."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.stack import STOPPED, RunningStack, free_addresses, stack_in_a_terminal, started_stack
from tests.support.turn_client import allocation
from tests.support.waiting import until
from tools import provision
from tools.stack import ports
from tools.stack.addresses import PROJECT, Addresses

SCHEDULED = """
from firebase_admin import initialize_app
from firebase_functions import logger, scheduler_fn

initialize_app()


@scheduler_fn.on_schedule(schedule="* * * * *", region="us-central1")
def tick(event: scheduler_fn.ScheduledEvent) -> None:
    logger.info("ticked", job=event.job_name)
"""


def signed_up(stack: RunningStack) -> str:
    """An ID token of the Auth emulator, for a user who was not there before."""
    url = f"{stack.auth}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any"
    token: str = httpx.post(url, json={"returnSecureToken": True}).raise_for_status().json()["idToken"]
    return token


def function_url(stack: RunningStack) -> str:
    return f"{stack.functions}/{stack.project}/us-central1/issue_turn_credentials"


def credentials(stack: RunningStack) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {signed_up(stack)}"}
    reply = httpx.post(function_url(stack), json={"data": {"ttl": 600}}, headers=headers, timeout=30)
    result: dict[str, object] = reply.raise_for_status().json()["result"]
    return result


def assert_nothing_is_left(stack: RunningStack) -> None:
    until(lambda: not stack.left_running(), "every process ended", within_s=15)
    assert ports.busy(stack.addresses.listeners()) == []


def test_it_prints_a_line_for_each_part_and_the_address_to_open(stack: RunningStack) -> None:
    for part in ("Coturn", "Auth", "Firestore", "Functions", "Hosting"):
        assert f"  ✓ {part} " in stack.printed
    assert f"Open {stack.hosting} " in stack.printed
    assert "issue_turn_credentials" in stack.printed


def test_a_stranger_gets_credentials_that_open_an_allocation_on_every_uri(stack: RunningStack) -> None:
    issued = credentials(stack)
    certificate = stack.home / "coturn" / "certificate.pem"
    assert issued["uris"] == [
        f"turn:127.0.0.1:{stack.turn_port}?transport=udp",
        f"turn:127.0.0.1:{stack.turn_port}?transport=tcp",
        f"turns:127.0.0.1:{stack.turn_tls_port}?transport=tcp",
    ]

    async def allocate() -> int:
        username, password = str(issued["username"]), str(issued["password"])
        async with (
            allocation(username, password, stack.turn_port, "udp") as over_udp,
            allocation(username, password, stack.turn_port, "tcp") as over_tcp,
            allocation(username, password, stack.turn_tls_port, "tls", certificate) as over_tls,
        ):
            return len({client.relayed_address for client in (over_udp, over_tcp, over_tls)})

    assert asyncio.run(allocate()) == 3


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{", "application/json"), (b'{"data": {}}', "text/plain"), (b"", "application/json")],
    ids=["malformed JSON", "not JSON", "no body"],
)
def test_a_bad_request_is_told_what_is_wrong_by_the_real_functions_emulator(
    stack: RunningStack, content: bytes, content_type: str
) -> None:
    reply = httpx.post(function_url(stack), content=content, headers={"Content-Type": content_type}, timeout=30)

    assert reply.status_code == 400
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert reply.json()["error"]["details"]["code"]


def test_a_stranger_without_a_token_is_told_to_sign_in(stack: RunningStack) -> None:
    reply = httpx.post(function_url(stack), json={"data": None}, timeout=30)

    assert (reply.status_code, reply.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_the_log_tells_what_happened_and_no_password(stack: RunningStack) -> None:
    issued = credentials(stack)
    uid = str(issued["username"]).partition(":")[2]

    stack.until_printed(f"uid={uid}")
    assert str(issued["password"]) not in stack.printed


def cut_off(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "cut-off", *words]
    return subprocess.run(command, cwd=provision.ROOT, capture_output=True, text=True, check=False)


def test_an_operator_cuts_a_user_off_and_restores_it(stack: RunningStack) -> None:
    project = f"PROJECT={stack.project}"
    assert "mallory" in cut_off(project, "USER_ID=mallory").stdout
    assert cut_off(project, "USER_ID=trudy").stdout.split() == ["2", "cut", "off", "mallory", "trudy"]
    assert cut_off(project, "USER_ID=mallory", "RESTORE=1").stdout.split() == ["1", "cut", "off", "trudy"]
    assert cut_off(project, "USER_ID=trudy", "RESTORE=1").stdout.split() == ["0", "cut", "off"]


def test_an_operator_who_names_no_project_or_none_that_runs_is_told(stack: RunningStack) -> None:
    assert stack.project != "demo-nowhere"
    assert "Say where" in cut_off().stderr
    assert "There is no stack demo-nowhere" in cut_off("PROJECT=demo-nowhere", "USER_ID=mallory").stdout


def test_the_probe_finds_the_local_relay_well(stack: RunningStack) -> None:
    """Its own certificate included: the schedule of the stack runs it every minute, the emulator once at its start."""
    stack.until_printed("Relays answer.", within_s=100)
    assert "A relay does not answer" not in stack.printed


def test_what_no_rule_opens_is_closed_to_a_signed_in_user(stack: RunningStack) -> None:
    url = f"{stack.firestore}/v1/projects/{stack.project}/databases/(default)/documents/users/anybody"

    assert httpx.get(url, headers={"Authorization": f"Bearer {signed_up(stack)}"}).status_code == 403
    assert httpx.get(url, headers={"Authorization": "Bearer owner"}).status_code == 404


def test_a_second_start_says_who_runs_and_disturbs_nothing(stack: RunningStack, tmp_path: Path) -> None:
    name = stack.project.removeprefix("demo-webrtc-lite-")
    with started_stack(name, tmp_path / "output", addresses=stack.addresses, wait=None) as second:
        assert second.exit_code() == 1
        assert f"already runs: pid {stack.supervisor().pid}" in second.printed
        assert stack.hosting in second.printed

    assert credentials(stack)["ttl"] == 600


def test_another_stack_on_the_same_ports_is_told_who_holds_each(stack: RunningStack, tmp_path: Path) -> None:
    with started_stack("other", tmp_path / "output", addresses=stack.addresses, wait=None) as second:
        assert second.exit_code() == 1
        for listener in stack.addresses.listeners():
            assert f"{listener} ({listener.part}) is held by " in second.printed
        for holder in ("java", "node", "turnserver"):
            assert f"is held by {holder} (pid " in second.printed
        assert second.left_running() == []


def test_a_port_held_by_a_stranger_is_named_with_its_holder(tmp_path: Path) -> None:
    addresses = free_addresses()
    with (
        socket.create_server(("127.0.0.1", addresses.port("hosting"))),
        started_stack("held", tmp_path / "output", addresses=addresses, wait=None) as refused,
    ):
        assert refused.exit_code() == 1
        assert f"127.0.0.1:{addresses.port('hosting')}/tcp (hosting) is held by python" in refused.printed
        assert f"(pid {os.getpid()})" in refused.printed


def test_ctrl_c_stops_everything_and_the_next_start_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    with stack_in_a_terminal("killed", tmp_path / "killed") as killed:
        killed.supervisor().kill()
        killed.process.wait(30)
        assert len(killed.left_running()) > 2

        with stack_in_a_terminal("killed", tmp_path / "next", addresses=killed.addresses) as following:
            assert "that an interrupted stack had left behind" in following.printed
            following.press_ctrl_c()
            following.until_printed(STOPPED)
            following.exit_code()
            assert_nothing_is_left(following)


def test_a_closed_terminal_stops_everything(tmp_path: Path) -> None:
    with stack_in_a_terminal("closed", tmp_path / "output") as closed:
        assert len(closed.left_running()) > 2
        closed.close_terminal()
        closed.exit_code()
        assert_nothing_is_left(closed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_start_stops_everything(number: signal.Signals, tmp_path: Path) -> None:
    with started_stack("signal", tmp_path / "output", wait="✓ Firestore") as starting:
        assert starting.left_running()
        starting.process.send_signal(number)
        starting.until_printed(STOPPED)
        assert starting.exit_code() == 0
        assert_nothing_is_left(starting)


def test_a_part_that_stops_by_itself_is_named_and_ends_the_stack(tmp_path: Path) -> None:
    with started_stack("part", tmp_path / "output", wait="✓ Coturn") as broken:
        next(each for each in broken.left_running() if each.name() == "turnserver").kill()
        broken.until_printed("coturn stopped by itself")
        assert broken.exit_code() == 1
        assert_nothing_is_left(broken)


def test_functions_that_cannot_be_loaded_end_the_start_with_their_traceback(tmp_path: Path) -> None:
    functions = codebase(tmp_path, "import a_module_that_is_nowhere\n")
    said = "The functions cannot be loaded"
    with started_stack("unloadable", tmp_path / "output", functions=functions, wait=said) as broken:
        assert broken.exit_code() == 1
        assert "No module named 'a_module_that_is_nowhere'" in broken.printed
        assert_nothing_is_left(broken)


def test_a_scheduled_function_runs_on_its_schedule_also_after_its_code_was_loaded_again(tmp_path: Path) -> None:
    """The slowest of all: a schedule counts in minutes."""
    functions = codebase(tmp_path, SCHEDULED)
    with started_stack("schedule", tmp_path / "output", functions=functions) as scheduled:
        scheduled.until_printed("functions  loaded tick")
        (functions / "main.py").write_text(SCHEDULED.replace("ticked", "ticked anew"))
        until(lambda: scheduled.printed.count("functions  loaded tick") == 2, "the changed code loaded")
        scheduled.until_printed("ticked anew  job=tick", within_s=100)
        assert "tick failed" not in scheduled.printed


def codebase(directory: Path, main: str) -> Path:
    """A functions directory with the packages of the real one."""
    functions = directory / "functions"
    functions.mkdir()
    (functions / "main.py").write_text(main)
    (functions / "requirements.txt").touch()
    (functions / "venv").symlink_to(provision.ROOT / "functions" / "venv")
    return functions


def commands_of_the_readme(heading: str, stack: RunningStack) -> str:
    """A block of shell commands, sent to this stack instead of the one at the fixed addresses."""
    readme = (provision.ROOT / "README.md").read_text()
    commands = readme.partition(heading)[2].partition("```sh\n")[2].partition("```")[0]
    for emulator in ("auth", "functions", "firestore"):
        commands = commands.replace(Addresses().url(emulator), stack.addresses.url(emulator))
    return commands.replace(f"/{PROJECT}/", f"/{stack.project}/")


def said_by_a_shell(commands: str) -> str:
    return subprocess.run(["sh", "-e", "-c", commands], capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_curl_commands_of_the_readme_fetch_credentials(stack: RunningStack) -> None:
    answer = said_by_a_shell(commands_of_the_readme("### curl, against `make run`", stack))

    assert json.loads(answer)["result"]["ttl"] == 600


def test_the_call_with_curl_of_the_readme_goes_through_every_status_into_the_history(stack: RunningStack) -> None:
    said = said_by_a_shell(commands_of_the_readme("### A call with curl", stack))

    assert [line for line in said.splitlines() if line.isalpha()] == ["offered", "connected", "ended"]
    record = json.loads(said.rpartition("ended\n")[2])["fields"]
    assert record["end_reason"]["stringValue"] == "hangup"
    assert "connected_at" in record
