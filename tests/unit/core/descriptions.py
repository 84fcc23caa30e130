"""Captured descriptions, and what tests change in them.

`python -m tests.unit.core.descriptions` writes tests/sdp/bad/ anew: of every rule one description that breaks it and
no other, derived from one that an engine wrote.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "sdp"
BAD = CORPUS / "bad"

TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")

type Change = Callable[[str], str]


def captured(name: str) -> str:
    return (CORPUS / name).read_bytes().decode()


OFFER = captured("chromium/av-full.offer.sdp")
ANSWER = captured("chromium/av-full.answer.sdp")
DATA_OFFER = captured("firefox/av-dc-full.offer.sdp")
DATA_ANSWER = captured("firefox/av-dc-full.answer.sdp")
FIRST_OFFER = captured("chromium/hold-full.initial.offer.sdp")
FIRST_ANSWER = captured("chromium/hold-full.initial.answer.sdp")
REOFFER = captured("chromium/hold-full.offer.sdp")


def drop(pattern: str, count: int = 0) -> Change:
    """Without the lines that start with the pattern: the first `count`, or all."""
    return swap(rf"(?m)^(?:{pattern})[^\n]*\n", "", count)


def swap(pattern: str, new: str, count: int = 0) -> Change:
    def changed(text: str) -> str:
        result, changes = re.subn(pattern, lambda _: new, text, count=count)
        assert changes, f"{pattern} stands nowhere"
        return result

    return changed


def both(first: Change, second: Change) -> Change:
    return lambda text: second(first(text))


def line_of(text: str, start: str, nth: int = 0) -> int:
    return [number for number, line in enumerate(text.split("\r\n"), 1) if line.startswith(start)][nth]


def parts(text: str) -> list[str]:
    """The session's lines, then a section's each."""
    return re.split(r"(?m)^(?=m=)", text)


def rejected(text: str, index: int) -> str:
    """A section as bare as the grammar lets it be."""
    head, *sections = parts(text)
    kind = sections[index].split(" ")[0]
    return head + "".join([*sections[:index], f"{kind} 0 UDP/TLS/RTP/SAVPF 0\r\n", *sections[index + 1 :]])


def filled(size: int) -> Change:
    """Up to that many bytes, in more bytes than characters."""

    def changed(text: str) -> str:
        lines, rest = divmod(size - len(text), len("a=filé\r\n".encode()))
        return text.replace("s=-", "s=-" + "x" * rest) + "a=filé\r\n" * lines

    return changed


def sections(number: int) -> Change:
    """That many, with rejected ones at the end."""
    return lambda text: text + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n" * (number - text.count("\r\nm="))


def alone(text: str) -> str:
    """Each section with a transport of its own."""
    return drop("a=group:BUNDLE")(text)


def new_connection(text: str) -> str:
    """As a page that was reloaded writes it: the same, of a new peer connection."""
    return renewed("fingerprint", renewed("ice-ufrag", renewed("ice-pwd", text)))


def renewed(name: str, text: str) -> str:
    if name == "fingerprint":
        return re.sub(r"(?m)(?<=^a=fingerprint:sha-256 )..", "00", text)
    return re.sub(rf"(?m)(?<=^a={name}:).", "+", text)


# --- tests/sdp/bad


@dataclass(frozen=True)
class Bad:
    """How a description with one defect comes from a captured one; a re-offer follows Chromium's hold-full.initial."""

    base: str
    change: Change

    @property
    def kind(self) -> str:
        return self.base.split(".")[-2] if "hold-full.offer" not in self.base else "reoffer"

    def text(self) -> str:
        return self.change(captured(self.base))


def files() -> dict[str, bytes]:
    """tests/sdp/bad/ as it has to be."""
    return {
        **{f"{code}.{bad.kind}.sdp": bad.text().encode(errors="surrogateescape") for code, bad in BROKEN.items()},
        **{f"{code}.answered.sdp": bad.text().encode() for code, bad in ANSWERED.items()},
        **{
            f"{code}.candidates.json": (json.dumps(batch, indent=1) + "\n").encode()
            for code, batch in BROKEN_BATCHES.items()
        },
    }


AV_OFFER, AV_ANSWER, HOLD = "chromium/av-full.offer.sdp", "chromium/av-full.answer.sdp", "chromium/hold-full.offer.sdp"
FIREFOX, PLAIN, AIORTC = "firefox/av-dc-full.offer.sdp", "chromium/audio-trickle.offer.sdp", "aiortc/av-full.offer.sdp"

BROKEN: Mapping[str, Bad] = {
    "sdp_too_large": Bad(AV_OFFER, filled(65_537)),
    "sdp_lone_surrogate": Bad("chromium/dc-trickle.offer.sdp", swap("s=-", "s=\udcff")),
    "sdp_control_character": Bad(PLAIN, swap("s=-", "s=-\u2028m=video 9 RTP/AVP 0")),
    "sdp_too_many_sections": Bad(PLAIN, sections(33)),
    "sdp_malformed_line": Bad(FIREFOX, swap("a=msid-semantic:", "msid-semantic:")),
    "sdp_malformed_attribute": Bad(PLAIN, swap("a=rtcp-rsize", "a= rtcp-rsize")),
    "sdp_unknown_line": Bad(AV_OFFER, swap("a=extmap-allow-mixed", "x=extmap-allow-mixed", 1)),
    "sdp_line_too_long": Bad(PLAIN, swap("a=rtcp-rsize", "a=rtcp-rsize " + "x" * 16_384)),
    "sdp_no_version": Bad(FIREFOX, drop("v=")),
    "sdp_no_origin": Bad("aiortc/dc-full.offer.sdp", drop("o=")),
    "sdp_no_session_name": Bad("wrtc/dc-full.offer.sdp", drop("s=")),
    "sdp_no_timing": Bad("firefox/dc-full.offer.sdp", drop("t=")),
    "sdp_repeated_line": Bad("wrtc/dc-full.offer.sdp", swap("s=-", "s=-\r\ns=again")),
    "sdp_line_order": Bad("firefox/dc-full.offer.sdp", swap("s=-\r\nt=0 0", "t=0 0\r\ns=-")),
    "sdp_malformed_origin": Bad("aiortc/dc-full.offer.sdp", swap("IN IP4 0.0.0.0", "0.0.0.0", 1)),
    "sdp_empty_session_name": Bad(PLAIN, swap("s=-", "s=")),
    "sdp_malformed_connection": Bad(PLAIN, swap("c=IN IP4 0.0.0.0", "c=0.0.0.0")),
    "sdp_malformed_timing": Bad(PLAIN, swap("t=0 0", "t=now")),
    "sdp_no_media": Bad(PLAIN, both(lambda text: parts(text)[0], drop("a=group:"))),
    "sdp_malformed_media": Bad("wrtc/av-dc-full.offer.sdp", swap("m=video [0-9]+ ", "m=video ")),
    "sdp_unsupported_media": Bad("wrtc/av-dc-full.offer.sdp", swap("m=video", "m=text")),
    "sdp_unsupported_protocol": Bad("chromium/av-trickle.offer.sdp", swap("UDP/TLS/RTP/SAVPF", "RTP/AVP", 1)),
    "sdp_sdes": Bad(
        PLAIN,
        swap("a=rtcp-mux", "a=rtcp-mux\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40),
    ),
    "sdp_malformed_payload_type": Bad(PLAIN, swap("SAVPF 111", "SAVPF opus")),
    "sdp_payload_type_twice": Bad(PLAIN, swap("a=rtpmap:8 ", "a=rtpmap:0 ")),
    "sdp_no_rtcp_mux": Bad(PLAIN, drop("a=rtcp-mux")),
    "sdp_no_ice_ufrag": Bad("aiortc/audio-full.offer.sdp", drop("a=ice-ufrag")),
    "sdp_malformed_ice_ufrag": Bad("aiortc/audio-full.offer.sdp", swap("a=ice-ufrag:.*?(?=\r)", "a=ice-ufrag:abc")),
    "sdp_no_ice_pwd": Bad("firefox/audio-full.offer.sdp", drop("a=ice-pwd")),
    "sdp_malformed_ice_pwd": Bad("firefox/audio-full.offer.sdp", swap("a=ice-pwd:.{11}", "a=ice-pwd:")),
    "sdp_no_fingerprint": Bad("firefox/audio-full.offer.sdp", drop("a=fingerprint")),
    "sdp_malformed_fingerprint": Bad(AIORTC, swap("(?<=a=fingerprint:sha-384 ).{3}", "", 1)),
    "sdp_weak_fingerprint": Bad(
        "chromium/dc-full.offer.sdp", swap("a=fingerprint:sha-256 .{36}", "a=fingerprint:sha-1 ")
    ),
    "sdp_no_setup": Bad("wrtc/audio-full.offer.sdp", drop("a=setup")),
    "sdp_malformed_setup": Bad("wrtc/audio-full.offer.sdp", swap("a=setup:actpass", "a=setup:holdconn")),
    "sdp_malformed_mid": Bad(PLAIN, both(alone, swap("a=mid:0", "a=mid:0 1"))),
    "sdp_repeated_mid": Bad("wrtc/av-full.offer.sdp", both(alone, swap("a=mid:1", "a=mid:0"))),
    "sdp_bundle_unknown_mid": Bad(FIREFOX, swap("BUNDLE 0 1 2", "BUNDLE 0 1 2 3")),
    "sdp_bundled_twice": Bad(FIREFOX, swap("BUNDLE 0 1 2", "BUNDLE 0 1 2\r\na=group:BUNDLE 2")),
    "sdp_contradiction": Bad(PLAIN, swap("a=sendrecv", "a=sendrecv\r\na=inactive")),
    "sdp_malformed_candidate": Bad(AIORTC, swap(" typ host", " host", 1)),
    "sdp_candidate_foundation": Bad(AIORTC, swap("a=candidate:", "a=candidate:0", 1)),
    "sdp_candidate_component": Bad(AV_OFFER, swap("(?<=a=candidate:.{10} )1 udp", "0 udp", 1)),
    "sdp_candidate_transport": Bad(AV_OFFER, swap(" udp ", " sctp ", 1)),
    "sdp_candidate_tcptype": Bad(FIREFOX, swap(" tcptype active", "", 1)),
    "sdp_candidate_priority": Bad(AIORTC, swap(" 2130706431 ", " 2147483648 ", 1)),
    "sdp_candidate_address": Bad("chromium-mdns/dc-full.offer.sdp", swap("[^ ]*\\.local", "10.99.0.256")),
    "sdp_candidate_unusable_address": Bad("wrtc/dc-full.offer.sdp", swap("fd99::1", "ff02::fb", 1)),
    "sdp_candidate_port": Bad(AIORTC, swap("[0-9]+ typ", "65536 typ", 1)),
    "sdp_candidate_type": Bad(AIORTC, swap("typ host", "typ local", 1)),
    "sdp_candidate_extension": Bad(AV_OFFER, swap("generation 0", "generation", 1)),
    "sdp_candidate_related": Bad("chromium/relay-full.offer.sdp", swap(" rport [0-9]+", "", 1)),
    "sdp_offer_setup": Bad("firefox/dc-full.offer.sdp", swap("a=setup:actpass", "a=setup:active")),
    "sdp_video_in_audio_call": Bad("firefox/av-full.offer.sdp", str),
    "sdp_reoffer_setup": Bad(HOLD, swap("a=setup:actpass", "a=setup:active", 1)),
    "sdp_section_removed": Bad(HOLD, both(swap("BUNDLE 0 1", "BUNDLE 0"), lambda text: "".join(parts(text)[:2]))),
    "sdp_section_replaced": Bad(HOLD, both(swap("BUNDLE 0 1", "BUNDLE 0 2"), swap("a=mid:1", "a=mid:2"))),
    "sdp_half_ice_restart": Bad(HOLD, lambda text: "".join([*parts(text)[:2], renewed("ice-pwd", parts(text)[2])])),
    "sdp_half_new_connection": Bad(HOLD, lambda text: renewed("fingerprint", text)),
    "sdp_answer_setup": Bad("firefox/dc-full.answer.sdp", swap("a=setup:active", "a=setup:actpass")),
    "sdp_answer_role": Bad("firefox/dc-full.answer.sdp", str),  # to ANSWERED below
    "sdp_section_count": Bad(AV_ANSWER, both(swap("BUNDLE 0 1", "BUNDLE 0"), lambda text: "".join(parts(text)[:2]))),
    "sdp_section_kind": Bad(AV_ANSWER, swap("m=audio", "m=video")),
    "sdp_section_mid": Bad(
        "aiortc/dc-full.answer.sdp", both(swap("BUNDLE 0", "BUNDLE data"), swap("a=mid:0", "a=mid:data"))
    ),
    "sdp_section_not_offered": Bad("chromium/stopvideo-full.answer.sdp", swap("m=video 0 ", "m=video 9 ")),
    "sdp_answer_direction": Bad("chromium/sendonly-full.answer.sdp", swap("a=recvonly", "a=sendrecv", 1)),
}

# The offers that bad answers answer, where they are not the captured ones.
ANSWERED: Mapping[str, Bad] = {
    "sdp_answer_role": Bad("firefox/dc-full.offer.sdp", swap("a=setup:actpass", "a=setup:active"))
}

HOST = "candidate:1 1 udp 2122260223 10.99.0.1 50000 typ host"
HELD: Mapping[str, object] = {"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0}
BROKEN_BATCHES: Mapping[str, list[dict[str, Any]]] = {
    "sdp_candidate_batch": [],
    "sdp_candidate_entry": [{**HELD, "sdpMLineIndex": 32}],
    "sdp_candidate_too_long": [{**HELD, "candidate": HOST + " " * 1024}],
    "sdp_candidate_nowhere": [{**HELD, "sdpMid": None, "sdpMLineIndex": None}],
}


def main() -> None:
    BAD.mkdir(exist_ok=True)
    for path in BAD.iterdir():
        path.unlink()
    for name, content in files().items():
        (BAD / name).write_bytes(content)


if __name__ == "__main__":
    main()
