"""What ends when; what may be deleted, and when (SPEC section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from webrtc_lite.core.machine import Actor, Status

if TYPE_CHECKING:  # durations are read by who loads no session
    from webrtc_lite.core.records import Session


@dataclass(frozen=True)
class Durations:
    """How long things last, in the deployment's own measure, and what else of it calls are judged by.

    The bounds stand where they are read: edge/config.py.
    """

    offer: timedelta = timedelta(seconds=30)  # from created_at to a first offer
    settled: timedelta = timedelta(seconds=120)  # from created_at to a server that looks; later than that nobody rings
    ring: timedelta = timedelta(seconds=30)
    connect: timedelta = timedelta(seconds=30)
    unanswered: timedelta = timedelta(minutes=10)  # of ringing that a caller may pile up: core/allowance.py
    lease: timedelta = timedelta(minutes=15)  # one side silent for longer than this has crashed
    session_kept: timedelta = timedelta(hours=1)
    history_kept: timedelta = timedelta(days=90)
    warn_only: frozenset[str] = frozenset()  # codes of the checks of descriptions that refuse nothing here


def due(session: Session, durations: Durations) -> datetime:
    """The moment at which a live session ends by itself. A pending one has no deadline in its document yet."""
    if session.status is Status.PENDING:
        return session.created_at + (durations.offer if session.offer is None else durations.settled)
    if session.status is Status.CONNECTED:
        return max(leased_until(session, durations), session.deadline or session.created_at)
    # Live sessions past pending have a deadline: we wrote it. One without, which only a hand could make, is overdue.
    return session.deadline or session.created_at


def leased_until(session: Session, durations: Durations) -> datetime:
    """Both sides have to keep a call alive: the one that was heard of longest ago counts."""
    connected_at = session.connected_at or session.created_at
    heard = (session.alive_at.get(side, connected_at) for side in (Actor.CALLER, Actor.CALLEE))
    return min(heard) + durations.lease


def may_be_purged(session: Session, now: datetime) -> bool:
    """Only what has ended, and only when its time is up: a live call is never deleted, however long it lasts."""
    return session.status is Status.ENDED and session.expires_at is not None and session.expires_at <= now
