"""edge/logs.py."""

import io
import json
import sys
from typing import Any

import pytest

from webrtc_lite.core.errors import UnknownFieldError
from webrtc_lite.edge import logs


def line(text: str) -> dict[str, Any]:
    """Cloud Logging takes one line for one entry."""
    assert text.count("\n") == 1
    entry: dict[str, Any] = json.loads(text)
    return entry


def test_an_issue_is_logged_with_whom_how_long_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    logs.credentials_issued("alice", 3600, "eu")
    assert line(capsys.readouterr().out) == {
        "severity": "INFO",
        "message": "Relay credentials issued.",
        "event": "credentials_issued",
        "uid": "alice",
        "ttl": 3600,
        "region": "eu",
    }


@pytest.mark.parametrize("uid", ["a\nb", 'a"b', "a\ud800b", "用户"])
def test_no_uid_breaks_its_line_or_the_log_call(uid: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.credentials_issued(uid, 3600, None)
    logged = line(capsys.readouterr().out)
    assert logged["uid"] == uid.replace("\ud800", "\\ud800")
    assert logged["region"] is None


def test_a_refusal_is_logged_by_its_code_without_the_clients_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.request_refused("issue", UnknownFieldError("A field is unknown.", field="p4ssw0rd", hint="Leave p4ssw0rd out"))
    logged = line(capsys.readouterr().out)
    assert logged == {
        "severity": "WARNING",
        "message": "Request refused.",
        "event": "request_refused",
        "function": "issue",
        "code": "unknown_field",
    }


def test_the_operator_reads_every_problem_of_the_relay_in_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.relay_not_configured(("No host.", "No secret."))
    logged = line(capsys.readouterr().err)
    assert logged["severity"] == "ERROR"
    assert logged["event"] == "relay_not_configured"
    assert logged["message"].endswith("No host. No secret.")
    assert logged["problems"] == ["No host.", "No secret."]


def test_the_unexpected_is_logged_by_kind_and_place_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    def break_down() -> None:
        raise KeyError("a secret of the client")

    try:
        break_down()
    except KeyError as error:
        logs.unexpected("issue", error)
    logged = line(capsys.readouterr().err)
    assert logged["severity"] == "ERROR"
    assert logged["event"] == "unexpected_error"
    assert logged["function"] == "issue"
    assert logged["message"] == "Unexpected KeyError in issue."
    assert logged["where"][-1].startswith("test_logs.py:")
    assert logged["where"][-1].endswith(" break_down")
    assert "secret" not in str(logged)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_line_and_its_end_are_written_together(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """functions-framework serves requests in threads, and Google's image does not buffer."""
    locked = []

    class Witness(io.StringIO):
        def write(self, text: str) -> int:
            locked.append(logs.WRITING.locked())
            return super().write(text)

    monkeypatch.setattr(sys, stream, Witness())
    if stream == "stdout":
        logs.credentials_issued("alice", 60, None)
    else:
        logs.relay_not_configured(("No host.",))
    assert locked
    assert all(locked)
    assert not logs.WRITING.locked()
