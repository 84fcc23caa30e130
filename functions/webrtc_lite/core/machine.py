"""Where a call stands, who can move it, and what moves it where (SPEC section 2).

The table is the machine: a row that is missing is forbidden, and the terminal state is there with an empty row. The
README's diagram is held against it by a test.
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    OFFERED = "offered"
    ANSWERED = "answered"
    CONNECTED = "connected"
    ENDED = "ended"


class Actor(StrEnum):
    """Whose doing it is: what a side wrote, or what the server finds when it looks."""

    CALLER = "caller"
    CALLEE = "callee"
    SERVER = "server"


class Event(StrEnum):
    OFFER = "offer"  # a valid one
    ANSWER = "answer"  # a valid one
    CONNECT = "connect"  # its ICE is connected
    HANG_UP = "hang up"
    REFUSE = "refuse"  # a first description is invalid
    EXPIRE = "expire"  # a deadline has passed
    FAIL = "fail"  # both sides gave up on ICE
    GLARE = "glare"  # the two called each other, and the other call lives
    SUPERSEDE = "supersede"  # the same two, or the same device, started a newer call
    BUSY = "busy"  # one of the two is engaged


CALLER, CALLEE, SERVER = Actor.CALLER, Actor.CALLEE, Actor.SERVER

TRANSITIONS: Mapping[Status, Mapping[tuple[Actor, Event], Status]] = {
    Status.PENDING: {
        (CALLER, Event.OFFER): Status.OFFERED,
        (CALLER, Event.HANG_UP): Status.ENDED,
        (CALLEE, Event.HANG_UP): Status.ENDED,
        (SERVER, Event.REFUSE): Status.ENDED,
        (SERVER, Event.EXPIRE): Status.ENDED,  # no offer came, or nobody settled it
        (SERVER, Event.GLARE): Status.ENDED,
        (SERVER, Event.SUPERSEDE): Status.ENDED,
        (SERVER, Event.BUSY): Status.ENDED,
    },
    Status.OFFERED: {
        (CALLEE, Event.ANSWER): Status.ANSWERED,
        (CALLER, Event.HANG_UP): Status.ENDED,
        (CALLEE, Event.HANG_UP): Status.ENDED,
        (SERVER, Event.REFUSE): Status.ENDED,
        (SERVER, Event.EXPIRE): Status.ENDED,  # nobody picked up
        (SERVER, Event.SUPERSEDE): Status.ENDED,
    },
    Status.ANSWERED: {
        (CALLER, Event.CONNECT): Status.CONNECTED,
        (CALLEE, Event.CONNECT): Status.CONNECTED,
        (CALLER, Event.HANG_UP): Status.ENDED,
        (CALLEE, Event.HANG_UP): Status.ENDED,
        (SERVER, Event.EXPIRE): Status.ENDED,  # the two found no way to each other
        (SERVER, Event.SUPERSEDE): Status.ENDED,
    },
    Status.CONNECTED: {
        (CALLER, Event.HANG_UP): Status.ENDED,
        (CALLEE, Event.HANG_UP): Status.ENDED,
        (SERVER, Event.FAIL): Status.ENDED,
        (SERVER, Event.EXPIRE): Status.ENDED,  # the lease ran out
        (SERVER, Event.SUPERSEDE): Status.ENDED,
    },
    Status.ENDED: {},
}


class ForbiddenTransitionError(Exception):
    """A step that the table does not grant. settle takes none: this is a defect of ours, and never an answer."""


TERMINAL = frozenset(status for status, rows in TRANSITIONS.items() if not rows)


def advance(status: Status, actor: Actor, event: Event) -> Status:
    """The status that follows; what the table does not grant raises."""
    try:
        return TRANSITIONS[status][actor, event]
    except KeyError:
        raise ForbiddenTransitionError(f"no {event} by the {actor} moves a call that is {status}") from None
