"""Whose relay credentials a session stands for, and for how long (SPEC 3.5)."""

from datetime import datetime

from webrtc_lite.core.deadlines import Durations, due
from webrtc_lite.core.errors import NotAParticipantError, SessionEndedError
from webrtc_lite.core.machine import TERMINAL, Status
from webrtc_lite.core.records import IceState, Session


def check(uid: str, session: Session | None, now: datetime, durations: Durations) -> None:
    """Refuses whoever takes no part in it, and both who do once it is over."""
    if session is None or uid not in (session.caller_id, session.callee_id):
        raise NotAParticipantError(
            "The session_id is not that of a call of yours.",
            field="session_id",
            hint="Only the caller and the callee of a session that exists get credentials for it.",
        )
    if not goes_on(session, now, durations):
        raise SessionEndedError(
            "The call has ended.", field="session_id", hint="A new call is a new session with a new id."
        )


def goes_on(session: Session, now: datetime, durations: Durations) -> bool:
    """As if settled now: who waits for a sweep would relay through a call that nobody has."""
    if session.status in TERMINAL or session.hangup is not None:
        return False
    return now < due(session, durations) or _further_than_the_server_knows(session)


def _further_than_the_server_knows(session: Session) -> bool:
    """Evidence counts before the clock: an answer that stands was in time, a side that is connected is connected."""
    if session.status is Status.OFFERED:
        return session.answer is not None
    return session.status is Status.ANSWERED and IceState.CONNECTED in session.ice_state.values()
