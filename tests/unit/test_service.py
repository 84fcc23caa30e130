"""service.py."""

from webrtc_lite import service
from webrtc_lite.core.turn import Relay, grant


def test_what_is_issued_is_the_grant_of_the_core() -> None:
    relay = Relay("turn.example.com", 3478, (), "north-star-of-the-relay")
    assert service.issue(relay, "alice", 60, 1000) == grant(relay, "alice", 60, 1000)
