"""Texts of any size that are made to take time: what a shape is called -> a text of about so many characters."""

from collections.abc import Callable

HOSTILE: dict[str, Callable[[int], str]] = {
    "blank lines": lambda size: "\n" * size,
    "sections of nothing": lambda size: "m=\n" * (size // 3),
    "sections": lambda size: "m=a 1 b c\n" * (size // 10),
    "attributes": lambda size: "a=b\n" * (size // 4),
    "attributes of many names": lambda size: "".join(f"a={number}\n" for number in range(size // 7)),
    "line ends of nobody": lambda size: "\r" * size,
    "one m= line": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF" + " 1" * (size // 2),
    "an m= line that fails at its end": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF" + " 1" * (size // 2) + " x",
    "spaces": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF 1" + " " * size + "x",
    "digits": lambda size: "m=a " + "1" * size,
    "a crowd in one bundle": lambda size: (
        "a=group:BUNDLE" + " 0" * (size // 4) + "\n" + "m=a 1 b c\na=mid:0\n" * min(31, size // 36)
    ),
    "bundles of one": lambda size: "a=group:BUNDLE 0\n" * (size // 17) + "m=a 1 b c\na=mid:0\n",
    "a leader that says nothing": lambda size: (
        "a=group:BUNDLE 0\nm=a 1 b c\na=mid:0\n" + "a=setup:\n" * (size // 9) + "m=a 1 b c\na=mid:0\n" * 30
    ),
    "a session that says much": lambda size: (
        "a=fingerprint:x\n" * (size // 16) + "m=audio 1 UDP/TLS/RTP/SAVPF 0\n" * 31
    ),
    "contradictions": lambda size: (
        "m=audio 1 UDP/TLS/RTP/SAVPF 0\n" + "a=setup:active\na=setup:passive\n" * (size // 31)
    ),
    "payload types": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF 0\n" + "a=rtpmap:0 x\n" * (size // 13),
    "disorder": lambda size: "t=0 0\ns=-\n" * (size // 10),
    "origins": lambda size: "o=" + "a " * (size // 2),
    "fingerprints": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF 0\na=fingerprint:x " + "AB:" * (size // 3),
    "candidates": lambda size: (
        "m=audio 1 UDP/TLS/RTP/SAVPF 0\n" + "a=candidate:1 1 udp 1 ::1 1 typ host\n" * (size // 37)
    ),
    "one candidate": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF 0\na=candidate:1 1 udp 1 a typ" + " host" * (size // 5),
    "an address": lambda size: (
        "m=audio 1 UDP/TLS/RTP/SAVPF 0\na=candidate:1 1 udp 1 " + "1:" * (size // 2) + " 1 typ host"
    ),
    "a name": lambda size: "m=audio 1 UDP/TLS/RTP/SAVPF 0\na=candidate:1 1 udp 1 " + "a." * (size // 2) + " 1 typ host",
}
