"""edge/logs.py."""

import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.calls import CONNECTED, DIALLED, OFFER_SDP, OFFERED, PICKED_UP, USUAL, at, offer
from webrtc_lite.core.errors import UnknownFieldError
from webrtc_lite.core.machine import CALLEE, CALLER
from webrtc_lite.core.records import Session, SessionError
from webrtc_lite.core.session import Change, settle
from webrtc_lite.edge import logs


def line(text: str) -> dict[str, Any]:
    """Cloud Logging takes one line for one entry."""
    assert text.count("\n") == 1
    entry: dict[str, Any] = json.loads(text)
    return entry


def test_an_issue_is_logged_with_whom_how_long_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    logs.credentials_issued("alice", 3600, "eu", "turn.example.com:3478")
    assert line(capsys.readouterr().out) == {
        "severity": "INFO",
        "message": "Relay credentials issued.",
        "event": "credentials_issued",
        "uid": "alice",
        "ttl": 3600,
        "region": "eu",
        "relay": "turn.example.com:3478",
        "code": "ok",
    }


@pytest.mark.parametrize("uid", ["a\nb", 'a"b', "a\ud800b", "用户"])
def test_no_uid_breaks_its_line_or_the_log_call(uid: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.credentials_issued(uid, 3600, None, "turn.example.com:3478")
    logged = line(capsys.readouterr().out)
    assert logged["uid"] == uid.replace("\ud800", "\\ud800")
    assert logged["region"] is None


def test_a_refusal_is_logged_by_its_code_without_the_clients_words(capsys: pytest.CaptureFixture[str]) -> None:
    error = UnknownFieldError("A field is unknown.", field="p4ssw0rd", hint="Leave p4ssw0rd out")
    logs.request_refused("issue", error, {"uid": "a\ud800", "ttl": 60})
    logged = line(capsys.readouterr().out)
    assert logged == {
        "severity": "WARNING",
        "message": "Request refused.",
        "event": "request_refused",
        "function": "issue",
        "code": "unknown_field",
        "uid": "a\\ud800",
        "ttl": 60,
        "region": None,
        "relay": None,
    }


def test_a_refusal_of_nobody_known_says_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    logs.request_refused("issue", UnknownFieldError("A field is unknown."), {})
    logged = line(capsys.readouterr().out)
    assert {logged[name] for name in ("uid", "ttl", "region", "relay")} == {None}


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
        logs.credentials_issued("alice", 60, None, "turn.example.com:3478")
    else:
        logs.relay_not_configured(("No host.",))
    assert locked
    assert all(locked)
    assert not logs.WRITING.locked()


# --- sessions


def settled(session: Session, seconds: float) -> Change:
    change = settle(session, (), at(seconds), USUAL)
    assert change is not None
    return change


def test_a_settled_session_is_one_line_of_where_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    logs.session_settled(settled(OFFERED, 31))
    assert line(capsys.readouterr().out) == {
        "severity": "INFO",
        "message": "Session offered -> ended.",
        "event": "session_settled",
        "session_id": OFFERED.id,
        "before": "offered",
        "after": "ended",
        "end_reason": "missed",
        "error": None,
        "changed": ["end_reason", "ended_at", "expires_at", "status", "updated_at"],
    }


def test_an_accepted_answer_is_logged_with_what_was_negotiated(capsys: pytest.CaptureFixture[str]) -> None:
    logs.session_settled(settled(PICKED_UP, 8))
    logged = line(capsys.readouterr().out)
    assert logged["negotiated"] == {
        "sections": [{"kind": "application", "direction": "sendrecv", "codecs": [], "simulcast": 0}],
        "bundled": 0,
        "dtls": ["passive", "active"],
        "ice": [],
    }
    assert "agreed" not in logged["changed"]


def test_checks_that_only_warn_are_counted_by_code_in_a_line_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    lenient = replace(USUAL, warn_only=frozenset({"sdp_no_setup", "sdp_no_ice_pwd"}))
    bare = OFFER_SDP.replace("a=setup:actpass\r\n", "").replace("a=ice-pwd:", "a=x:")
    change = settle(replace(DIALLED, offer=offer(sdp=bare)), (), at(1), lenient)
    assert change is not None
    logs.session_settled(change)
    settled_line, warned = map(json.loads, capsys.readouterr().out.splitlines())
    assert settled_line["event"] == "session_settled"
    assert warned == {
        "severity": "WARNING",
        "message": "A description passed checks that only warn (SDP_WARN_ONLY).",
        "event": "checks_warned",
        "session_id": DIALLED.id,
        "warnings": {"sdp_no_ice_pwd": 1, "sdp_no_setup": 1},
    }


def test_a_refused_description_is_logged_by_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    logs.session_settled(settled(replace(DIALLED, offer=offer(sdp="v=c4n4ry")), 1))
    text = capsys.readouterr().out
    assert line(text)["error"].startswith("sdp_")
    assert "c4n4ry" not in text


def test_a_session_that_stays_where_it_is_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    heard = {CALLER: at(60), CALLEE: at(60)}
    logs.session_settled(settled(replace(CONNECTED, alive_at=heard, error=SessionError("sdp_x", "", "", 1)), 61))
    logged = line(capsys.readouterr().out)
    assert (logged["message"], logged["error"]) == ("Session changed.", None)


def test_what_failed_in_a_session_is_logged_by_kind_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    def break_down() -> None:
        raise ConnectionError("no line")

    try:
        break_down()
    except ConnectionError as error:
        logs.session_failed("a\nb", error)
    logged = line(capsys.readouterr().err)
    assert (logged["severity"], logged["event"], logged["session_id"]) == ("ERROR", "session_failed", "a\nb")
    assert logged["where"][-1].startswith("test_logs.py:")
    assert "no line" not in str(logged)


@pytest.mark.parametrize(
    ("write", "event", "severity"),
    [
        (lambda: logs.session_unreadable("a\ud800", ("caller_id",)), "session_unreadable", "ERROR"),
        (lambda: logs.fields_ignored("a\ud800", ("caller_id",)), "fields_ignored", "WARNING"),
    ],
)
def test_what_cannot_be_read_is_logged_by_name(
    capsys: pytest.CaptureFixture[str], write: Callable[[], None], event: str, severity: str
) -> None:
    write()
    logged = line("".join(capsys.readouterr()))
    assert (logged["event"], logged["severity"], logged["fields"]) == (event, severity, ["caller_id"])
    assert logged["session_id"] == "a\\ud800"


def test_a_record_that_was_there_already_is_worth_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    logs.history_exists("a")
    logged = line("".join(capsys.readouterr()))
    assert (logged["event"], logged["severity"], logged["session_id"]) == ("history_exists", "WARNING", "a")


@pytest.mark.parametrize(("write", "event"), [(logs.swept, "swept"), (logs.purged, "purged")])
def test_a_run_is_one_line_of_counts_that_says_when_there_is_more(
    capsys: pytest.CaptureFixture[str], write: Callable[[Mapping[str, int]], None], event: str
) -> None:
    for more in (False, True):
        write({"looked_at": 3, "more": more})
        logged = line(capsys.readouterr().out)
        assert (logged["event"], logged["looked_at"], logged["more"]) == (event, 3, more)
        assert ("bound" in logged["message"]) is more


# --- relays


def test_a_probe_is_one_line_that_says_of_each_dead_uri_why(capsys: pytest.CaptureFixture[str]) -> None:
    logs.probed(3, {"turn:a:1?transport=udp": "no answer in 3 s"}, 80)
    logged = line(capsys.readouterr().err)
    assert (logged["severity"], logged["event"], logged["answered"]) == ("ERROR", "probed", 3)
    assert logged["dead"] == {"turn:a:1?transport=udp": "no answer in 3 s"}
    assert "turn:a:1?transport=udp" in logged["message"]


@pytest.mark.parametrize(("days", "severity"), [(None, "INFO"), (14, "INFO"), (13, "WARNING"), (0, "WARNING")])
def test_a_certificate_that_nobody_renews_is_worth_a_warning(
    days: int | None, severity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.probed(4, {}, days)
    logged = line(capsys.readouterr().out)
    assert (logged["severity"], logged["certificate_days"], logged["dead"]) == (severity, days, {})


def test_a_state_that_cannot_be_read_is_told_by_kind_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.pool_state_not_read(ConnectionError("no line"))
    logged = line(capsys.readouterr().err)
    assert (logged["event"], logged["error"], "no line" in str(logged)) == (
        "pool_state_not_read",
        "ConnectionError",
        False,
    )


def test_a_cut_off_list_that_is_none_is_an_error_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.cut_off_list_not_readable()
    logged = line(capsys.readouterr().err)
    assert logged["event"] == "cut_off_list_not_readable"
    assert "relays/pool" in logged["message"]
