"""One function per log line: a sentence for people, `event` and its fields for filters and alarms.

No line holds a username, a password, the secret, a token, or anything of a body that has not passed its check.
"""

import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from firebase_functions import logger

from webrtc_lite.core.errors import WebRTCLiteError

# The logger prints a text and its line end apart: two requests at once would share a line, and lose both entries.
WRITING = threading.Lock()


def credentials_issued(uid: str, ttl: int, region: str | None) -> None:
    fields = {"uid": _writable(uid), "ttl": ttl, "region": region}
    _write(logger.info, "Relay credentials issued.", event="credentials_issued", **fields)


def request_refused(function: str, error: WebRTCLiteError) -> None:
    """Without `field`: of an unknown one the name is the client's, and so is what it hides in it."""
    _write(logger.warn, "Request refused.", event="request_refused", function=function, code=error.code)


def relay_not_configured(problems: tuple[str, ...]) -> None:
    message = "No relay credentials are issued until this is mended: " + " ".join(problems)
    _write(logger.error, message, event="relay_not_configured", problems=list(problems))


def unexpected(function: str, error: Exception) -> None:
    """By what and where, which the SDK leaves out. Not the error's own words: they may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    message = f"Unexpected {type(error).__name__} in {function}."
    _write(logger.error, message, event="unexpected_error", function=function, where=where)


def _write(write: Callable[..., None], message: str, **fields: object) -> None:
    with WRITING:
        write(message, **fields)


def _writable(text: str) -> str:
    """A lone surrogate (JSON has them) cannot be written as UTF-8: the log call itself would raise."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
