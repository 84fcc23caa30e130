"""firestore.rules: nothing is open that no rule opens. Each denial stands next to the same request by the owner."""

import pytest

from tests.rules.attempts import Attempt
from tests.rules.calls import ALICE
from tests.support.documents import Documents
from tests.support.firestore import OWNER

FIELDS = {"field": "value"}
CLOSED = [
    "users/alice",
    "users/alice/anything/else",
    "users/alice/devices/phone/below/it",
    "users/alice/blocks/bob/below/it",
    "webrtc_sessions/0123456789abcdef/anything/else",
    "webrtc_sessions/0123456789abcdef/ice_candidates/caller-1-0/below/it",
    "webrtc_sessions/0123456789abcdef/server/agreed",
    "call_history/0123456789abcdef/below/it",
    "ice_candidates/caller-1-0",
    "devices/phone",
    "engagements/uid:alice",
    "relays/pool",
    "something/else",
]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("operation", ["get", "create", "update", "put", "delete"])
@pytest.mark.parametrize("by", [ALICE, None], ids=["signed in", "signed out"])
def test_a_document_that_no_rule_opens_is_closed(
    documents: Documents, by: str | None, operation: str, path: str
) -> None:
    attempt = Attempt(operation, path, by, FIELDS, stored=None if operation == "create" else FIELDS)

    assert not attempt.is_allowed(documents)
    assert attempt.but("by", OWNER).is_allowed(documents)


@pytest.mark.parametrize(
    "collection",
    [
        "webrtc_sessions",
        "ice_candidates",
        "call_history",
        "users",
        "devices",
        "blocks",
        "engagements",
        "relays",
        "something",
    ],
)
@pytest.mark.parametrize("everywhere", [False, True], ids=["collection", "collection group"])
@pytest.mark.parametrize("by", [ALICE, None], ids=["signed in", "signed out"])
def test_a_collection_cannot_be_searched_as_a_whole(
    documents: Documents, by: str | None, collection: str, *, everywhere: bool
) -> None:
    search = {"from": [{"collectionId": collection, "allDescendants": everywhere}]}

    assert not documents.query(search, by)
    assert documents.query(search, OWNER)
