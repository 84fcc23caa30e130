"""Functions whose clock is wrong: what the real ones issue, as they would have issued it at another time."""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx

from tests.support.loopback import serving

TIMES = ("server_time", "expires_at", "refresh_at")


def shifted(issued: dict[str, Any], by_s: int, secret: str, *, says_so: bool) -> dict[str, Any]:
    """Signed anew. `says_so`: the reply's own times are wrong as well, else only what the relay is to believe."""
    expiry, _, name = issued["username"].partition(":")
    username = f"{int(expiry) + by_s}:{name}"
    password = b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()
    times = {each: issued[each] + by_s for each in TIMES} if says_so else {}
    return {**issued, **times, "username": username, "password": password}


@contextmanager
def late_functions(functions: str, by_s: int, secret: str, *, says_so: bool) -> Iterator[str]:
    """In front of the real ones: host:port."""

    class Between(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            reply = httpx.post(functions + self.path, content=body, headers=headers, timeout=30)
            said = reply.json()
            if "result" in said:
                said["result"] = shifted(said["result"], by_s, secret, says_so=says_so)
            answer = httpx.Response(200, json=said).content
            self.send_response(reply.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Between) as port:
        yield f"127.0.0.1:{port}"
