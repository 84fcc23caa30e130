"""Phones of signed-in users: what they write, the rules judge (SPEC 3.1)."""

from dataclasses import dataclass
from typing import Any

from tests.support.backend import SESSIONS, Backend
from tests.support.calls import ANSWER, OFFER, Call
from tests.support.documents import NAMES, SERVER_TIME, allowed, write
from tests.support.firestore import Firestore

ABORTED, TRIES = 409, 5  # two writes met: the SDKs try again


@dataclass(frozen=True)
class Phone:
    """Somebody's device. Every method but `dial` says whether the rules let it do what it did."""

    backend: Backend
    uid: str
    device_id: str = "phone"

    def dial(self, callee_id: str, sdp: str | None = OFFER, **more: Any) -> Call:  # noqa: ANN401
        call = Call.new(self.backend)
        assert self.dials(call, callee_id, sdp, **more)
        return call

    def dials(self, call: Call, callee_id: str, sdp: str | None = OFFER, **more: Any) -> bool:  # noqa: ANN401
        session = {
            "caller_id": self.uid,
            "callee_id": callee_id,
            "caller_device_id": self.device_id,
            "media": "video",
            "status": "pending",
            "created_at": SERVER_TIME,
        }
        first = {"offer": {"type": "offer", "sdp": sdp, "revision": 1, "from": "caller"}} if sdp else {}
        written = write(f"{SESSIONS}/{call.id}", session | first | more) | {"currentDocument": {"exists": False}}
        return self._may(written)

    def offers(self, call: Call, sdp: str = OFFER, revision: int | None = None) -> bool:
        stands = call.now()
        following = stands["offer"]["revision"] + 1 if "offer" in stands else 1
        said = {"type": "offer", "sdp": sdp, "revision": revision or following, "from": self.side(call)}
        return self.says(call, offer=said)

    def answers(self, call: Call, sdp: str = ANSWER, revision: int | None = None) -> bool:
        current = revision or call.now()["offer"]["revision"]
        said = {"type": "answer", "sdp": sdp, "revision": current, "from": self.side(call), "device_id": self.device_id}
        return self.says(call, answer=said)

    def reports(self, call: Call, state: str = "connected") -> bool:
        return self.says(call, **{f"ice_state.{self.side(call)}": state})

    def says_alive(self, call: Call) -> bool:
        return self.says(call, **{f"alive_at.{self.side(call)}": SERVER_TIME})

    def hangs_up(self, call: Call, reason: str = "hangup") -> bool:
        return self.says(call, hangup={"by": self.side(call), "reason": reason, "at": SERVER_TIME})

    def sends(self, call: Call, number: int, revision: int = 1) -> bool:
        """A batch of candidates."""
        side = self.side(call)
        candidate = {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
        batch = {"sender": side, "revision": revision, "candidates": [candidate], "created_at": SERVER_TIME}
        return self._may(write(f"{SESSIONS}/{call.id}/ice_candidates/{side}-{revision}-{number}", batch))

    def blocks(self, uid: str) -> bool:
        return self._may(write(f"users/{self.uid}/blocks/{uid}", {"created_at": SERVER_TIME}))

    def unblocks(self, uid: str) -> bool:
        return self._may({"delete": f"{NAMES}/users/{self.uid}/blocks/{uid}"})

    def says(self, call: Call, **said: Any) -> bool:  # noqa: ANN401
        """Any fields; keys are paths, as in every SDK."""
        mask = {"fieldPaths": [name for name, each in said.items() if each is not SERVER_TIME]}
        exists = {"currentDocument": {"exists": True}}
        return self._may(write(f"{SESSIONS}/{call.id}", said) | {"updateMask": mask} | exists)

    def side(self, call: Call) -> str:
        return "caller" if call.now()["caller_id"] == self.uid else "callee"

    def _may(self, written: dict[str, Any]) -> bool:
        firestore: Firestore = self.backend.firestore
        for _ in range(TRIES):
            status = firestore.request("POST", ":commit", by=self.uid, json={"writes": [written]})
            if status != ABORTED:
                return allowed(status)
        raise AssertionError(f"aborted {TRIES} times")
