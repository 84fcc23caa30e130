"""The use cases of sessions: each takes what the edge has parsed, and decides nothing that the core can decide.

Those of the relay are in issuing.py: a callable that starts cold is spared everything that settles a call.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Protocol

from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.deadlines import Durations, may_be_purged
from webrtc_lite.core.machine import TERMINAL
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change, settle

SWEEP_MAX = 5_000  # sessions of one query in one run: what is over it comes next minute
SWEEPERS = 8  # at a time: each waits for Firestore most of the time
PAGE = 64  # sessions that wait for the sweepers
PURGE_MAX = 2_000  # sessions of one run

# --- what the edge has to bring


class Snapshot(Protocol):
    """A session as it was read; an old one does no harm."""

    @property
    def session_id(self) -> str: ...

    def remains(self) -> Session | None: ...


type Decide = Callable[[Session, Sequence[Session], Ringing | None], Change | None]


class Sessions[Seen: Snapshot](Protocol):
    @property
    def unreadable(self) -> type[Exception]:
        """What `settle` raises for a session whose essentials cannot be read."""

    def settle(self, seen: Seen, decide: Decide) -> Change | None:
        """`decide` is asked again, with the others of the two people, where its change would let the session ring."""

    def end_unreadable(self, seen: Seen, problem: Exception, now: datetime, kept: timedelta) -> bool: ...

    def due(self, now: datetime) -> Iterable[Iterable[Seen]]: ...

    def expired(self, now: datetime) -> Iterable[Seen]: ...

    def purge(self, seen: Seen) -> int | None: ...


class Journal(Protocol):
    def session_settled(self, change: Change) -> None: ...

    def session_failed(self, session_id: str, error: Exception) -> None: ...


type Clock = Callable[[], datetime]

# --- settling


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    looked_at: int = 0
    changed: int = 0
    ended: int = 0  # of those changed
    unreadable: int = 0
    failed: int = 0
    more: bool = False  # something was left for the next run


@dataclass(frozen=True)
class Purged:
    """What one purge did."""

    looked_at: int = 0
    sessions: int = 0
    documents: int = 0  # the sessions and everything below them
    spared: int = 0  # alive, or no longer as they were found: changed, or gone
    failed: int = 0
    more: bool = False


def settle_one[Seen: Snapshot](
    sessions: Sessions[Seen], journal: Journal, seen: Seen, now: datetime, durations: Durations
) -> Swept:
    """Takes a session as far as it goes. Whatever goes wrong is told and stays with this session: a sweep follows."""
    try:
        return _settle(sessions, journal, seen, now, durations)
    except Exception as error:  # noqa: BLE001 (no error of one session may reach another)
        journal.session_failed(seen.session_id, error)
        return Swept(looked_at=1, failed=1)


def _settle[Seen: Snapshot](
    sessions: Sessions[Seen], journal: Journal, seen: Seen, now: datetime, durations: Durations
) -> Swept:
    try:
        change = sessions.settle(
            seen, lambda session, others, ringing: settle(session, others, now, durations, ringing)
        )
    except sessions.unreadable as problem:
        ended = sessions.end_unreadable(seen, problem, now, durations.session_kept)
        return Swept(looked_at=1, changed=int(ended), ended=int(ended), unreadable=1)
    if change is None:
        return Swept(looked_at=1)
    changes = (change, *change.others)
    for each in changes:
        journal.session_settled(each)
    return Swept(looked_at=1, changed=len(changes), ended=sum(each.after.status in TERMINAL for each in changes))


def sweep[Seen: Snapshot](
    sessions: Sessions[Seen], journal: Journal, clock: Clock, durations: Durations, at_most: int = SWEEP_MAX
) -> Swept:
    """Settles every session that time moves, and every one whose event was lost. A query at most so many at a time."""
    done: list[Swept] = []
    more = False
    looked_at: set[str] = set()
    with ThreadPoolExecutor(SWEEPERS) as sweepers:
        for found in map(iter, sessions.due(clock())):
            for several in batched(islice(found, at_most), PAGE):
                new = [seen for seen in several if seen.session_id not in looked_at]
                looked_at.update(seen.session_id for seen in new)
                done += sweepers.map(lambda seen: settle_one(sessions, journal, seen, clock(), durations), new)
            more |= next(found, None) is not None
    return Swept(
        looked_at=sum(each.looked_at for each in done),
        changed=sum(each.changed for each in done),
        ended=sum(each.ended for each in done),
        unreadable=sum(each.unreadable for each in done),
        failed=sum(each.failed for each in done),
        more=more,
    )


# --- purging


def purge[Seen: Snapshot](
    sessions: Sessions[Seen], journal: Journal, now: datetime, at_most: int = PURGE_MAX
) -> Purged:
    """Deletes the sessions that ended long enough ago, the oldest first, with everything below them."""
    done = []
    more = False
    for number, seen in enumerate(sessions.expired(now)):
        if number == at_most:
            more = True
            break
        done.append(_purge_one(sessions, journal, seen, now))
    return Purged(
        looked_at=len(done),
        sessions=sum(each.sessions for each in done),
        documents=sum(each.documents for each in done),
        spared=sum(each.spared for each in done),
        failed=sum(each.failed for each in done),
        more=more,
    )


def _purge_one[Seen: Snapshot](sessions: Sessions[Seen], journal: Journal, seen: Seen, now: datetime) -> Purged:
    remains = seen.remains()
    if remains is None or not may_be_purged(remains, now):
        return Purged(spared=1)
    try:
        deleted = sessions.purge(seen)
    except Exception as error:  # noqa: BLE001 (no error of one session may reach another)
        journal.session_failed(seen.session_id, error)
        return Purged(failed=1)
    return Purged(spared=1) if deleted is None else Purged(sessions=1, documents=deleted)
