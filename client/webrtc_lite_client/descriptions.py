"""What has to be known of an engine's description; and descriptions that no engine made, for paper calls. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from webrtc_lite_client.candidates import Candidate

FINGERPRINT = re.compile(r"^a=fingerprint:(.+?)\r?$", re.MULTILINE)
BEYOND_THE_NET = "192.0.2.1"  # RFC 5737: nobody's address

# Nothing but a data channel: the least that RFC 8841 and RFC 8842 ask of a description.
PAPER = """\
v=0
o=- {number} 1 IN IP4 127.0.0.1
s=-
t=0 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=fingerprint:sha-256 {fingerprint}
a=setup:{setup}
a=mid:0
"""
NONSENSE = "v=0\r\nNothing that an engine would write.\r\n"  # begins as a description, so the rules let it through


def is_new_connection(known: str, offered: str) -> bool:
    """Whether a re-offer comes from a new peer connection: it has none of the old fingerprints (SPEC section 4)."""
    old = set(map(str.lower, FINGERPRINT.findall(known)))
    return old.isdisjoint(map(str.lower, FINGERPRINT.findall(offered)))


def paper(setup: str, token: Callable[[int], str]) -> tuple[str, list[Candidate]]:
    """A description that the server takes for one of a new peer connection. `token(n)` gives n hexadecimal bytes."""
    ufrag = token(4)
    octets = re.findall("..", token(32).upper())
    fields = {"number": int(token(4), 16), "ufrag": ufrag, "pwd": token(12), "fingerprint": ":".join(octets)}
    line = f"candidate:1 1 udp 1 {BEYOND_THE_NET} 9 typ relay raddr 0.0.0.0 rport 0"
    candidate = Candidate(candidate=line, sdpMid="0", sdpMLineIndex=0, usernameFragment=ufrag)
    return PAPER.format(setup=setup, **fields).replace("\n", "\r\n"), [candidate]
