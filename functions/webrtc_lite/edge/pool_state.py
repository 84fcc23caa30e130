"""The one small document that says which ways to a relay are dead and whom the operator has cut off.

Clients can neither read nor write it: no rule opens it. An instance reads it at most once a minute, and the probe
writes no field but its own, so that it never undoes what the operator has written meanwhile.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from google.cloud import firestore

from webrtc_lite.core.pool import Pool, State
from webrtc_lite.edge import logs

COLLECTION, DOCUMENT = "relays", "pool"

KEPT_S = 60.0  # of an instance: what the operator writes counts within a minute
AGAIN_S = 10.0  # after a reading that failed
READ_WITHIN_S = 3.0


class PoolState:
    def __init__(self, client: firestore.Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._document = client.collection(COLLECTION).document(DOCUMENT)
        self._clock = clock
        self._reading = Lock()  # one thread reads, the others wait for what it finds
        self._known: State | None = None
        self._until = float("-inf")

    def current(self, pool: Pool) -> State:
        """The state as it was at most a minute ago. Where it cannot be read the last one counts.

        Without a last one every relay is tried, but nobody passes by a list of which nothing is known.
        """
        with self._reading:
            if self._clock() >= self._until:
                self._read()
            known = self._known
        if known is None and pool.cut_off_list:
            raise ConnectionError("the cut-off list has never been read")
        return known or State()

    def _read(self) -> None:
        try:
            read = self._document.get(timeout=READ_WITHIN_S, retry=None)
        except Exception as error:  # noqa: BLE001 (whatever it was, calls go on with what is known)
            logs.pool_state_not_read(error)
            self._until = self._clock() + AGAIN_S
            return
        self._known = parse(read.to_dict() or {})
        self._until = self._clock() + KEPT_S

    def write(self, dead: Iterable[str], probed_at: datetime) -> None:
        """What the probe found. The operator's list stays as it is."""
        self._document.set({"dead": sorted(dead), "probed_at": probed_at}, merge=True)  # a list is replaced whole


def parse(document: Mapping[str, Any]) -> State:
    """Total: what a hand has spoilt is told, and leaves the rest in force."""
    probed_at = document.get("probed_at")
    cut_off = document.get("cut_off", [])
    if not (isinstance(cut_off, list) and all(isinstance(uid, str) for uid in cut_off)):
        logs.cut_off_list_not_readable()
    return State(
        dead=_texts(document.get("dead")),
        probed_at=int(probed_at.timestamp()) if isinstance(probed_at, datetime) else 0,
        cut_off=_texts(cut_off),
    )


def _texts(value: object) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


@functools.cache
def pool_state() -> PoolState:
    return PoolState(firestore.Client(project=os.environ.get("GCLOUD_PROJECT")))
