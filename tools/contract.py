"""The wire contract for machines: a JSON Schema and TypeScript types, made from the code that reads and writes it.

`make contract` writes both into web/contract/; a test holds them against the code. What the server reads and writes is
taken from its own models. What only clients and rules see (candidates, devices, blocks) stands here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

from tools.provision import ROOT
from webrtc_lite.edge.documents import HistoryDocument, SessionDocument
from webrtc_lite.edge.errors import STATUS
from webrtc_lite.edge.requests import IssueReply, IssueRequest

DIRECTORY = ROOT / "web" / "contract"
SCHEMA, TYPES = DIRECTORY / "contract.schema.json", DIRECTORY / "contract.d.ts"
MADE = "Made by `make contract` from the server's code. Do not edit."

NULLABLE = {"sdpMid", "sdpMLineIndex", "usernameFragment"}  # by the W3C

type Schema = dict[str, Any]


class Candidate(BaseModel):
    """RTCIceCandidateInit of the W3C's WebRTC. An empty candidate marks the end of candidates."""

    candidate: str = Field(max_length=1024)
    sdpMid: str | None  # noqa: N815  the W3C's name
    sdpMLineIndex: int | None  # noqa: N815
    usernameFragment: str | None = Field(None)  # noqa: N815


class CandidatesDocument(BaseModel):
    """webrtc_sessions/{session_id}/ice_candidates/{sender}-{revision}-{n}: SPEC 3.2."""

    sender: Literal["caller", "callee"]
    revision: int = Field(ge=1)
    candidates: list[Candidate] = Field(min_length=1, max_length=20)
    created_at: AwareDatetime
    expires_at: AwareDatetime = Field(default=..., json_schema_extra={"optional": True})


class DeviceDocument(BaseModel):
    """users/{uid}/devices/{device_id}: SPEC 3.3."""

    platform: Literal["android", "ios", "web"]
    kind: Literal["fcm", "apns_voip"]
    token: str
    bundle_id: str = Field(default=..., json_schema_extra={"optional": True})
    updated_at: AwareDatetime


class BlockDocument(BaseModel):
    """users/{uid}/blocks/{other_uid}: SPEC 3.3."""

    created_at: AwareDatetime


class ErrorDetails(BaseModel):
    """`details` of a callable's error: SPEC 3.6."""

    model_config = ConfigDict(title="ErrorDetails")

    code: Literal["internal"] = Field(json_schema_extra={"enum": [*sorted(e.code for e in STATUS), "internal"]})
    field: str = Field(default=..., json_schema_extra={"optional": True})
    hint: str = Field(default=..., json_schema_extra={"optional": True})


MODELS = (
    SessionDocument,
    CandidatesDocument,
    DeviceDocument,
    BlockDocument,
    HistoryDocument,
    IssueRequest,
    ErrorDetails,
)


def schema() -> Schema:
    """One definition for each document and message."""
    _, models = models_json_schema([(model, "validation") for model in MODELS])
    reply = TypeAdapter(IssueReply).json_schema()
    definitions = models["$defs"] | reply.pop("$defs") | {"IssueReply": reply}
    definitions["SessionDocument"]["required"].append("media")  # read leniently, but always there
    definitions["IssueRequest"]["description"] = "issue_turn_credentials, what is asked: SPEC 3.5."
    definitions["IssueReply"]["description"] = "issue_turn_credentials, the reply: SPEC 3.5."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": MADE,
        "title": "WebRTC-Lite wire contract",
        "$defs": {name: plain(definition) for name, definition in sorted(definitions.items())},
    }


def plain(definition: Schema) -> Schema:
    """A definition as the wire has it: what may be left out is not required, rather than null."""
    if "properties" not in definition:
        return without(definition, "title")
    forms = definition["properties"]
    optional = {name for name, form in forms.items() if form.get("optional")}
    required = [name for name in forms if name in set(definition.get("required", ())) - optional]
    properties = {name: present(form) if name not in NULLABLE else form for name, form in forms.items()}
    rest = without(definition, "title", "properties", "required")
    return {
        **rest,
        "properties": {
            name: without(form, "title", "default", "optional", "const") for name, form in properties.items()
        },
        "required": required,
    }


def present(form: Schema) -> Schema:
    """The form of a value that is there."""
    forms = [option for option in form.get("anyOf", ()) if option != {"type": "null"}]
    there = without(form, "anyOf") | forms[0] if len(forms) == 1 else form
    if "pattern" in there:  # JSON Schema's dialect is that of ECMA-262, where Python's anchors mean nothing
        there["pattern"] = there["pattern"].replace(r"\A", "^").replace(r"\z", "$")
    return there


def without(form: Mapping[str, Any], *names: str) -> Schema:
    return {name: value for name, value in form.items() if name not in names}


def typescript(contract: Schema) -> str:
    """The same definitions as types. A moment is what the Firebase SDKs call a Timestamp."""
    lines = [f"// {MADE}", "", "export interface Timestamp {", "  seconds: number;", "  nanoseconds: number;", "}"]
    for name, definition in contract["$defs"].items():
        about = definition.get("description", "").splitlines()
        lines += ["", *(["/** " + about[0] + " */"] if about else [])]
        if "properties" not in definition:
            lines.append(f"export type {name} = {typed(definition)};")
            continue
        lines.append(f"export interface {name} {{")
        for field, form in definition["properties"].items():
            optional = "" if field in definition["required"] else "?"
            lines.append(f"  {field}{optional}: {typed(form)};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def typed(form: Schema) -> str:
    """One form as a type."""
    if "$ref" in form:
        return str(form["$ref"]).rpartition("/")[2]
    if "anyOf" in form:
        return " | ".join(map(typed, form["anyOf"]))
    if "enum" in form or "const" in form:
        return " | ".join(json.dumps(value) for value in form.get("enum", [form.get("const")]))
    if form.get("format") == "date-time":
        return "Timestamp"
    if form["type"] == "array":
        return f"{typed(form['items'])}[]"
    return {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}[
        form["type"]
    ]


def rendered() -> dict[str, str]:
    """Both files by their names."""
    contract = schema()
    return {SCHEMA.name: json.dumps(contract, indent=2) + "\n", TYPES.name: typescript(contract)}


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for file_name, content in rendered().items():
        (DIRECTORY / file_name).write_text(content)
