"""The functions as tests meet them: behind their production server, and the tokens that this server takes."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask
import functions_framework
import httpx
from flask.testing import FlaskClient

from tests.support.ports import free_port
from tests.support.tokens import id_token
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
PROJECT = "demo-webrtc-lite"
SECRET = "north-star-of-the-relay"

# As the Functions emulator sets it. Nothing listens on port 9: firebase-admin reads the variable as leave to skip the
# signature, and never calls there.
EMULATED = {"GCLOUD_PROJECT": PROJECT, "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9"}
RELAY = {"TURN_HOST": "turn.example.com", "TURN_SECRET": SECRET}


def deployed_python() -> str:
    """The interpreter with what is deployed and nothing else, where it has been installed."""
    python = FUNCTIONS / "venv" / "bin" / "python"
    return str(python) if python.exists() else sys.executable


def token(uid: str = "alice", **claims: object) -> str:
    """An ID token that `EMULATED` functions take, unless a claim of it is wrong."""
    return id_token(uid, PROJECT, **claims)


def segment(content: object) -> str:
    """One part of a token (RFC 7515 section 2), however wrong."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def framework(function: Callable[[flask.Request], flask.Response]) -> FlaskClient:
    """functions-framework around one function, without its server."""
    app = flask.Flask("test")
    functions_framework._configure_app(app, function, "http")  # type: ignore[no-untyped-call]  # it has no public way
    return app.test_client()


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def output(self) -> str:
        """All that this process has written to stdout and stderr."""
        return self.log.read_text()


@contextmanager
def serve(target: str, log: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """functions-framework with gunicorn, one function, as Cloud Run starts it: ready on entry, gone on exit."""
    server = Server(free_port(), log)
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",  # as Google's image sets it
        "FUNCTION_TARGET": target,
        "FUNCTION_SIGNATURE_TYPE": "http",
        "HOST": "127.0.0.1",
        "PORT": str(server.port),
        **EMULATED,
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [deployed_python(), "-m", "functions_framework"],
            cwd=FUNCTIONS,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its workers die with it
        )
        try:
            until(lambda: _answers(process, server), "functions-framework", within_s=30)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(process: subprocess.Popen[bytes], server: Server) -> bool:
    assert process.poll() is None, f"functions-framework ended: {server.output()}"
    try:
        httpx.options(server.url)
    except httpx.TransportError:
        return False
    return True
