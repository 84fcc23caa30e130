"""The rules of the model against the real ones, in the emulator, for what was met in the scenes."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import singledispatch
from typing import Any

from tests.model.explore import explore
from tests.model.moments import NOW
from tests.model.rules import Answer, HangUp, KeepAlive, Offer, Report, Write, allows
from tests.model.scenes import FAST
from tests.model.world import Play
from tests.support.documents import SERVER_TIME, Clock, Documents, FromNow
from webrtc_lite.core.machine import CALLER
from webrtc_lite.core.records import Description, Session

A_KIND = 4  # pairs of each kind of session and write, spread over all that were met

type Pair = tuple[Session, Write]


def test_the_real_rules_say_what_the_rules_of_the_model_say(documents: Documents) -> None:
    Clock.set()
    pairs = list(sample())
    differ = [
        (session, write) for session, write in pairs if is_allowed(documents, session, write) != said(session, write)
    ]

    assert not differ, f"{len(differ)} of {len(pairs)}"
    for kind in (Offer, Answer, Report, KeepAlive, HangUp):
        assert {said(session, write) for session, write in pairs if isinstance(write, kind)} == {True, False}
    assert len(pairs) > 300


def said(session: Session, write: Write) -> bool:
    return allows(session, write, NOW)


def sample() -> Iterator[Pair]:
    """The same ones every time: of each kind the first that was met, the last, and some between."""
    kinds: dict[object, list[Pair]] = defaultdict(list)
    for scene in [scene for scene in FAST if len(scene.calls) == 1 and (scene.announces or scene.revisions > 2)]:
        play = Play(scene)
        explore(play)
        for session in list(play.known):
            for write in play.attempts(session):
                kinds[kind_of(session, write)].append((session, write))
    for pairs in kinds.values():
        step = max(1, (len(pairs) - 1) // (A_KIND - 1))
        yield from pairs[::step][: A_KIND + 1]


def kind_of(session: Session, write: Write) -> object:
    return session.status, session.hangup is None, session.error is None, type(write), write.side, said(session, write)


def is_allowed(documents: Documents, session: Session, write: Write) -> bool:
    path = f"webrtc_sessions/{session.id}"
    documents.seed({path: stored(session)})
    by = session.caller_id if write.side is CALLER else session.callee_id
    return documents.update(path, written(write), by)


# --- as documents


def stored(session: Session) -> dict[str, Any]:
    """Every field that the rules look at."""
    accepted, error, hangup = session.accepted, session.error, session.hangup
    present = {
        "caller_id": session.caller_id,
        "callee_id": session.callee_id,
        "media": session.media,
        "status": session.status.value,
        "created_at": moment(session.created_at),
        "deadline": session.deadline and moment(session.deadline),
        "offer": session.offer and description("offer", session.offer),
        "answer": session.answer and description("answer", session.answer),
        "ice_state": {side.value: state.value for side, state in session.ice_state.items()},
        "alive_at": {side.value: moment(at) for side, at in session.alive_at.items()},
        "accepted": accepted and {"offer": accepted.offer, "answer": accepted.answer},
        "error": error and {"field": error.field, "revision": error.revision},
        "hangup": hangup and {"by": hangup.by.value, "reason": hangup.reason, "at": moment(hangup.at)},
    }
    return {name: value for name, value in present.items() if value}


def moment(at: datetime) -> FromNow:
    return FromNow(at - NOW)


def description(kind: str, described: Description) -> dict[str, Any]:
    said = {"type": kind, "sdp": described.sdp, "revision": described.revision, "from": described.by.value}
    return said | ({"device_id": described.device_id} if described.device_id else {})


@singledispatch
def written(write: object) -> dict[str, Any]:
    """As an SDK sends it."""
    raise TypeError(write)


@written.register
def _(write: Offer) -> dict[str, Any]:
    return {"offer": description("offer", Description(write.sdp, write.revision, write.side))}


@written.register
def _(write: Answer) -> dict[str, Any]:
    return {"answer": description("answer", Description(write.sdp, write.revision, write.side, write.device_id))}


@written.register
def _(write: Report) -> dict[str, Any]:
    return {f"ice_state.{write.side.value}": write.state.value}


@written.register
def _(write: KeepAlive) -> dict[str, Any]:
    return {f"alive_at.{write.side.value}": SERVER_TIME}


@written.register
def _(write: HangUp) -> dict[str, Any]:
    return {"hangup": {"by": write.side.value, "reason": write.reason, "at": SERVER_TIME}}
