"""The command: what it is told, and what it says when nothing is there."""

import json

import pytest

from tests.support.ports import free_port
from webrtc_lite_client.__main__ import main, parser, target


def test_without_options_it_talks_to_the_stack_of_make_run() -> None:
    found = target(parser().parse_args(["smoke"]))

    assert (found.project, found.emulator) == ("demo-webrtc-lite", "127.0.0.1:8080")


def test_a_stack_beside_it_is_found_by_the_offset_that_it_was_started_with() -> None:
    found = target(parser().parse_args(["smoke", "--project", "demo-other", "--port-offset", "10000"]))

    assert found.emulator == "127.0.0.1:18080"
    assert found.functions == "http://127.0.0.1:15001/demo-other/us-central1"


def test_an_api_key_means_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBRTC_LITE_API_KEY", "the-key")

    assert not target(parser().parse_args(["smoke", "--project", "my-app"])).local


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_nobody_listens_it_says_so_and_fails(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    nobody = f"127.0.0.1:{free_port()}"

    assert main(["smoke", "--auth", nobody, *options]) == 1

    said = capsys.readouterr().out
    reason = json.loads(said)["failed"]["reason"] if options else said
    assert f"Auth cannot be reached at http://{nobody}." in reason
