"""People in a call, and what the server has recorded of it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.browsers import Someone
from tests.support.stack import RunningStack
from tests.support.waiting import until

OWNER = {"Authorization": "Bearer owner"}  # who passes by the rules
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
    return [each["fields"] for each in _latest(stack, "call_history")]


def gives_way(stack: RunningStack, caller: Someone, survivor: str) -> None:
    """Ends this person's latest call as the server does where two call each other."""
    [session, *_] = [each for each in _latest(stack, "webrtc_sessions") if is_by(each["fields"], caller)]
    fields = {"status": "ended", "end_reason": "glare", "superseded_by": survivor}
    written = httpx.patch(
        f"{stack.firestore}/v1/{session['name']}",
        params={"updateMask.fieldPaths": list(fields)},
        json={"fields": {name: {"stringValue": value} for name, value in fields.items()}},
        headers=OWNER,
        timeout=30,
    )
    assert written.is_success, written.text


def _latest(stack: RunningStack, collection: str) -> list[dict[str, Any]]:
    url = f"{stack.firestore}/v1/projects/{stack.project}/databases/(default)/documents:runQuery"
    order = [{"field": {"fieldPath": "created_at"}, "direction": "DESCENDING"}]
    question = {"structuredQuery": {"from": [{"collectionId": collection}], "orderBy": order}}
    found = httpx.post(url, json=question, headers=OWNER, timeout=30).json()
    return [each["document"] for each in found if "document" in each]


def ended(stack: RunningStack, caller: Someone, reason: str, within_s: float = 20.0) -> None:
    """The record of this person's latest call gives this reason."""

    def reasons() -> list[str]:
        return [each["end_reason"]["stringValue"] for each in history(stack) if is_by(each, caller)]

    until(lambda: reasons()[:1] == [reason], f"{caller.name}'s call is recorded as {reason}", within_s)


def is_by(record: dict[str, Any], caller: Someone) -> bool:
    return bool(record["caller_id"]["stringValue"] == caller.uid)
