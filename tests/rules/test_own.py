"""firestore.rules: what belongs to one user alone, its devices and its blocks (SPEC 3.3)."""

import pytest

from tests.rules.attempts import Attempt, beside, check, granted
from tests.rules.calls import ALICE, BOB
from tests.support.documents import ABSENT, SERVER_TIME, Documents, ago

FIELDS = {"platform": "android", "kind": "fcm", "token": "token", "updated_at": SERVER_TIME}
DEVICE = Attempt("create", f"users/{ALICE}/devices/phone", ALICE, FIELDS)
BLOCK = Attempt("create", f"users/{ALICE}/blocks/{BOB}", ALICE, {"created_at": SERVER_TIME})
OWN = pytest.mark.parametrize("own", [DEVICE, BLOCK], ids=["device", "block"])


def stored(attempt: Attempt) -> dict[str, object]:
    return {key: ago(days=1) if value is SERVER_TIME else value for key, value in attempt.write.items()}


@OWN
@pytest.mark.parametrize("operation", ["create", "update", "put", "delete", "get"])
@pytest.mark.parametrize("by", [BOB, None])
def test_a_user_has_its_own_to_itself(documents: Documents, own: Attempt, operation: str, by: str | None) -> None:
    done = own.but("operation", operation).but("stored", None if operation == "create" else stored(own))

    check(documents, done.but("by", by), done)


@OWN
def test_a_user_lists_its_own(documents: Documents, own: Attempt) -> None:
    documents.seed({own.path: stored(own)})
    user, collection, _ = own.path.rsplit("/", 2)
    search = {"from": [{"collectionId": collection}]}

    assert documents.query(search, ALICE, f"/{user}")
    assert not documents.query(search, BOB, f"/{user}")
    assert not documents.query(search, None, f"/{user}")
    assert not documents.query({"from": [{"collectionId": collection, "allDescendants": True}]}, ALICE)


@OWN
def test_a_user_looks_whether_it_has_one(documents: Documents, own: Attempt) -> None:
    looked = own.but("operation", "get")

    check(documents, looked.but("by", BOB), looked)


@granted(
    ios=DEVICE.but("write/platform", "ios").but("write/kind", "apns_voip").but("write/bundle_id", "com.example.app"),
    web=DEVICE.but("write/platform", "web"),
    longest_id=DEVICE.but("path", f"users/{ALICE}/devices/{'d' * 128}"),
    longest_token=DEVICE.but("write/token", "t" * 4096),
    longest_bundle=DEVICE.but("write/bundle_id", "b" * 255),
    shortest=DEVICE.but("write/token", "t").but("write/bundle_id", "b"),
    by_the_clients_clock=DEVICE.but("write/updated_at", ago(seconds=1)),
)
def test_a_device_is_registered_with_a_token(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@pytest.mark.parametrize("operation", ["create", "update"])
@pytest.mark.parametrize("name", ["platform", "kind", "token", "updated_at"])
def test_a_device_lacks_nothing(documents: Documents, operation: str, name: str) -> None:
    device = DEVICE.but("operation", operation).but("stored", None if operation == "create" else stored(DEVICE))

    check(documents, device.but(f"write/{name}", ABSENT), device)


@beside(
    DEVICE.but("write/bundle_id", "com.example.app"),
    {
        "path": [f"users/{ALICE}/devices/{'d' * 129}"],
        "write/platform": ["windows", "", None, 1],
        "write/kind": ["apns", "", None, 1],
        "write/token": ["", "t" * 4097, None, 1, ["token"], {"token": "token"}],
        "write/bundle_id": ["", "b" * 256, None, 1, ["bundle"], {"bundle": "id"}],
        "write/updated_at": [None, 0, "now"],
        "write/owner": [ALICE],
    },
)
def test_a_device_has_the_form_that_the_server_reads(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@granted(longest_uid=BLOCK.but("path", f"users/{ALICE}/blocks/{'b' * 128}"), by_clock=BLOCK.but("write", stored(BLOCK)))
def test_a_user_blocks_another(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@beside(
    BLOCK,
    {
        "path": [f"users/{ALICE}/blocks/{'b' * 129}"],
        "write/created_at": [None, 0, "now", ABSENT],
        "write/reason": ["rude"],
    },
)
def test_a_block_says_since_when_and_no_more(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)
