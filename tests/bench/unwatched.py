"""A page that measures by itself, in a browser that nobody watches.

Whoever drives a browser is told of every request that a page makes and of every answer, which costs the processors some
90 ms for one call and competes with what is measured. So the page is only opened, and says by itself what it has found.
"""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx

from tests.support.browsers import CHROMIUM_FLAGS
from tests.support.loopback import serving
from tools import provision

PAGE = b'<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="setup.js"></script>'
ROUND_WITHIN_S = 60.0


@dataclass(frozen=True)
class Desk:
    """Serves the page, what Hosting knows of its project, and a place to say what was found."""

    address: str
    said: queue.Queue[dict[str, Any]]

    def next(self) -> dict[str, Any]:
        said = self.said.get(timeout=ROUND_WITHIN_S)
        if "failed" in said:
            raise RuntimeError(said["failed"])
        return said


@contextmanager
def desk(hosting: str, script: Path) -> Iterator[Desk]:
    said: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/__/"):
                reserved = httpx.get(hosting + self.path)
                self.reply(reserved.content, reserved.headers["content-type"], reserved.status_code)
            elif self.path == "/setup.js":
                self.reply(script.read_bytes(), "text/javascript")
            else:
                self.reply(PAGE, "text/html")

        def do_POST(self) -> None:
            said.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.reply(b"", "text/plain")

        def reply(self, body: bytes, kind: str, status: int = HTTPStatus.OK) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as port:
        yield Desk(f"http://127.0.0.1:{port}/", said)


@contextmanager
def opened_unwatched(address: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*CHROMIUM_FLAGS, "--headless", "--no-first-run", f"--user-data-dir={profile}"]
        browser = subprocess.Popen(
            [provision.chromium(), *flags, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            browser.terminate()
            browser.wait()
