"""People in a call, and what the server has recorded of it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.browsers import Someone
from tests.support.stack import RunningStack
from tests.support.waiting import until

PAIRS = [("chromium", "chromium"), ("firefox", "firefox"), ("chromium", "firefox"), ("firefox", "chromium")]


def talking(alice: Someone, bob: Someone, button: str = "Video call") -> None:
    """Alice calls, Bob answers, and both hear and see each other."""
    alice.call(bob, button)
    bob.answer()
    for someone in (alice, bob):
        someone.is_in("Connected")
        someone.gets(picture=button == "Video call")


def history(stack: RunningStack) -> list[dict[str, Any]]:
    """All that the server has recorded, the latest call first."""
    url = f"{stack.firestore}/v1/projects/{stack.project}/databases/(default)/documents:runQuery"
    order = [{"field": {"fieldPath": "created_at"}, "direction": "DESCENDING"}]
    question = {"structuredQuery": {"from": [{"collectionId": "call_history"}], "orderBy": order}}
    found = httpx.post(url, json=question, headers={"Authorization": "Bearer owner"}, timeout=30).json()
    return [each["document"]["fields"] for each in found if "document" in each]


def ended(stack: RunningStack, caller: Someone, reason: str, within_s: float = 20.0) -> None:
    """The record of this person's latest call gives this reason."""

    def reasons() -> list[str]:
        return [each["end_reason"]["stringValue"] for each in history(stack) if is_by(each, caller)]

    until(lambda: reasons()[:1] == [reason], f"{caller.name}'s call is recorded as {reason}", within_s)


def is_by(record: dict[str, Any], caller: Someone) -> bool:
    return bool(record["caller_id"]["stringValue"] == caller.uid)
