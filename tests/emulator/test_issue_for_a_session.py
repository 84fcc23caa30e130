"""issue_turn_credentials with a session_id: for the two sides of a call that goes on (SPEC 3.5, 3.6)."""

import httpx
import pytest

from tests.emulator.test_issue_turn_credentials import refused
from tests.support.backend import Backend
from tests.support.calls import Call, connected, dialled, ended
from tests.support.firestore import PROJECT
from tests.support.functions import Server, bearer
from tests.support.tokens import id_token


def ask(issuer: Server, uid: str, session_id: str) -> httpx.Response:
    headers = bearer(id_token(uid, PROJECT))
    return httpx.post(issuer.url, headers=headers, json={"data": {"session_id": session_id}}, timeout=10)


@pytest.mark.parametrize("uid", ["alice", "bob"])
@pytest.mark.parametrize("document", [dialled(), connected()], ids=["pending", "connected"])
def test_each_side_gets_its_own(backend: Backend, issuer: Server, uid: str, document: dict[str, object]) -> None:
    call = Call.new(backend, document)
    reply = ask(issuer, uid, call.id)
    assert reply.status_code == 200
    assert reply.json()["result"]["username"].endswith(f":{uid}")


def test_nobody_else_learns_whether_there_is_such_a_session(backend: Backend, issuer: Server) -> None:
    call = Call.new(backend, connected())
    over = Call.new(backend, ended())
    with backend.wire.losing():
        unreadable = Call.new(backend, dialled(created_at="noon"))
        replies = [
            ask(issuer, "mallory", call.id),
            ask(issuer, "mallory", over.id),
            ask(issuer, "alice", "no-such-session-at-all"),
            ask(issuer, "alice", unreadable.id),
        ]
    for reply in replies:
        assert refused(reply, 403, "PERMISSION_DENIED", "not_a_participant")["field"] == "session_id"
    assert len({reply.text for reply in replies}) == 1


def test_a_call_that_has_ended_needs_no_relay(backend: Backend, issuer: Server) -> None:
    call = Call.new(backend, ended())
    assert refused(ask(issuer, "bob", call.id), 400, "FAILED_PRECONDITION", "session_ended")["field"] == "session_id"
