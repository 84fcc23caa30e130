"""edge/errors.py."""

import json

import pytest
from firebase_functions import https_fn

from tests.unit.core.test_errors import leaves
from webrtc_lite.core.errors import InvalidFieldError, WebRTCLiteError
from webrtc_lite.edge import errors


def test_every_error_has_a_status_and_every_status_an_error() -> None:
    assert set(errors.STATUS) == set(leaves())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("malformed_request", "INVALID_ARGUMENT"),
        ("unknown_field", "INVALID_ARGUMENT"),
        ("invalid_field", "INVALID_ARGUMENT"),
        ("not_signed_in", "UNAUTHENTICATED"),
        ("invalid_token", "UNAUTHENTICATED"),
        ("relay_not_configured", "FAILED_PRECONDITION"),
        ("not_a_participant", "PERMISSION_DENIED"),
        ("session_ended", "FAILED_PRECONDITION"),
        ("app_check_missing", "UNAUTHENTICATED"),
        ("app_check_invalid", "UNAUTHENTICATED"),
        ("cut_off", "PERMISSION_DENIED"),
        ("budget_exhausted", "RESOURCE_EXHAUSTED"),
        ("no_healthy_relay", "UNAVAILABLE"),
    ],
)
def test_the_statuses_are_those_of_the_specification(code: str, status: str) -> None:
    assert {leaf.code: errors.STATUS[leaf].name for leaf in leaves()}[code] == status


@pytest.mark.parametrize("code", errors.HTTP_STATUS)
def test_a_status_that_we_answer_ourselves_has_the_http_status_that_the_sdk_gives_it(
    code: https_fn.FunctionsErrorCode,
) -> None:
    assert errors.HTTP_STATUS[code] == https_fn._error_code_map[code].status


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.code)
def test_whatever_we_raise_can_be_written_as_json(leaf: type[WebRTCLiteError]) -> None:
    error = errors.to_https_error(leaf("A sentence.", field="ttl", hint="Another."))
    assert json.loads(json.dumps(error._as_dict())) == {
        "status": errors.STATUS[leaf].name,
        "message": "A sentence.",
        "details": {"code": leaf.code, "field": "ttl", "hint": "Another."},
    }


def test_details_have_no_empty_places() -> None:
    assert errors.details(InvalidFieldError("A sentence.")) == {"code": "invalid_field"}


def test_an_error_that_nobody_foresaw_says_nothing_of_itself() -> None:
    assert errors.internal()._as_dict() == {
        "status": "INTERNAL",
        "message": "Something went wrong here.",
        "details": {"code": "internal"},
    }
