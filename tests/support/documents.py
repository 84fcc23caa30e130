"""Documents as a client SDK writes them, over REST: Python's values, and server timestamps as transforms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from tests.support.firestore import OWNER, PROJECT, Firestore

NAMES = f"projects/{PROJECT}/databases/(default)/documents"

type Data = Mapping[str, Any]


class Special(Enum):
    SERVER_TIME = "the time at which the server takes the write"
    ABSENT = "no such field"  # in an update: deletes it

    def __repr__(self) -> str:
        return self.name


SERVER_TIME, ABSENT = Special.SERVER_TIME, Special.ABSENT


class Clock:
    """Stopped when the tests begin: a document written twice is the same one to the emulator's report."""

    now = datetime.now(UTC)

    @classmethod
    def set(cls) -> None:
        cls.now = datetime.now(UTC)


@dataclass(frozen=True)
class FromNow:
    """A time by that clock. What has to lie on one side of the server's own needs a minute to spare."""

    by: timedelta

    def __repr__(self) -> str:
        return f"now{'-' if self.by < timedelta() else '+'}{abs(self.by)}"


def ahead(**units: float) -> FromNow:
    return FromNow(timedelta(**units))


def ago(**units: float) -> FromNow:
    return FromNow(-timedelta(**units))


@dataclass(frozen=True)
class Documents:
    """The database as it answers to a user: whether an operation is allowed. Neither yes nor no is a failure."""

    firestore: Firestore
    touched: set[str] = field(default_factory=set)

    def seed(self, documents: Mapping[str, Data]) -> None:
        """Puts these documents there as only the server can, and takes away all that came through here before."""
        gone = [{"delete": f"{NAMES}/{path}"} for path in self.touched - documents.keys()]
        there = [{"update": {"name": f"{NAMES}/{path}", "fields": fields(data)}} for path, data in documents.items()]
        self.touched.clear()
        self.touched.update(documents)
        if gone or there:
            assert self.firestore.request("POST", ":commit", by=OWNER, json={"writes": gone + there}) == 200

    def create(self, path: str, data: Data, by: str | None) -> bool:
        return self._commit(path, write(path, data) | {"currentDocument": {"exists": False}}, by)

    def update(self, path: str, data: Data, by: str | None) -> bool:
        """Keys are paths of fields, as in every SDK: `alive_at.caller` leaves the other side's alone."""
        mask = {"fieldPaths": [key for key, value in data.items() if value is not SERVER_TIME]}
        return self._commit(path, write(path, data) | {"updateMask": mask, "currentDocument": {"exists": True}}, by)

    def put(self, path: str, data: Data, by: str | None) -> bool:
        """Creates or replaces."""
        return self._commit(path, write(path, data), by)

    def delete(self, path: str, by: str | None) -> bool:
        return self._commit(path, {"delete": f"{NAMES}/{path}"}, by)

    def _commit(self, path: str, written: Data, by: str | None) -> bool:
        self.touched.add(path)
        return allowed(self.firestore.request("POST", ":commit", by=by, json={"writes": [written]}))

    def get(self, path: str, by: str | None) -> bool:
        """Not found is an answer that the rules let through."""
        status = self.firestore.request("GET", f"/{path}", by=by)
        return status == 404 or allowed(status)

    def query(self, query: Data, by: str | None, below: str = "") -> bool:
        return allowed(self.firestore.request("POST", f"{below}:runQuery", by=by, json={"structuredQuery": query}))


def allowed(status: int) -> bool:
    assert status in {200, 403}, f"neither allowed nor denied: {status}"
    return status == 200


def write(path: str, data: Data) -> dict[str, Any]:
    transforms = [{"fieldPath": each, "setToServerValue": "REQUEST_TIME"} for each in server_times(data)]
    return {"update": {"name": f"{NAMES}/{path}", "fields": fields(nested(data))}, "updateTransforms": transforms}


def server_times(data: Data) -> Iterator[str]:
    for key, each in data.items():
        if each is SERVER_TIME:
            yield key
        elif isinstance(each, Mapping):
            yield from (f"{key}.{below}" for below in server_times(each))


def nested(data: Data) -> dict[str, Any]:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`, without what the server fills in: a map may not become a value for that."""
    result: dict[str, Any] = {}
    for key, each in data.items():
        *above, last = key.split(".")
        place = result
        for name in above:
            place = place.setdefault(name, {})
        if each not in (SERVER_TIME, ABSENT):
            place[last] = each
    return result


def fields(data: Data) -> dict[str, Any]:
    return {key: value(each) for key, each in data.items() if each not in (SERVER_TIME, ABSENT)}


def value(each: object) -> dict[str, Any]:  # noqa: PLR0911 (one line a type)
    """A `Value` of the REST API."""
    match each:
        case None:
            return {"nullValue": None}
        case bool():
            return {"booleanValue": each}
        case int():
            return {"integerValue": str(each)}
        case float():
            return {"doubleValue": each}
        case str():
            return {"stringValue": each}
        case datetime():
            return {"timestampValue": each.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        case FromNow():
            return value(Clock.now + each.by)
        case Mapping():
            return {"mapValue": {"fields": fields(each)}}
        case Sequence():
            return {"arrayValue": {"values": [value(below) for below in each]}}
        case _:
            raise TypeError(f"no value of Firestore: {each!r}")
