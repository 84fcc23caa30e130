"""A whole back end without Node: the Firestore emulator, the functions in their production servers, and between them a
wire that a test can listen to, cut, and send old events down again.
"""

import base64
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
from cloudevents.http import CloudEvent
from google.cloud.firestore import Client
from google.cloud.firestore_v1._helpers import decode_dict
from google.events.cloud.firestore import DocumentEventData  # type: ignore[import-untyped]  # it ships no types

from tests.support.firestore import PROJECT, Firestore, running_firestore
from tests.support.functions import Server, serve
from tests.support.waiting import until

SESSIONS, HISTORY = "webrtc_sessions", "call_history"
MARKS = "marks"  # written by quiet() alone
EMULATED = {"GCLOUD_PROJECT": PROJECT, "FIREBASE_CONFIG": f'{{"projectId": "{PROJECT}"}}', "FUNCTIONS_EMULATOR": "true"}
AS_IT_CAME = ("ce-", "content-type")  # the headers of an event that are the event's own


@dataclass(frozen=True)
class Delivery:
    """One commit on one document, as the emulator tells the functions of it."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def before(self) -> dict[str, Any] | None:
        return self._document("old_value")

    @property
    def after(self) -> dict[str, Any] | None:
        return self._document("value")

    def as_event(self) -> CloudEvent:
        """As the framework hands it to a function."""
        own = {name.removeprefix("ce-"): value for name, value in self.headers.items()}
        return CloudEvent({**own, "datacontenttype": own.pop("content-type")}, self.body)

    def _document(self, name: str) -> dict[str, Any] | None:
        read = getattr(DocumentEventData.deserialize(self.body), name)
        return cast("dict[str, Any]", decode_dict(read.fields, None)) if read else None


class Wire:
    """Where the emulator sends its events. The function hears of them until the wire is cut."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []  # those that have been handled, in the order of the commits
        self.marks: set[str] = set()
        self.target: str | None = None
        self.cut = False
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                own = {name: value for name, value in headers.items() if name.startswith(AS_IT_CAME)}
                # The jar sends base64; Eventarc sends bytes.
                delivery = Delivery(headers["ce-document"], own, base64.b64decode(text))
                if delivery.path.startswith(MARKS):
                    wire.marks.add(delivery.path)
                else:
                    if delivery.path.startswith(SESSIONS) and not wire.cut:
                        wire.deliver(delivery)
                    wire.deliveries.append(delivery)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http = httpx.Client(timeout=30)
        self.port: int = self._server.server_address[1]

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
            self._http.close()

    def deliver(self, delivery: Delivery) -> None:
        """As Eventarc does with a trigger without retry: once, and whether anybody was there is not asked."""
        if self.target:
            with suppress(httpx.TransportError):
                self._http.post(self.target, content=delivery.body, headers=dict(delivery.headers))

    @contextmanager
    def losing(self) -> Iterator[None]:
        self.cut = True
        try:
            yield
        finally:
            self.cut = False

    def of(self, path: str) -> list[Delivery]:
        return [delivery for delivery in list(self.deliveries) if delivery.path == path]


class Trigger:
    """on_session_written in its server, which a test may kill and start again."""

    def __init__(self, wire: Wire, log: Path, environment: Mapping[str, str]) -> None:
        self._wire = wire
        self._log = log
        self._environment = {**environment, "FUNCTION_SIGNATURE_TYPE": "cloudevent"}
        self._running = ExitStack()

    def start(self) -> None:
        server = self._running.enter_context(serve("on_session_written", self._log, self._environment))
        self._wire.target = server.url

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        self._running.close()

    def output(self) -> str:
        return self._log.read_text()


@dataclass(frozen=True)
class Backend:
    firestore: Firestore
    client: Client  # passes by the rules
    wire: Wire
    trigger: Trigger
    sweeper: Server
    purger: Server
    environment: Mapping[str, str]  # of a function that belongs to it

    def wipe(self) -> None:
        """Empties the database, and forgets what was said until the functions have heard of that."""
        self.firestore.wipe()
        self.quiet()
        self.wire.deliveries.clear()

    def quiet(self) -> None:
        """Waits until all that was written has been heard of, and nothing has followed from it."""
        heard = -1
        while heard != len(self.wire.deliveries):
            heard = len(self.wire.deliveries)
            # The emulator tells of one commit after the other: what was written before the mark is heard before it.
            mark = self.client.collection(MARKS).document()
            mark.set({})
            until(partial(self.wire.marks.__contains__, mark.path), "the mark")

    def sweep(self) -> None:
        httpx.post(self.sweeper.url, timeout=60).raise_for_status()

    def purge(self) -> None:
        httpx.post(self.purger.url, timeout=60).raise_for_status()


@contextmanager
def running_backend(logs: Path) -> Iterator[Backend]:
    wire = Wire()
    with ExitStack() as stack:
        stack.enter_context(wire.listening())
        emulator = stack.enter_context(running_firestore(wire.port))
        address = emulator.http.base_url.netloc.decode()
        environment = {**EMULATED, "FIRESTORE_EMULATOR_HOST": address}
        trigger = Trigger(wire, logs / "trigger", environment)
        stack.callback(trigger.kill)
        sweeper, purger, _ = at_once(
            stack,
            lambda: serve("sweep_sessions", logs / "sweeper", environment),
            lambda: serve("purge_expired_sessions", logs / "purger", environment),
            started(trigger),
        )
        register(emulator, "us-central1-on_session_written", f"{SESSIONS}/{{session_id}}")
        register(emulator, "us-central1-listener", f"{HISTORY}/{{session_id}}")
        register(emulator, "us-central1-marks", f"{MARKS}/{{mark}}")
        yield Backend(emulator, client(address), wire, trigger, sweeper, purger, environment)


def at_once(stack: ExitStack, *entered: Callable[[], AbstractContextManager[Any]]) -> list[Any]:
    """Enters several contexts side by side: a server takes a second to start."""
    contexts = [each() for each in entered]
    with ThreadPoolExecutor(len(contexts)) as pool:
        results = list(pool.map(lambda context: context.__enter__(), contexts))
    for context in contexts:
        stack.push(context.__exit__)
    return results


def started(trigger: Trigger) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def context() -> Iterator[None]:
        trigger.start()
        yield

    return context


def register(emulator: Firestore, name: str, document: str) -> None:
    body = {
        "eventType": "google.cloud.firestore.document.v1.written",
        "database": "(default)",
        "namespace": "(default)",
        "document": {"value": document, "matchType": "PATH_PATTERN"},
    }
    url = f"/emulator/v1/projects/{PROJECT}/eventarcTrigger?eventarcTriggerId={name}"
    emulator.http.post(url, json=body, headers={"Authorization": "Bearer owner"}).raise_for_status()


def client(address: str) -> Client:
    """The Firestore client reads the emulator's address when it is made, and from the environment only."""
    before = os.environ.get("FIRESTORE_EMULATOR_HOST")
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    try:
        return Client(project=PROJECT)
    finally:
        if before is None:
            del os.environ["FIRESTORE_EMULATOR_HOST"]
        else:
            os.environ["FIRESTORE_EMULATOR_HOST"] = before
