from dataclasses import fields

import pytest

from tools import contract
from webrtc_lite.core.records import Session

DEFINITIONS = contract.schema()["$defs"]


@pytest.mark.parametrize("name", contract.rendered())
def test_what_is_checked_in_is_what_the_code_makes(name: str) -> None:
    assert (contract.DIRECTORY / name).read_text() == contract.rendered()[name], "type: make contract"


def test_every_field_of_a_session_is_in_the_contract() -> None:
    assert set(DEFINITIONS["SessionDocument"]["properties"]) == {each.name for each in fields(Session)} - {
        "id",
        "agreed",
    }


def test_what_every_session_has_is_required_and_nothing_else() -> None:
    required = {"caller_id", "callee_id", "status", "created_at", "media"}

    assert set(DEFINITIONS["SessionDocument"]["required"]) == required


def test_every_status_and_every_end_is_in_the_contract() -> None:
    assert DEFINITIONS["Status"]["enum"] == ["pending", "offered", "answered", "connected", "ended"]
    assert set(DEFINITIONS["EndReason"]["enum"]) == {
        "hangup", "cancelled", "declined", "busy", "missed", "glare", "superseded", "failed", "invalid_offer",
        "invalid_answer", "expired",
    }  # fmt: skip


def test_a_pattern_is_one_of_ecma_262() -> None:
    assert DEFINITIONS["IssueRequest"]["properties"]["session_id"]["pattern"] == "^[A-Za-z0-9_-]{16,64}$"


def test_a_candidate_has_all_that_the_rules_ask_for() -> None:
    assert DEFINITIONS["Candidate"]["required"] == ["candidate", "sdpMid", "sdpMLineIndex"]


def test_the_request_has_its_bounds() -> None:
    ttl = DEFINITIONS["IssueRequest"]["properties"]["ttl"]

    assert (ttl["minimum"], ttl["maximum"]) == (60, 86_400)
    assert DEFINITIONS["IssueRequest"]["required"] == []


def test_only_a_candidate_has_fields_that_may_be_null() -> None:
    nullable = {
        (name, field)
        for name, definition in DEFINITIONS.items()
        for field, form in definition.get("properties", {}).items()
        if {"type": "null"} in form.get("anyOf", ())
    }

    assert nullable == {("Candidate", field) for field in ("sdpMid", "sdpMLineIndex", "usernameFragment")}


def test_every_name_in_the_types_is_one_of_them() -> None:
    types = contract.TYPES.read_text()

    for name in DEFINITIONS:
        assert f"export interface {name} " in types or f"export type {name} " in types
