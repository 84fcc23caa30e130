"""What went wrong, for a person who can act on it, and for a machine that only sees how the command ended."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ends. The numbers are an interface: scripts compare them."""

    OK = 0
    UNFORESEEN = 1
    USAGE = 2
    UNREACHABLE = 3
    SIGN_IN = 4
    FUNCTIONS = 5
    RELAY = 6
    RULES = 7
    CALL = 8
    MEDIA = 9
    NO_CALL = 10
    NOT_AS_SCRIPTED = 11
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "all went well",
    Exit.UNFORESEEN: "a defect of this program; the traceback says where",
    Exit.USAGE: "an option is missing or wrong",
    Exit.UNREACHABLE: "Auth, Firestore or the functions do not answer at all",
    Exit.SIGN_IN: "Auth gives out no account",
    Exit.FUNCTIONS: "a function is not deployed, refuses, or does not do its work",
    Exit.RELAY: "the relay is down, full, refuses the credential, or its certificate is bad",
    Exit.RULES: "the rules refuse what the contract allows, or allow what it refuses; an index is missing",
    Exit.CALL: "a call did not go through its life as it should",
    Exit.MEDIA: "the relay gives allocations, and no media goes through it",
    Exit.NO_CALL: "everything works, and there was no call: busy, declined, missed, cancelled, nobody called",
    Exit.NOT_AS_SCRIPTED: "load: calls ended otherwise than as scripted, or something was lost or left behind",
    Exit.INTERRUPTED: "Ctrl-C or SIGTERM; what was begun has been taken back, unless that was interrupted as well",
}


class Problem(Exception):  # noqa: N818  it reads as what it says
    """The message says what went wrong, the hint what to do about it."""

    def __init__(self, message: str, hint: str = "", ends: Exit = Exit.CALL) -> None:
        super().__init__(message)
        self.hint = hint
        self.ends = ends


class Refused(Problem):
    """A callable has answered, with a refusal: its status, and what stands in its `details` (SPEC 3.6)."""

    def __init__(self, message: str, hint: str, *, status: str, code: str, field: str | None) -> None:
        super().__init__(message, hint, Exit.FUNCTIONS)
        self.status = status
        self.code = code
        self.field = field


class NotThere(Problem):
    """Nothing is deployed at a function's address."""


class Denied(Problem):
    """The rules have refused."""


class Over(Problem):
    """The call has ended, as the session says, before this side got what it waited for."""

    def __init__(self, message: str, end: str, hint: str = "") -> None:
        super().__init__(message, hint, Exit.NO_CALL if end in NO_DEFECT else Exit.CALL)
        self.end = end


# Ends that say what people did, and nothing of a deployment.
NO_DEFECT = frozenset({"busy", "cancelled", "declined", "missed", "glare", "superseded", "answered_elsewhere"})


def reason(failure: BaseException) -> Problem | None:
    """The first problem of a failure: tasks that run side by side put theirs into groups."""
    if isinstance(failure, Problem):
        return failure
    inner = failure.exceptions if isinstance(failure, BaseExceptionGroup) else ()
    return next((found for each in inner if (found := reason(each))), None)
