"""The command: what it is told, what its help teaches, and what it says when nothing is there."""

import asyncio
import json
import signal
from typing import Any

import pytest

from tests.support.ports import free_port
from webrtc_lite_client.cli import Interrupts, main, parser, planned, target
from webrtc_lite_client.problem import MEANING, Exit, Problem
from webrtc_lite_client.smoke import CHECKS
from webrtc_lite_client.stories import STORIES

COMMANDS = ["call", "answer", "smoke", "load"]


@pytest.fixture(autouse=True)
def _no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJECT", "REGION", "API_KEY", "AUTH", "FIRESTORE", "FUNCTIONS"):
        monkeypatch.delenv(f"WEBRTC_LITE_{name}", raising=False)


def test_without_options_it_talks_to_the_stack_of_make_run() -> None:
    found = target(parser().parse_args(["smoke"]))

    assert (found.project, found.emulator) == ("demo-webrtc-lite", "127.0.0.1:8080")


def test_a_stack_beside_it_is_found_by_the_offset_that_it_was_started_with() -> None:
    found = target(parser().parse_args(["smoke", "--project", "demo-other", "--port-offset", "10000"]))

    assert found.emulator == "127.0.0.1:18080"
    assert found.function("f") == "http://127.0.0.1:15001/demo-other/us-central1/f"


def test_an_api_key_means_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBRTC_LITE_API_KEY", "the-key")

    assert not target(parser().parse_args(["smoke", "--project", "my-app"])).local


def test_a_key_that_is_set_for_another_day_does_not_send_the_local_stacks_project_to_google(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBRTC_LITE_API_KEY", "the-key")

    assert target(parser().parse_args(["smoke"])).local


def test_a_project_that_is_not_the_local_stacks_needs_its_key() -> None:
    with pytest.raises(Problem, match="no web API key") as problem:
        target(parser().parse_args(["smoke", "--project", "my-app"]))

    assert problem.value.ends is Exit.USAGE


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [[], *([each] for each in COMMANDS)], ids=lambda words: words[0] if words else "all"
)
def test_help_states_every_exit_code_with_its_meaning(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = helped(capsys, *command)

    for code in Exit:
        assert f"{code:>3}  {MEANING[code]}" in said


def test_help_names_every_command_check_and_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(f"\n    {each} " in helped(capsys) for each in COMMANDS)
    assert all(f"\n  {check} " in helped(capsys, "smoke") for check in CHECKS)
    assert all(story in helped(capsys, "load") for story in STORIES)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    "command", [["smoke"], ["load", "--ramp", "60"], ["call", "bob"], ["answer"]], ids=lambda words: words[0]
)
def test_where_nobody_listens_it_says_so_and_exits_with_that_meaning(
    command: list[str], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"127.0.0.1:{free_port()}"

    assert main([*command, "--auth", nobody, *options]) == Exit.UNREACHABLE

    said = capsys.readouterr().out
    failed: dict[str, Any] = json.loads(said)["failed"] if options else {"reason": said, "hint": said, "exit": 3}
    assert f"Auth cannot be reached at http://{nobody}." in failed["reason"]
    assert "make run" in failed["hint"]
    assert failed["exit"] == Exit.UNREACHABLE


def test_all_calls_go_on_at_once_unless_it_is_said_otherwise() -> None:
    plan = planned(parser().parse_args(["load", "--calls", "7"]))

    assert (plan.at_once, plan.shares, plan.media) == (7, {}, False)
    assert planned(parser().parse_args(["load", "--calls", "7", "--at-once", "9"])).at_once == 7


def test_every_end_has_its_equal_share() -> None:
    shares = planned(parser().parse_args(["load", "--every-end"])).shares

    assert shares.keys() == STORIES.keys() - {"hangup"}
    assert set(shares.values()) == {1 / 11}


def test_more_than_all_calls_cannot_be_declined_and_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "--declines", "60", "--cancels", "60"]) == Exit.USAGE
    assert "Together at most 100" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["--calls", "0"], ["--calls", "-1"], ["--declines", "101"], ["--duration", "-1"], ["--ramp", "nan"], ["--x"]],
    ids=" ".join,
)
def test_a_number_that_makes_no_sense_is_a_wrong_option(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["load", *words])

    assert ended.value.code == Exit.USAGE
    assert capsys.readouterr().err


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("presses", "words"), [(1, "has been taken back"), (2, "may stand until its time is up")])
def test_who_interrupts_the_taking_back_as_well_is_not_told_that_it_was_done(
    by: signal.Signals, presses: int, words: str
) -> None:
    done = []

    async def command() -> int:
        signal.raise_signal(by)
        try:
            await asyncio.Event().wait()
        finally:
            if presses == 2:
                signal.raise_signal(by)
            await asyncio.sleep(0.05)
            done.append("taken back")
        return 0

    interrupts = Interrupts()
    with pytest.raises((asyncio.CancelledError, KeyboardInterrupt)):
        asyncio.run(interrupts.may_end(command()))

    assert words in interrupts.words
    assert done == (["taken back"] if presses == 1 else [])
