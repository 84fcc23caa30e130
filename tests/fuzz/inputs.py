"""What the fuzzer feeds to the validator, how it changes that, and what has to hold of every verdict.

An input is a byte that says what the rest is taken for (an offer, an answer, a re-offer or candidates; against which
captured round; with or without checks turned into warnings), and a text. Mutations know lines, attributes and the
values that rules look at; they start from the captured descriptions and from tests/sdp/bad, so every rule is reached.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from tests.unit.core.descriptions import ANSWERED, BAD, BROKEN, CORPUS, captured, parts
from webrtc_lite.core import candidates, sdp
from webrtc_lite.core.machine import CALLEE, CALLER
from webrtc_lite.core.summary import summarize

OFFER, ANSWER, REOFFER, CANDIDATES = range(4)
KINDS = 4
LENIENT = 0x80  # with this bit every check is a warning
MEDIA = ("video", "audio", None)
SENTENCES = {rule.code: rule.sentence for rules in sdp.TABLE.values() for rule in rules}
EVERYTHING = sdp.CODES

CANDIDATES_ONLY = frozenset({"sdp_candidate_batch", "sdp_candidate_entry"})
ACCEPTED = "accepted"
LOOKED_AT = (
    *("candidate", "crypto", "fingerprint", "group", "ice-", "mid:", "rtcp-mux", "setup", "bundle", "simulcast"),
    *sdp.DIRECTIONS,
)


def lean(text: str) -> str:
    """A description without what no rule looks at, with one codec and one candidate a section: it takes a tenth."""
    kept = []
    for part in parts(text):
        lines = part.split("\n")
        if lines[0].startswith("m=") and "SAVPF" in lines[0]:
            lines[0] = " ".join(lines[0].split(" ")[:4]).rstrip("\r") + "\r"
        once = {line.partition(" ")[0].partition(":")[0]: line for line in reversed(lines) if _is_rare(line)}
        kept += [line for line in lines if line in once.values() or (not _is_rare(line) and _is_looked_at(line))]
    return "\n".join(line for line in kept if line) + "\n"


def _is_rare(line: str) -> bool:
    return line.startswith(("a=rtpmap:", "a=candidate:"))


def _is_looked_at(line: str) -> bool:
    return not line.startswith("a=") or line[2:].startswith(LOOKED_AT)


@dataclass(frozen=True)
class Round:
    offer: str
    answer: str
    agreed: sdp.Agreed

    @classmethod
    def of(cls, offer: str, answer: str) -> "Round":
        return cls(offer, answer, sdp.agree(offer, CALLER, answer))


@cache
def rounds() -> Sequence[Round]:
    """Captured offers with their answers, and the offers that files of tests/sdp/bad answer or follow."""
    names = ["chromium/hold-full.initial", "chromium/stopvideo-full", "firefox/dc-full", "aiortc/dc-full"]
    names += ["chromium/sendonly-full", "chromium/av-full", "firefox/av-dc-full"]
    found = [Round.of(lean(captured(f"{name}.offer.sdp")), lean(captured(f"{name}.answer.sdp"))) for name in names]
    (answered,) = ANSWERED.values()
    return [*found, Round.of(answered.text(), captured("firefox/dc-full.answer.sdp"))]


@cache
def seeds() -> Sequence[bytes]:
    found = []
    for number, each in enumerate(rounds()):
        found += [bytes([OFFER + KINDS * number]) + each.offer.encode()]
        found += [bytes([ANSWER + KINDS * number]) + each.answer.encode()]
        found += [bytes([REOFFER + KINDS * number]) + each.offer.encode()]
    for path in sorted(CORPUS.glob("*/*.offer.sdp")):
        if path.parent != BAD:
            found.append(bytes([OFFER]) + lean(path.read_bytes().decode()).encode())
    for code, bad in BROKEN.items():
        where = {"offer": OFFER + KINDS * MEDIA.index("audio"), "reoffer": REOFFER}.get(bad.kind)
        if where is None:
            where = ANSWER + KINDS * _round_of(code, bad.base)
        forms = [bytes([where]) + text.encode(errors="surrogateescape") for text in (lean(bad.text()), bad.text())]
        found.append(next(form for form in forms if code in judge(form)))
    lines = "\n".join(re.findall(r"candidate:[^\r\n]*", captured("chromium/relay-full.offer.sdp"))[:6])
    found += [bytes([CANDIDATES]) + lines.encode(), bytes([CANDIDATES]) + "\n".join([lines] * 4).encode()]
    return found


def _round_of(code: str, base: str) -> int:
    if code in ANSWERED:
        return len(rounds()) - 1
    offer = lean(captured(base.replace(".answer.", ".offer.")))
    return next(number for number, each in enumerate(rounds()) if each.offer == offer)


# --- what has to hold


def judge(data: bytes) -> set[str]:
    """The codes of its problems; ACCEPTED where there is none."""
    selector = data[0] if data else 0
    try:
        text = data[1:].decode(errors="surrogatepass")
    except UnicodeDecodeError:
        text = data[1:].decode(errors="surrogateescape")
    kind, number = selector % KINDS, (selector & ~LENIENT) // KINDS
    warn_only = EVERYTHING if selector & LENIENT else frozenset[str]()
    against = rounds()[number % len(rounds())]
    if kind == OFFER:
        verdict = sdp.offer_verdict(text, media=MEDIA[number % len(MEDIA)], warn_only=warn_only)
    elif kind == ANSWER:
        verdict = sdp.answer_verdict(text, against.offer, warn_only=warn_only)
    elif kind == REOFFER:
        verdict = sdp.reoffer_verdict(text, against.agreed, CALLEE if number % 2 else CALLER, warn_only=warn_only)
    else:
        return judge_candidates(text)
    for found in (verdict.problems, verdict.warnings):
        check(found, text)
    assert not (warn_only and verdict.problems)
    if verdict.problems:
        return {problem.code for problem in verdict.problems}
    if len(text) % 4 == 0:  # what follows costs more than the verdict
        summarize(text)
    if kind == ANSWER and not verdict.warnings and len(text) % 4 == 0:
        summarize(against.offer, text)
        agreed = sdp.agree(against.offer, CALLER, text)
        if "a=setup:actpass" in against.offer:  # a role is kept only where a section lives
            check_goes_on(against.offer, agreed)
    return set() if verdict.warnings else {ACCEPTED}


def check(found: Sequence[sdp.Problem], text: str) -> None:
    """A number or two and a sentence of ours, in the order of the text."""
    lines = text.count("\n") + 1
    assert [each.line or 0 for each in found] == sorted(each.line or 0 for each in found)
    for each in found:
        section = "" if each.section is None else f"m-section {each.section}, "
        assert each.message == f"{section}line {each.line}: {SENTENCES[each.code]}", each
        assert each.line is not None
        assert 1 <= each.line <= lines
        assert each.section is None or 0 <= each.section < lines


def check_goes_on(offer: str, agreed: sdp.Agreed) -> None:
    """An offer that was accepted is a re-offer that goes on."""
    found = sdp.reoffer_problems(offer, agreed, CALLER)
    assert not found, found


def judge_candidates(text: str) -> set[str]:
    found = set()
    lines = text.split("\n")
    for line in lines:
        parsed = candidates.parse(line)
        found.add(parsed.code if isinstance(parsed, sdp.Problem) else ACCEPTED)
    entries = [{"candidate": line, "sdpMid": "0", "sdpMLineIndex": len(line)} for line in lines]
    found |= {each.code for each in candidates.read_batch(entries) if isinstance(each, sdp.Problem)}
    return found


# --- mutations


VALUES = [
    *("", " ", ":", "0", "9", "127", "128", "65535", "65536", "-1", "2147483648", "4294967296"),
    *("a" * 3, "a" * 4, "a" * 21, "a" * 22, "a" * 256, "a" * 257, "0 1", "ab", "AB:CD"),
    *("sha-1", "sha-256", "SHA-256", "sha-384", "md5", "actpass", "active", "passive", "holdconn"),
    *("audio", "video", "application", "text", "UDP/TLS/RTP/SAVPF", "RTP/AVP", "UDP/DTLS/SCTP", "DTLS/SCTP", "BUNDLE"),
    *(
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::",
        "ff02::1",
        "::ffff:0.0.0.0",
        "a.local",
        "x.example.",
    ),
    *("udp", "tcp", "typ", "host", "relay", "raddr", "rport", "tcptype", "bundle-only", "rtcp-mux", "LS"),
    *sdp.DIRECTIONS,
    *("\r", "\x0b", "\u2028", "\x85", "\0", "\ud800", "é", "😀"),
]
LINES = [
    *("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "c=IN IP4 0.0.0.0", "b=AS:1", "k=x", "i=x", "x=y", ""),
    *("m=audio 9 UDP/TLS/RTP/SAVPF 0", "m=video 0 UDP/TLS/RTP/SAVPF 96", "m=application 9 UDP/DTLS/SCTP data"),
    *("a=group:BUNDLE 0", "a=group:BUNDLE 0 1", "a=mid:0", "a=mid:1", "a=bundle-only", "a=rtcp-mux", "a=ice-lite"),
    *(
        "a=setup:active",
        "a=setup:actpass",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuv",
        "a=rtpmap:0 PCMU/8000",
    ),
    *("a=inactive", "a=sendonly", "a=recvonly", "a=simulcast:send h;m;l", "a=ice-options:trickle"),
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}",
    f"a=fingerprint:sha-1 {':'.join(['AB'] * 20)}",
    *("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host"),
]

type Edit = Callable[[list[str], random.Random], None]


def _drop(lines: list[str], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


def _repeat(lines: list[str], rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def _move(lines: list[str], rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))


def _add(lines: list[str], rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(LINES))


def _word(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    words = re.split(r"([ :/;=])", lines[at])
    words[rng.randrange(len(words))] = rng.choice(VALUES)
    lines[at] = "".join(words)


def _swap_words(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    words = lines[at].split(" ")
    one, other = rng.randrange(len(words)), rng.randrange(len(words))
    words[one], words[other] = words[other], words[one]
    lines[at] = " ".join(words)


def _character(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    where = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:where] + rng.choice("0 1:=aAz\t\r-") + lines[at][where + rng.randrange(2) :]


def _section(lines: list[str], rng: random.Random) -> None:
    """A section once more, or gone, or rejected."""
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if starts:
        which = rng.randrange(len(starts))
        start, end = starts[which], [*starts, len(lines)][which + 1]
        deed = rng.randrange(3)
        if deed == 0:
            lines[end:end] = lines[start:end]
        elif deed == 1:
            del lines[start:end]
        else:
            lines[start] = re.sub(" [0-9]+ ", " 0 ", lines[start], count=1)


EDITS: Sequence[Edit] = (_drop, _repeat, _move, _add, _word, _word, _word, _swap_words, _character, _section)


def mutate(text: str, rng: random.Random, edits: int = 3) -> str:
    """One to so many edits."""
    lines = re.split("\r\n|\n", text)
    for _ in range(rng.randint(1, edits)):
        if lines:
            rng.choice(EDITS)(lines, rng)
    return rng.choice(("\r\n", "\r\n", "\r\n", "\n")).join(lines)


def mutate_input(data: bytes, rng: random.Random) -> bytes:
    selector = data[0] if data else 0
    if rng.random() < 0.05:
        selector = rng.randrange(256)
    text = mutate(data[1:].decode(errors="replace"), rng)
    return bytes([selector]) + text.encode(errors="surrogatepass")
