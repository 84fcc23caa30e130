"""The use cases of the relay: credentials for a signed-in user, and a look at whether they would be of use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from webrtc_lite.core import pool, turn
from webrtc_lite.core.errors import BudgetExhaustedError, InvalidFieldError

if TYPE_CHECKING:  # a cold start without a session_id needs neither
    from webrtc_lite.core.deadlines import Durations
    from webrtc_lite.core.records import Session

PROBE = "webrtc-lite-probe"  # the name under which a relay knows the probe

# --- what the edge has to bring


class Reader(Protocol):
    def read(self, session_id: str) -> Session | None: ...


class Asked(Protocol):
    """A checked request for relay credentials."""

    @property
    def ttl(self) -> int: ...

    @property
    def session_id(self) -> str | None: ...

    @property
    def region(self) -> str | None: ...


class Found(Protocol):
    """How one way to a relay stood up to a probe."""

    @property
    def way(self) -> turn.Way: ...

    @property
    def problem(self) -> str: ...

    @property
    def certificate_days(self) -> int | None: ...


type Look[Finding: Found] = Callable[[Sequence[turn.Way], turn.Grant], Sequence[Finding]]
# --- credentials


@dataclass(frozen=True)
class Desk:
    """Where relay credentials are given out. What costs something is fetched only where it is needed."""

    terms: pool.Terms
    spend: Callable[[str, int], int]  # of a user's budget: how many seconds to wait, 0 for none
    state: Callable[[pool.Pool], pool.State]
    sessions: Callable[[], Reader]
    durations: Callable[[], Durations]

    def issue(self, uid: str, asked: Asked, now: datetime) -> turn.Grant:
        """Relay credentials for a signed-in user; who names a session has to take part in it, and it has to go on."""
        if self.terms.session_required and asked.session_id is None:
            raise InvalidFieldError(
                "session_id has to be given: this deployment issues credentials for a live call only.",
                field="session_id",
                hint="The caller creates the session first, the callee takes it from the call that rings.",
            )
        seconds = int(now.timestamp())
        wait = self.spend(uid, seconds)
        if wait:
            raise BudgetExhaustedError(
                "This user has asked too often.",
                hint=f"Ask again in {wait} s. One reply is good for every call until its refresh_at.",
            )
        relays = self.terms.pool
        state = self.state(relays) if relays.has_state else pool.State()
        granted = turn.grant(relays.members[0].relay, uid, asked.ttl, seconds)
        granted = pool.addressed(granted, relays, state, uid, asked.region)
        if asked.session_id is not None:
            from webrtc_lite.core import binding  # noqa: PLC0415 (as above)

            binding.check(uid, self.sessions().read(asked.session_id), now, self.durations())
        return granted


# --- probing


@dataclass(frozen=True)
class Probed:
    """What one probe found: `dead` says of each URI why, `certificate_days` what the first to end has left."""

    answered: int
    dead: Mapping[str, str]
    certificate_days: int | None


def probe[Finding: Found](relays: pool.Pool, look: Look[Finding], pause: Callable[[], None], now: datetime) -> Probed:
    """How every way stands up. What fails is asked once more, so that one lost packet takes nothing off the list."""
    granted = turn.grant(relays.members[0].relay, PROBE, turn.TTL_MIN, int(now.timestamp()))
    found = {finding.way: finding for finding in look(pool.every_way(relays), granted)}
    failed = [way for way, finding in found.items() if finding.problem]
    if failed:
        pause()
        found |= {finding.way: finding for finding in look(failed, granted)}
    days = [finding.certificate_days for finding in found.values() if finding.certificate_days is not None]
    dead = {way.uri: finding.problem for way, finding in found.items() if finding.problem}
    return Probed(len(found) - len(dead), dead, min(days, default=None))
