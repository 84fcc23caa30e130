"""One function per log line: a sentence for people, `event` and its fields for filters and alarms.

No line holds a username, a password, the secret, a token, a description, or anything of a body or a document that has
not passed its check.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from firebase_functions import logger

from webrtc_lite.core.errors import WebRTCLiteError

if TYPE_CHECKING:  # who settles no session is spared what settles them
    from webrtc_lite.core.session import Change

# Requests are served in threads, and a text stream may write one text in parts: two would share a line and lose both.
WRITING = threading.Lock()
SEVERITY = {logger.info: "INFO", logger.warn: "WARNING", logger.error: "ERROR"}

RENEWED_BEFORE_DAYS = 14  # ACME clients renew a certificate 30 days before its end: by now several tries have failed


def credentials_issued(uid: str, ttl: int, region: str | None, relay: str) -> None:
    fields = {"uid": _writable(uid), "ttl": ttl, "region": region, "relay": relay, "code": "ok"}
    _write(logger.info, "Relay credentials issued.", event="credentials_issued", **fields)


def request_refused(function: str, error: WebRTCLiteError, noted: Mapping[str, object]) -> None:
    """Without `field`: of an unknown one the name is the client's, and so is what it hides in it."""
    fields = {"uid": None, "ttl": None, "region": None, "relay": None, **noted}
    if isinstance(fields["uid"], str):
        fields["uid"] = _writable(fields["uid"])
    _write(logger.warn, "Request refused.", event="request_refused", function=function, code=error.code, **fields)


def relay_not_configured(problems: tuple[str, ...]) -> None:
    message = "No relay credentials are issued until this is mended: " + " ".join(problems)
    _write(logger.error, message, event="relay_not_configured", problems=list(problems))


def pool_state_not_read(error: Exception) -> None:
    message = "The state of the relays cannot be read: what was known before counts."
    _write(logger.error, message, event="pool_state_not_read", error=type(error).__name__, where=_where(error))


def cut_off_list_not_readable() -> None:
    message = "cut_off in relays/pool has to be a list of uids: what is no text in it cuts nobody off."
    _write(logger.error, message, event="cut_off_list_not_readable")


def probed(answered: int, dead: Mapping[str, str], certificate_days: int | None) -> None:
    """One line for a run; `dead` says of each URI why."""
    fields = {"event": "probed", "answered": answered, "dead": dict(dead), "certificate_days": certificate_days}
    if dead:
        _write(logger.error, "A relay does not answer as it should: " + ", ".join(dead), **fields)
    elif certificate_days is not None and certificate_days < RENEWED_BEFORE_DAYS:
        message = f"Relays answer, and a certificate ends in {certificate_days} days: its renewal has failed."
        _write(logger.warn, message, **fields)
    else:
        _write(logger.info, "Relays answer.", **fields)


def durations_not_usable(problems: tuple[str, ...]) -> None:
    message = "Calls go on with default durations until this is mended: " + " ".join(problems)
    _write(logger.error, message, event="durations_not_usable", problems=list(problems))


def checks_unknown(codes: tuple[str, ...]) -> None:
    message = f"SDP_WARN_ONLY names checks that do not exist and are ignored: {', '.join(codes)}."
    _write(logger.error, message, event="checks_unknown", codes=list(codes))


def session_settled(change: Change) -> None:
    """Where a call went. `error` is the code of what was refused in it, never a line of it."""
    before, after = change.before, change.after
    error = after.error.code if after.error and after.error != before.error else None
    _write(
        logger.info,
        f"Session {before.status} -> {after.status}." if before.status != after.status else "Session changed.",
        event="session_settled",
        session_id=_writable(after.id),
        before=before.status.value,
        after=after.status.value,
        end_reason=after.end_reason.value if after.end_reason else None,
        error=error,
        changed=sorted(change.names),
        **({"negotiated": asdict(negotiated)} if (negotiated := change.negotiated) else {}),
    )
    if change.warnings:
        warned = Counter(problem.code for problem in change.warnings)
        message = "A description passed checks that only warn (SDP_WARN_ONLY)."
        _write(logger.warn, message, event="checks_warned", session_id=_writable(after.id), warnings=dict(warned))


def session_failed(session_id: str, error: Exception) -> None:
    """The sweep comes back to this session."""
    message = f"Unexpected {type(error).__name__} in a session."
    _write(logger.error, message, event="session_failed", session_id=_writable(session_id), where=_where(error))


def session_unreadable(session_id: str, names: tuple[str, ...]) -> None:
    message = "A session that no rule would have let through cannot be read, and is ended."
    _write(logger.error, message, event="session_unreadable", session_id=_writable(session_id), fields=list(names))


def fields_ignored(session_id: str, names: tuple[str, ...]) -> None:
    message = "A session has fields that no rule would have let through: they count as absent."
    _write(logger.warn, message, event="fields_ignored", session_id=_writable(session_id), fields=list(names))


def history_exists(session_id: str) -> None:
    message = "A session has ended that had its history record already: it keeps that one."
    _write(logger.warn, message, event="history_exists", session_id=_writable(session_id))


def swept(counts: Mapping[str, int]) -> None:
    _write(logger.info, "Sweep done." + _left(counts), event="swept", **counts)


def purged(counts: Mapping[str, int]) -> None:
    _write(logger.info, "Purge done." + _left(counts), event="purged", **counts)


def _left(counts: Mapping[str, int]) -> str:
    return " The bound of one run was reached: the rest follows with the next." if counts["more"] else ""


def unexpected(function: str, error: Exception) -> None:
    """By what and where, which the SDK leaves out. Not the error's own words: they may quote what a client sent."""
    message = f"Unexpected {type(error).__name__} in {function}."
    _write(logger.error, message, event="unexpected_error", function=function, where=_where(error))


def _where(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _write(write: Callable[..., None], message: str, **fields: object) -> None:
    """What `write` of the SDK's logger would print, in one piece and for a third of its time."""
    line = json.dumps({"severity": SEVERITY[write], **fields, "message": message}, ensure_ascii=False) + "\n"
    with WRITING:
        (sys.stderr if write is logger.error else sys.stdout).write(line)


def _writable(text: str) -> str:
    """A lone surrogate (JSON has them) cannot be written as UTF-8: the log call itself would raise."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
