"""Who tries to get more out of issue_turn_credentials than SPEC grants. What is tried on the relay: tests/relay."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.cloud.firestore import SERVER_TIMESTAMP

from tests.emulator.test_issue_turn_credentials import refused
from tests.support.backend import Backend
from tests.support.calls import Call, ago, connected, dialled, ended, hangup
from tests.support.firestore import PROJECT
from tests.support.functions import RELAY, SECRET, Server, bearer, segment, serve
from tests.support.tokens import id_token

APP = f"{segment({'alg': 'RS256', 'typ': 'JWT', 'kid': 'forged'})}.{segment({'sub': '1:2:web:3'})}.AAAA"


def ask(server: Server, uid: str = "mallory", app_check: str | None = None, **data: object) -> httpx.Response:
    headers = bearer(id_token(uid, PROJECT))
    headers |= {"X-Firebase-AppCheck": app_check} if app_check is not None else {}
    return httpx.post(server.url, headers=headers, json={"data": data}, timeout=10)


@pytest.fixture(scope="module")
def strict(running: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment that issues for live calls only."""
    environment = {**RELAY, **running.environment, "TURN_SESSION_REQUIRED": "true"}
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("strict") / "log", environment) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(running: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment that wants App Check."""
    environment = {**RELAY, **running.environment, "TURN_APP_CHECK_REQUIRED": "true"}
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("guarded") / "log", environment) as server:
        yield server


@pytest.fixture(scope="module")
def thrifty(running: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment that gives everybody three credentials in a minute."""
    limits = {"TURN_ISSUES_PER_USER": "3", "TURN_ISSUES_WINDOW_SECONDS": "60"}
    environment = {**RELAY, **running.environment, **limits}
    with serve("issue_turn_credentials", tmp_path_factory.mktemp("thrifty") / "log", environment) as server:
        yield server


# --- with a valid account, where a call has to be named


def test_an_account_alone_is_not_enough_where_a_call_is_wanted(backend: Backend, strict: Server) -> None:
    details = refused(ask(strict, "alice"), 400, "INVALID_ARGUMENT", "invalid_field")
    assert details["field"] == "session_id"
    call = Call.new(backend, dialled())
    assert ask(strict, "alice", session_id=call.id).status_code == 200


def test_the_call_of_others_is_none_of_an_attackers_and_neither_is_one_that_is_not_there(
    backend: Backend, strict: Server
) -> None:
    call = Call.new(backend, connected())
    answers = [ask(strict, session_id=call.id), ask(strict, session_id="no-such-session-at-all")]
    for answer in answers:
        refused(answer, 403, "PERMISSION_DENIED", "not_a_participant")
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    "document",
    [
        ended(),
        connected(hangup=hangup("callee")),
        dialled(hangup=hangup("caller", "cancel")),
        dialled(created_at=ago(130)),
        connected(connected_at=ago(2_000), deadline=ago(1_100)),
    ],
    ids=["ended", "hung up", "cancelled", "never settled", "lease over"],
)
def test_a_call_that_is_over_buys_no_relay_even_before_any_server_has_seen_that(
    backend: Backend, strict: Server, document: dict[str, Any]
) -> None:
    with backend.wire.losing():
        call = Call.new(backend, document)
        details = refused(ask(strict, "alice", session_id=call.id), 400, "FAILED_PRECONDITION", "session_ended")
    assert details["field"] == "session_id"


def test_a_session_that_only_a_hand_could_have_written_buys_none_either(backend: Backend, strict: Server) -> None:
    with backend.wire.losing():
        call = Call.new(backend, dialled(created_at="noon"))
        refused(ask(strict, "alice", session_id=call.id), 403, "PERMISSION_DENIED", "not_a_participant")


# --- with a valid account, over and over


def test_a_user_that_asks_over_and_over_is_told_to_wait_and_no_other_user_is(thrifty: Server) -> None:
    assert [ask(thrifty, "greedy").status_code for _ in range(3)] == [200] * 3
    details = refused(ask(thrifty, "greedy"), 429, "RESOURCE_EXHAUSTED", "budget_exhausted")
    assert "Ask again in " in details["hint"]
    assert ask(thrifty, "modest").status_code == 200


def test_guessing_session_ids_spends_the_same_budget(backend: Backend, thrifty: Server) -> None:
    call = Call.new(backend, connected())
    for number in range(3):
        refused(ask(thrifty, "guesser", session_id=f"{number:016}"), 403, "PERMISSION_DENIED", "not_a_participant")
    refused(ask(thrifty, "guesser", session_id=call.id), 429, "RESOURCE_EXHAUSTED", "budget_exhausted")


def test_a_request_that_is_malformed_spends_nothing(thrifty: Server) -> None:
    for _ in range(5):
        refused(ask(thrifty, "clumsy", ttl=1), 400, "INVALID_ARGUMENT", "invalid_field")
    assert ask(thrifty, "clumsy").status_code == 200


def test_a_longer_life_than_a_day_is_not_for_sale(thrifty: Server) -> None:
    for ttl in (86_401, 10**12, -1):
        refused(ask(thrifty, "patient", ttl=ttl), 400, "INVALID_ARGUMENT", "invalid_field")


# --- without the app


@pytest.mark.parametrize(("token", "code"), [(None, "app_check_missing"), ("garbage", "app_check_invalid")])
def test_an_account_without_the_app_gets_nothing_where_app_check_is_wanted(
    guarded: Server, token: str | None, code: str
) -> None:
    refused(ask(guarded, "alice", token), 401, "UNAUTHENTICATED", code)


def test_a_forged_app_check_token_gets_nothing(guarded: Server) -> None:
    """With Google's keys or without a line to them: what cannot be verified is not."""
    refused(ask(guarded, "alice", APP), 401, "UNAUTHENTICATED", "app_check_invalid")
    assert APP not in guarded.output()


def test_without_the_switch_no_app_check_token_is_asked_for_or_looked_at(thrifty: Server) -> None:
    assert ask(thrifty, "unchecked", APP).status_code == 200
    assert "AppCheck" not in thrifty.output()


# --- what the operator reads of all that


def test_every_refusal_is_one_line_with_who_and_why_and_holds_no_secret(backend: Backend, strict: Server) -> None:
    backend.client.collection("webrtc_sessions").document("a-call-of-others").set(
        dialled(caller_id="carol", created_at=SERVER_TIMESTAMP)
    )
    ask(strict, "nosy", session_id="a-call-of-others", ttl=61, region="eu")
    told = [json.loads(line) for line in strict.output().splitlines() if '"uid": "nosy"' in line]
    assert [(line["event"], line["code"], line["ttl"], line["region"], line["relay"]) for line in told] == [
        ("request_refused", "not_a_participant", 61, "eu", None)
    ]
    assert SECRET not in strict.output()
    assert "a-call-of-others" not in strict.output()
