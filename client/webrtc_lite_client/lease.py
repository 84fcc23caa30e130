"""The lease of a connected call: each side says every ten minutes that it is still there (SPEC section 2). Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

ALIVE_EVERY_S = 600.0  # the lease is 15 minutes, and the rules refuse signs of life that come sooner than 5 apart


@dataclass(frozen=True)
class Lease:
    due: float = math.inf

    def connected(self, now: float) -> Lease:
        """The session says `connected`; it may say so many times."""
        return self if math.isfinite(self.due) else Lease(now + ALIVE_EVERY_S)

    def look(self, now: float) -> tuple[Lease, bool]:
        """What follows, and whether to give a sign of life now. One that is lost is not repeated: the next counts."""
        if now < self.due:
            return self, False
        return Lease(now + ALIVE_EVERY_S), True
