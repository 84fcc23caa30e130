"""Google's Secret Manager and Cloud Functions, as far as a rotation meets them, as a real HTTP server."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus

PROJECT, TOKEN = "my-calls-1", "ya29.operator"
SECRET = f"projects/{PROJECT}/secrets/TURN_SECRET"
SERVICE = f"projects/{PROJECT}/locations/us-central1/services/issue-turn-credentials"
FUNCTION = f"projects/{PROJECT}/locations/us-central1/functions/issue_turn_credentials"


@dataclass
class Google:
    versions: list[str] = field(default_factory=list)
    disabled: set[int] = field(default_factory=set)
    revisions: list[tuple[int, int]] = field(default_factory=list)  # version, unix seconds: one for each deployment
    requests: list[str] = field(default_factory=list)

    def deploy(self, at: float) -> None:
        """`make deploy`: a deployment fixes the newest version."""
        self.revisions.append((len(self.versions), int(at)))

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
        return self.served(path, target) if method == "GET" and self.revisions else None

    def served(self, path: str, target: str) -> dict[str, object] | None:
        """The function, and the service that it is underneath."""
        if path == f"/v2/{FUNCTION}":
            version, at = self.revisions[-1]
            bound = [{"key": "TURN_SECRET", "secret": "TURN_SECRET", "version": str(version)}]
            service = {"service": SERVICE, "secretEnvironmentVariables": bound}
            return {"name": FUNCTION, "updateTime": stamp(at), "serviceConfig": service}
        if path == f"/v2/{SERVICE}/revisions":
            return self.page(urllib.parse.parse_qs(target.partition("?")[2]))
        return None

    def page(self, query: dict[str, list[str]]) -> dict[str, object]:
        """Two at a time: who asks has to go on with the token."""
        start = int(query.get("pageToken", ["0"])[0])
        found: dict[str, object] = {
            "revisions": [
                {
                    "name": f"{SERVICE}/revisions/{start + n}",
                    "createTime": stamp(at),
                    "containers": [{"env": [{"name": "OTHER", "value": "1"}, bound_to(version)]}],
                }
                for n, (version, at) in enumerate(self.revisions[::-1][start : start + 2])
            ]
        }
        return found | ({"nextPageToken": str(start + 2)} if start + 2 < len(self.revisions) else {})


def stamp(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


def bound_to(version: int) -> dict[str, object]:
    key = {"secret": "TURN_SECRET", "version": str(version)}
    return {"name": "TURN_SECRET", "valueSource": {"secretKeyRef": key}}


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
