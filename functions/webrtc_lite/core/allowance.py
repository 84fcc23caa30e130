"""How long a caller may let people ring who do not answer.

Whoever is rung is engaged, and nobody else reaches them: a caller who redials for ever would take somebody's phone out
of use. So unanswered ringing adds up, in an account that drains four times slower than it fills; a call that is
answered adds nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from webrtc_lite.core.deadlines import Durations
from webrtc_lite.core.records import Session

DRAINS = 4  # times slower than it fills
LEAST = timedelta(seconds=2)  # of a call: who hangs up at once has made a phone ring all the same


@dataclass(frozen=True)
class Ringing:
    """A caller's account as it stood at a moment, and the call since then that is not in it."""

    unanswered: timedelta
    at: datetime
    last: Session | None = None


def by(now: datetime, ringing: Ringing | None, durations: Durations) -> timedelta:
    """What a caller has on the account. One without an account has never called anybody."""
    if ringing is None:
        return timedelta()
    drained = max(now - ringing.at, timedelta()) / DRAINS
    return max(ringing.unanswered - drained, timedelta()) + _rang(ringing.last, now, durations)


def is_left(unanswered: timedelta, durations: Durations) -> bool:
    """Whether one more call may ring to its end."""
    return unanswered + durations.ring <= durations.unanswered


def _rang(call: Session | None, now: datetime, durations: Durations) -> timedelta:
    if call is None or call.offered_at is None or call.answered_at is not None:
        return timedelta()
    return min(max((call.ended_at or now) - call.offered_at, LEAST), durations.ring)
