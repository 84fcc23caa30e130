"""Two phones and one call, as their documents: what they write is what SPEC 3.1 has them write."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from google.cloud import firestore

from tests.support.backend import HISTORY, SESSIONS, Backend, Delivery
from tests.support.waiting import until

SDP = Path(__file__).resolve().parents[1] / "sdp" / "chromium"
OFFER = (SDP / "av-trickle.offer.sdp").read_bytes().decode()
ANSWER = (SDP / "av-trickle.answer.sdp").read_bytes().decode()

NUMBERS = count()


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def offer(sdp: str = OFFER, revision: int = 1) -> dict[str, Any]:
    return {"type": "offer", "sdp": sdp, "revision": revision, "from": "caller"}


def answer(sdp: str = ANSWER, revision: int = 1) -> dict[str, Any]:
    return {"type": "answer", "sdp": sdp, "revision": revision, "from": "callee", "device_id": "tablet"}


def hangup(by: str, reason: str = "hangup") -> dict[str, Any]:
    return {"by": by, "reason": reason, "at": firestore.SERVER_TIMESTAMP}


def dialled(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (whatever a document holds)
    """A session as its caller creates it, except for what is given."""
    return {
        "caller_id": "alice",
        "callee_id": "bob",
        "media": "video",
        "status": "pending",
        "created_at": firestore.SERVER_TIMESTAMP,
        "offer": offer(),
    } | fields


def connected(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A session as the server left it a while ago, except for what is given."""
    then = ago(60)
    stood = {
        "status": "connected",
        "created_at": then,
        "offered_at": then,
        "answer": answer(),
        "answered_at": then,
        "accepted": {"offer": 1, "answer": 1},
        "ice_state": {"caller": "connected"},
        "connected_at": then,
        "deadline": then + timedelta(minutes=15),
        "updated_at": then,
    }
    return dialled(**(stood | fields))


def ended(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """One whose time is up, except for what is given."""
    return connected(
        **({"status": "ended", "end_reason": "hangup", "ended_at": ago(3700), "expires_at": ago(100)} | fields)
    )


@dataclass(frozen=True)
class Call:
    backend: Backend
    id: str

    @classmethod
    def new(cls, backend: Backend, document: dict[str, Any] | None = None) -> "Call":
        """A call of its own, there already if it has a document."""
        call = cls(backend, f"call-{next(NUMBERS):012}")
        if document:
            call.document.create(document)
        return call

    @property
    def document(self) -> firestore.DocumentReference:
        return self.backend.client.collection(SESSIONS).document(self.id)

    @property
    def record(self) -> firestore.DocumentReference:
        return self.backend.client.collection(HISTORY).document(self.id)

    @property
    def history(self) -> dict[str, Any] | None:
        return self.record.get().to_dict()

    def dial(self, **fields: Any) -> None:  # noqa: ANN401
        self.document.create(dialled(**fields))

    def answer(self, sdp: str = ANSWER) -> None:
        self.document.update({"answer": answer(sdp)})

    def report(self, side: str, state: str = "connected") -> None:
        self.document.update({f"ice_state.{side}": state})

    def hang_up(self, by: str, reason: str = "hangup") -> None:
        self.document.update({"hangup": hangup(by, reason)})

    def trickle(self, number: int, sender: str = "caller") -> None:
        self.document.collection("ice_candidates").document(f"{sender}-1-{number}").set({"sender": sender})

    @property
    def below(self) -> int:
        """How many candidate documents there are."""
        return len(self.document.collection("ice_candidates").select([]).get())

    def now(self) -> dict[str, Any]:
        return self.document.get().to_dict() or {}

    def becomes(self, status: str) -> None:
        until(lambda: self.now().get("status") == status, f"{self.id} {status}", within_s=10)

    def shows(self, **fields: Any) -> None:  # noqa: ANN401
        def stands() -> bool:
            return self.now().items() >= fields.items()

        until(stands, f"{self.id} {fields}", within_s=10)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every commit on the session so far."""
        return self.backend.wire.of(f"{SESSIONS}/{self.id}")

    @property
    def recordings(self) -> list[Delivery]:
        """Every commit on its history record so far."""
        return self.backend.wire.of(f"{HISTORY}/{self.id}")
