"""The relays of a deployment: which of them a user is given, in which order (SPEC section 5)."""

import hashlib
import math
from dataclasses import dataclass, field, replace

from webrtc_lite.core.errors import CutOffError, NoHealthyRelayError
from webrtc_lite.core.turn import Grant, Relay, Way, stun_uri, ways

# Of the last probe, in seconds. They come every minute: after five that are missing nobody knows better than to try.
VERDICT_COUNTS = 300


@dataclass(frozen=True)
class Member:
    """A relay, where it stands, and its share of the users who are near."""

    relay: Relay
    region: str = ""
    weight: int = 1


@dataclass(frozen=True)
class Pool:
    """Relays that share one secret, so that one credential opens all of them."""

    members: tuple[Member, ...]
    region: str = ""  # of whoever asks for none
    cut_off_list: bool = False  # whether the operator keeps one
    relay_only: bool = False  # whether clients are to hide their addresses from each other

    @property
    def has_state(self) -> bool:
        """Whether there is anything to look up: not with one relay, which is issued dead or alive, and no list."""
        return len(self.members) > 1 or self.cut_off_list


@dataclass(frozen=True)
class Terms:
    """On which a deployment gives credentials away."""

    pool: Pool
    session_required: bool = False  # whether a request has to name a live session
    issues_per_user: int = 600  # in a window, of one instance; 0 is no bound
    window: int = 600  # seconds


@dataclass(frozen=True)
class State:
    """The one small document: what the probe found, and whom the operator has cut off."""

    dead: frozenset[str] = frozenset()  # URIs
    probed_at: int = 0  # unix seconds
    cut_off: frozenset[str] = field(default=frozenset(), repr=False)


def every_way(pool: Pool) -> tuple[Way, ...]:
    return tuple(way for member in pool.members for way in ways(member.relay))


def addressed(granted: Grant, pool: Pool, state: State, uid: str, region: str | None) -> Grant:
    """What was granted, for every way that is alive: the relays of the region that was asked for first."""
    if uid in state.cut_off:
        raise CutOffError("This user gets no relay credentials.", hint="The operator has cut this user off.")
    dead = state.dead if granted.server_time - state.probed_at < VERDICT_COUNTS else frozenset()
    uris: list[str] = []
    stun_uris: list[str] = []
    for member in in_order(pool, uid, region):
        alive = [way for way in ways(member.relay) if way.uri not in dead]
        uris += [way.uri for way in alive]
        # STUN is asked over the same UDP port as TURN: where that does not answer, neither will this.
        stun_uris += [stun_uri(member.relay) for way in alive if way.transport == "udp" and not pool.relay_only]
    if not uris:
        raise NoHealthyRelayError(
            "No relay answers at the moment.", hint="Try again in a minute: relays are probed that often."
        )
    return replace(granted, uris=tuple(uris), stun_uris=tuple(stun_uris))


def in_order(pool: Pool, uid: str, region: str | None) -> list[Member]:
    """Nearest first: the region that was asked for, then the deployment's own, then the rest; in each by weight."""
    wanted = (region or pool.region).casefold()
    home = pool.region.casefold()

    def rank(member: Member) -> tuple[bool, bool, float]:
        here = member.region.casefold()
        return here != wanted, here != home, _draw(uid, member)

    return sorted(pool.members, key=rank) if len(pool.members) > 1 else list(pool.members)


def _draw(uid: str, member: Member) -> float:
    """A user's own draw of a relay, the same every time, so that its calls stay where they are.

    The first of several exponential draws is each with the odds of its weight (weighted rendezvous hashing).
    """
    text = f"{member.relay.host}:{member.relay.port} {uid}"
    number = int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8], "big")
    return -math.log((number + 1) / (2**64 + 1)) / member.weight
