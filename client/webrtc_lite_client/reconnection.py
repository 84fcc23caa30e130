"""STABLE → RECONNECTING → FAILED: when a call that has lost its connection tries again (SPEC section 8).

Three attempts, 1, 2 and 4 s after what went before, each with a new peer connection: aiortc cannot restart ICE. One
that has no chance is not spent: while the relay is down this side waits, for two minutes at most. Whatever connects
meanwhile (the other side's attempt, say) ends it, also after FAILED.

Pure: the clock is an argument, and what to do is a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

AFTER_S = (1.0, 2.0, 4.0)
ATTEMPT_S = 8.0  # of that ICE needs under one; the rest is for a slow network, and for the other side's app
LOOK_S = 0.5
PATIENCE_S = 120.0


class State(StrEnum):
    STABLE = "stable"
    RECONNECTING = "reconnecting"
    FAILED = "failed"


@dataclass(frozen=True)
class Reconnection:
    state: State = State.STABLE
    attempts: int = 0
    due: float = math.inf  # when to look again; until then there is nothing to do
    patience_ends: float = math.inf

    def lost(self, now: float) -> Reconnection:
        """ICE has failed, or nothing has come for too long."""
        if self.state is not State.STABLE:
            return self
        return Reconnection(State.RECONNECTING, 0, now + AFTER_S[0], now + PATIENCE_S)

    def connected(self) -> Reconnection:
        return Reconnection()

    def is_due(self, now: float) -> bool:
        return now >= self.due

    def look(self, now: float, *, ready: bool) -> tuple[Reconnection, bool]:
        """What follows, and whether to make an attempt now. `ready`: the relay gives allocations."""
        if not self.is_due(now):
            return self, False
        if self.attempts == len(AFTER_S) or (not ready and now >= self.patience_ends):
            return replace(self, state=State.FAILED, due=math.inf), False
        if not ready:
            return replace(self, due=now + LOOK_S), False
        made = self.attempts + 1
        pause = AFTER_S[made] if made < len(AFTER_S) else 0.0
        return replace(self, attempts=made, due=now + ATTEMPT_S + pause), True
