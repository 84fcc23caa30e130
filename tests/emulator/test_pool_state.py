"""edge/pool_state.py over the real Firestore, and the document that it keeps."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore import ArrayUnion, Client

from tests.support.backend import Backend
from webrtc_lite.core.pool import Member, Pool, State
from webrtc_lite.core.turn import Relay
from webrtc_lite.edge.pool_state import COLLECTION, DOCUMENT, PoolState, parse, pool_state

RELAY = Relay("turn.example.com", 3478, (), "north-star-of-the-relay")
TWO = Pool((Member(RELAY), Member(replace(RELAY, host="b.example"))))
LISTED = replace(TWO, cut_off_list=True)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
UDP = "turn:turn.example.com:3478?transport=udp"


class Counting:
    """A client that counts its readings, and fails while it is told to."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.readings = 0
        self.broken = False

    def collection(self, name: str) -> "Counting":
        assert name == COLLECTION
        return self

    def document(self, name: str) -> "Counting":
        assert name == DOCUMENT
        return self

    def get(self, **how: Any) -> Any:  # noqa: ANN401 (a snapshot of the SDK)
        assert how["timeout"] <= 3
        self.readings += 1
        if self.broken:
            raise ConnectionError("no line")
        return self._client.collection(COLLECTION).document(DOCUMENT).get(**how)

    def set(self, *what: Any, **how: Any) -> None:  # noqa: ANN401 (as the SDK's)
        self._client.collection(COLLECTION).document(DOCUMENT).set(*what, **how)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting(backend: Backend) -> Iterator[Counting]:
    yield Counting(backend.client)
    backend.client.collection(COLLECTION).document(DOCUMENT).delete()


def store(counting: Counting, clock: Clock) -> PoolState:
    client: Any = counting
    return PoolState(client, clock)


def test_what_the_probe_writes_is_what_an_instance_reads(counting: Counting, clock: Clock) -> None:
    assert store(counting, clock).current(TWO) == State()
    store(counting, clock).write({UDP}, NOON)
    assert store(counting, clock).current(TWO) == State(frozenset({UDP}), int(NOON.timestamp()))


def test_the_probe_leaves_the_operators_list_alone_and_replaces_its_own(
    counting: Counting, clock: Clock, backend: Backend
) -> None:
    keeper = store(counting, clock)
    keeper.write({UDP, "turn:b"}, NOON)
    backend.client.collection(COLLECTION).document(DOCUMENT).set({"cut_off": ArrayUnion(["mallory"])}, merge=True)
    keeper.write({"turn:b"}, NOON)
    assert keeper.current(TWO) == State(frozenset({"turn:b"}), int(NOON.timestamp()), frozenset({"mallory"}))
    keeper.write([], NOON)
    assert store(counting, clock).current(TWO).dead == frozenset()


def test_an_instance_reads_at_most_once_a_minute_and_what_was_written_counts_within_one(
    counting: Counting, clock: Clock
) -> None:
    keeper = store(counting, clock)
    keeper.current(TWO)
    keeper.write({UDP}, NOON)
    for later in (0.0, 30.0, 59.9):
        clock.now = 1000.0 + later
        assert keeper.current(TWO) == State()
    assert counting.readings == 1
    clock.now = 1060.0
    assert keeper.current(TWO).dead == {UDP}
    assert counting.readings == 2


def test_many_requests_at_once_read_once(counting: Counting, clock: Clock) -> None:
    keeper = store(counting, clock)
    together = threading.Barrier(8)

    def ask(_: int) -> State:
        together.wait()
        return keeper.current(TWO)

    with ThreadPoolExecutor(8) as phones:
        assert set(phones.map(ask, range(8))) == {State()}
    assert counting.readings == 1


def test_while_it_cannot_be_read_the_last_state_counts_and_is_tried_again_after_ten_seconds(
    counting: Counting, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    keeper = store(counting, clock)
    keeper.write({UDP}, NOON)
    keeper.current(LISTED)
    counting.broken = True
    for now in (1060.0, 1061.0, 1069.9):
        clock.now = now
        assert keeper.current(LISTED).dead == {UDP}
    assert counting.readings == 2
    assert "pool_state_not_read" in capfd.readouterr().err
    counting.broken = False
    keeper.write([], NOON)
    clock.now = 1070.0
    assert keeper.current(LISTED).dead == frozenset()


@pytest.mark.usefixtures("capfd")
def test_before_it_was_ever_read_every_relay_is_tried_but_nobody_passes_by_a_list(
    counting: Counting, clock: Clock
) -> None:
    counting.broken = True
    assert store(counting, clock).current(TWO) == State()
    keeper = store(counting, clock)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="never been read"):
            keeper.current(LISTED)
    assert counting.readings == 2


@pytest.mark.parametrize(
    ("document", "state", "told"),
    [
        ({}, State(), False),
        ({"dead": "turn:a", "probed_at": "noon"}, State(), False),
        (
            {"dead": ["turn:a", 7], "cut_off": ["mallory"]},
            State(frozenset({"turn:a"}), 0, frozenset({"mallory"})),
            False,
        ),
        ({"cut_off": "mallory"}, State(), True),
        ({"cut_off": {"mallory": True}}, State(), True),
        ({"cut_off": ["mallory", 7]}, State(cut_off=frozenset({"mallory"})), True),
    ],
)
def test_what_a_hand_has_spoilt_is_told_and_leaves_the_rest_in_force(
    document: dict[str, Any], state: State, *, told: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert parse(document) == state
    assert ("cut_off_list_not_readable" in capfd.readouterr().err) is told


def test_an_instance_has_one_store(monkeypatch: pytest.MonkeyPatch, running: Backend) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", running.environment["FIRESTORE_EMULATOR_HOST"])
    monkeypatch.setenv("GCLOUD_PROJECT", running.environment["GCLOUD_PROJECT"])
    assert pool_state() is pool_state()
