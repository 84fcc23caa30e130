"""A write that is refused, and stands all the same: an earlier try broke off after it was done."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.api_core.exceptions import Cancelled, PermissionDenied

from webrtc_lite_client import firestore
from webrtc_lite_client.firestore import Operations, UserClient
from webrtc_lite_client.problem import Denied
from webrtc_lite_client.signalling import Signalling, includes


class Document:
    """A session that answers each update with what its test wants."""

    def __init__(self, stands: dict[str, Any], *answers: Exception | None) -> None:
        self.stands = stands
        self.answers = list(answers)
        self.updates: list[dict[str, Any]] = []

    async def update(self, fields: dict[str, Any]) -> None:
        self.updates.append(fields)
        if (answer := self.answers.pop(0)) is not None:
            raise answer

    async def get(self) -> SimpleNamespace:
        return SimpleNamespace(to_dict=lambda: self.stands)


def signalling(document: Document) -> Signalling:
    collection = SimpleNamespace(document=lambda _: document)
    client = SimpleNamespace(collection=lambda _: collection, operations=Operations())
    return Signalling(cast("UserClient", client), "id", "caller", "phone", lambda: 0.0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "PAUSES_S", (0.0, 0.0, 0.0))


def test_a_hangup_that_was_written_before_the_connection_broke_counts_as_written() -> None:
    document = Document(
        {"hangup": {"by": "caller", "reason": "hangup", "at": 1}}, Cancelled("x"), PermissionDenied("y")
    )

    asyncio.run(signalling(document).hang_up("hangup"))

    assert len(document.updates) == 2


def test_a_hangup_that_is_refused_because_the_other_side_was_faster_is_refused() -> None:
    document = Document({"hangup": {"by": "callee", "reason": "hangup"}}, PermissionDenied("y"))

    with pytest.raises(Denied):
        asyncio.run(signalling(document).hang_up("hangup"))


def test_a_cancel_that_comes_after_an_answer_becomes_a_hangup() -> None:
    document = Document({"answer": {}}, PermissionDenied("y"), None)

    asyncio.run(signalling(document).hang_up("cancel"))

    assert [each["hangup"]["reason"] for each in document.updates] == ["cancel", "hangup"]


def test_a_map_stands_if_it_has_at_least_what_was_written() -> None:
    assert includes({"by": "caller", "at": 1}, {"by": "caller"})
    assert not includes({"by": "callee"}, {"by": "caller"})
    assert not includes(None, {"by": "caller"})
    assert includes("alice", "alice")
    assert not includes("alice", "bob")
