"""Google's Secret Manager and Cloud Functions, as far as a rotation meets them, as a real HTTP server."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus

PROJECT, TOKEN = "my-calls-1", "ya29.operator"
SECRET = f"projects/{PROJECT}/secrets/TURN_SECRET"
FUNCTION = f"projects/{PROJECT}/locations/us-central1/functions/issue_turn_credentials"


@dataclass
class Google:
    versions: list[str] = field(default_factory=list)
    disabled: set[int] = field(default_factory=set)
    deployed: tuple[int, int] | None = None  # version, unix seconds
    requests: list[str] = field(default_factory=list)

    def deploy(self, at: float) -> None:
        """`make deploy`: a deployment fixes the newest version."""
        self.deployed = (len(self.versions), int(at))

    def answer(self, method: str, target: str, body: dict[str, dict[str, str]]) -> dict[str, object] | None:
        path = target.partition("?")[0]
        match method, path:
            case "GET", _ if path == f"/v1/{SECRET}/versions/latest:access" and self.versions:
                data = base64.b64encode(self.versions[-1].encode()).decode()
                return {"name": f"{SECRET}/versions/{len(self.versions)}", "payload": {"data": data}}
            case "POST", _ if path == f"/v1/{SECRET}:addVersion":
                self.versions.append(base64.b64decode(body["payload"]["data"]).decode())
                return {"name": f"{SECRET}/versions/{len(self.versions)}", "state": "ENABLED"}
            case "GET", _ if path == f"/v1/{SECRET}/versions":
                alive = [n for n in range(1, len(self.versions) + 1) if n not in self.disabled]
                return {"versions": [{"name": f"{SECRET}/versions/{n}", "state": "ENABLED"} for n in alive]}
            case "POST", _ if found := re.fullmatch(rf"/v1/{SECRET}/versions/(\d+):disable", path):
                self.disabled.add(int(found[1]))
                return {"name": path, "state": "DISABLED"}
            case "GET", _ if path == f"/v2/{FUNCTION}" and self.deployed:
                version, at = self.deployed
                since = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
                bound = [{"key": "TURN_SECRET", "secret": "TURN_SECRET", "version": str(version)}]
                return {"name": FUNCTION, "updateTime": since, "serviceConfig": {"secretEnvironmentVariables": bound}}
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, google: Google) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.google = google
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def respond(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.google.requests.append(f"{self.command} {self.path}")
        found = self.server.google.answer(self.command, self.path, json.loads(content or b"{}"))
        status = HTTPStatus.OK if found is not None else HTTPStatus.NOT_FOUND
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            status, found = HTTPStatus.UNAUTHORIZED, None
        body = json.dumps(found or {"error": {"code": int(status)}}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = respond  # noqa: N815  named by http.server

    def log_message(self, *_: object) -> None:
        """Tests look at `requests`."""
