"""firestore.rules: nothing is open that no rule opens. Each denial stands next to the same request by the owner."""

import pytest

from tests.support.firestore import OWNER, Firestore

FIELDS = {"fields": {"field": {"stringValue": "value"}}}
DOCUMENTS = [
    "/webrtc_sessions/0123456789abcdef",
    "/webrtc_sessions/0123456789abcdef/ice_candidates/caller-1-0",
    "/call_history/0123456789abcdef",
    "/users/alice",
    "/users/alice/devices/phone",
    "/something/else",
]
OPERATIONS = {
    "get": ("GET", "", None),
    "create": ("PATCH", "?currentDocument.exists=false", FIELDS),
    "update": ("PATCH", "?currentDocument.exists=true", FIELDS),
    "delete": ("DELETE", "", None),
}


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("user", ["alice", None], ids=["signed in", "signed out"])
def test_a_document_that_no_rule_opens_is_closed(
    firestore: Firestore, document: str, operation: str, user: str | None
) -> None:
    method, precondition, body = OPERATIONS[operation]
    if operation != "create":
        assert firestore.request("PATCH", document, by=OWNER, json=FIELDS) == 200

    assert firestore.request(method, document + precondition, by=user, json=body) == 403
    assert firestore.request(method, document + precondition, by=OWNER, json=body) == 200


@pytest.mark.parametrize("collection", ["webrtc_sessions", "ice_candidates", "call_history", "devices"])
@pytest.mark.parametrize("scope", ["collection", "collection group"])
def test_a_collection_that_no_rule_opens_cannot_be_searched(firestore: Firestore, collection: str, scope: str) -> None:
    query = {"structuredQuery": {"from": [{"collectionId": collection, "allDescendants": scope == "collection group"}]}}

    assert firestore.request("POST", ":runQuery", by="alice", json=query) == 403
    assert firestore.request("POST", ":runQuery", by=OWNER, json=query) == 200
