"""HTTP servers on loopback that say what a test wants to hear and remember what they were asked."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

type Replies = Mapping[str, tuple[int, bytes]]


@dataclass
class Loopback:
    """What was asked, as `POST /path`, and with which headers, their names in lower case."""

    port: int
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def answering(replies: Replies) -> Iterator[Loopback]:
    """Answers `POST /path` and the like with a status and a body, and anything else with 501."""
    met = Loopback(0)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked = f"{self.command} {self.path}"
            met.asked.append(asked)
            met.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, body = replies.get(asked, (501, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_OPTIONS = answer  # noqa: N815  http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as it is declared there
            """Says nothing."""

    with serving(Handler) as met.port:
        yield met


@contextmanager
def babbling() -> Iterator[str]:
    """The address of something that answers one call, and not in HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_babble, args=(server,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


def _babble(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"220 this is no web server\r\n")
