"""The use cases: each takes what the edge has parsed, and decides nothing that the core can decide."""

from webrtc_lite.core import turn


def issue(relay: turn.Relay, uid: str, ttl: int, now: int) -> turn.Grant:
    """Relay credentials for a signed-in user."""
    return turn.grant(relay, uid, ttl, now)
