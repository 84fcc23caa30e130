"""A call of which every event arrives beside the same call of which every event is lost (SPEC 2, "A lost event").

The same is said in both, at the same moments. One is settled at once, the other by the sweep only. Where the delay
makes a difference to what may be said (nobody answers a call that does not ring yet), or a session is overdue in one of
them, the two stories part, and are compared as they stand, left alone from there.

One loss does change an end, and is left out here: a side reports ICE `connected` and takes that back (`failed`) before
any settling saw it. Of the first report nothing is left, so the call was never connected: it ends `failed` at its
deadline, where the other one is connected and ends `expired`. This model found it.
"""

from collections import deque
from functools import cache
from typing import NamedTuple

from tests.model.moments import NOW, SHORT, TICK, canonical, older
from tests.model.rules import Report, Write, allows, said
from tests.model.sweep import is_found
from tests.model.world import Explored, Play, Scene, require
from webrtc_lite.core.deadlines import due
from webrtc_lite.core.machine import TERMINAL, Status
from webrtc_lite.core.records import EndReason, IceState, Session
from webrtc_lite.core.session import settle

SAME_END = "a lost event changes no end"
SWEPT_AFTER = 1  # ticks, at most


class Pair(NamedTuple):
    told: int  # all events arrive
    swept: int  # none does
    ago: int  # ticks since the sweep came by


def explored(scene: Scene) -> Explored:
    return explore(Play(scene))


def explore(play: Play) -> Explored:
    start = [Pair(settled(play, number), number, 0) for number in play.made(0)]
    seen, waiting, transitions = set(start), deque(start), 0
    end = cache(lambda number: ends(play.known[number]))
    while waiting:
        pair = waiting.popleft()
        told, swept = end(pair.told), end(pair.swept)
        require(SAME_END, told is swept, f"{told} and {swept}: {play.known[pair.told]} {play.known[pair.swept]}")
        for after in moves(play, pair):
            transitions += 1
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return Explored(f"lost events: {play.scene.name}", len(seen), transitions)


def moves(play: Play, pair: Pair) -> list[Pair]:
    told, swept = play.known[pair.told], play.known[pair.swept]
    after = []
    if due(told, SHORT) > NOW and due(swept, SHORT) > NOW:
        for write in play.attempts(swept):
            if allows(told, write, NOW) and allows(swept, write, NOW) and not unsays(swept, write):
                both = (put(play, told, write), put(play, swept, write))
                after.append(Pair(settled(play, both[0]), both[1], pair.ago))
    if is_found(swept, NOW):
        after.append(Pair(pair.told, settled(play, pair.swept), 0))
    if pair.ago < SWEPT_AFTER:
        later = play.number(older(told)), play.number(older(swept))
        after.append(Pair(settled(play, later[0]), later[1], pair.ago + 1))
    return after


def unsays(session: Session, write: Write) -> bool:
    """Takes back a connection of which the server has not heard."""
    known = session.status is Status.CONNECTED
    return not known and isinstance(write, Report) and session.ice_state.get(write.side) is IceState.CONNECTED


def put(play: Play, session: Session, write: Write) -> int:
    return play.number(canonical(said(session, write, NOW)))


def settled(play: Play, number: int) -> int:
    change = play.judged(number, 0, ())
    return play.number(canonical(change.after)) if change else number


def ends(session: Session) -> EndReason | None:
    """By the sweep, if nobody says anything any more."""
    moment = NOW
    while session.status not in TERMINAL:
        change = settle(session, (), moment, SHORT) if is_found(session, moment) else None
        session = change.after if change else session
        moment += TICK
    return session.end_reason
