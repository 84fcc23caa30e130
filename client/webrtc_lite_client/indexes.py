"""Whether a firestore.indexes.json declares every index that the back end needs.

The emulator never misses one, and a deployment says so only to the query that needs it: one of these is the sweep's,
and no client ever makes it. So the file that is deployed is looked at itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from webrtc_lite_client.problem import Exit, Problem

type Field = tuple[str, str]

NEEDED: dict[tuple[str, tuple[Field, ...]], str] = {
    ("webrtc_sessions", (("status", "ASCENDING"), ("deadline", "ASCENDING"))): "the sweep that ends overdue calls",
    ("call_history", (("participants", "CONTAINS"), ("updated_at", "ASCENDING"))): "what is new in somebody's history",
}


def look(file: Path) -> str:
    try:
        declared = {read(index) for index in json.loads(file.read_text())["indexes"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(
            f"{file} cannot be read: {type(error).__name__}.", "Name it with --indexes.", Exit.USAGE
        ) from None
    for (collection, fields), purpose in NEEDED.items():
        if (collection, fields) not in declared:
            raise Problem(
                f"{file.name} misses the index of {collection} on {', '.join(name for name, _ in fields)}: {purpose}.",
                "Take the file of this version, and deploy it: `make deploy`. Building an index takes minutes.",
                Exit.RULES,
            )
    return f"{file.name} has every index"


def read(index: dict[str, Any]) -> tuple[str, tuple[Field, ...]]:
    fields = tuple((each["fieldPath"], each.get("order") or each.get("arrayConfig")) for each in index["fields"])
    return index["collectionGroup"], fields
