"""Says of a description what the server would say: `make sdp-check offer.sdp`, `make sdp-check offer.sdp answer.sdp`.

FILE is an offer, ANSWER the answer to it; a file is the text itself, the JSON of an RTCSessionDescription as a console
prints it, or a list of candidates as a document holds them; - is the standard input. Exits with 0 where all is
accepted, 1 where something is refused, 2 where a file cannot be read.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from webrtc_lite.core import candidates, sdp
from webrtc_lite.core.defects import Problem
from webrtc_lite.core.machine import CALLER
from webrtc_lite.core.summary import summarize


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        texts = {path: _read(path) for path in (asked.file, asked.answer, *(asked.after or ())) if path}
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    if isinstance(batch := _json(texts[asked.file]), list):
        return _tell(asked.file, "candidates", _candidates(batch), ())
    offer = _description(texts[asked.file])
    warn_only = frozenset(asked.warn_only.split(","))
    if asked.after:
        before = sdp.agree(_description(texts[asked.after[0]]), CALLER, _description(texts[asked.after[1]]))
        verdict = sdp.reoffer_verdict(offer, before, CALLER, warn_only=warn_only)
    else:
        verdict = sdp.offer_verdict(offer, media=asked.media, warn_only=warn_only)
    refused = _tell(asked.file, "re-offer" if asked.after else "offer", verdict.problems, verdict.warnings)
    answer = None
    if asked.answer:
        answer = _description(texts[asked.answer])
        verdict = sdp.answer_verdict(answer, offer, warn_only=warn_only)
        refused |= _tell(asked.answer, "answer", verdict.problems, verdict.warnings)
    if not refused:
        print(json.dumps(asdict(summarize(offer, answer))))
    return refused


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make sdp-check", description=__doc__)
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("answer", metavar="ANSWER", nargs="?")
    parser.add_argument(
        "--media", choices=("audio", "video"), help="what the session says, as it counts for a first offer"
    )
    parser.add_argument("--after", metavar=("OFFER", "ANSWER"), nargs=2, help="the round before, of the same offerer")
    parser.add_argument("--warn-only", metavar="CODES", default="", help="as in SDP_WARN_ONLY")
    return parser


def _read(path: str) -> str:
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    return data.decode(errors="surrogateescape")  # what is not UTF-8 becomes a defect with a name


def _json(text: str) -> object:
    """What the text holds if it is JSON, and nothing if it is not: a description begins with v."""
    try:
        return json.loads(text) if text.lstrip()[:1] in {"{", "["} else None
    except ValueError:
        return None


def _description(text: str) -> str:
    match _json(text):
        case {"sdp": str(described)}:
            return described
        case _:
            return text


def _candidates(batch: list[object]) -> tuple[Problem, ...]:
    return tuple(each for each in candidates.read_batch(batch) if isinstance(each, Problem))


def _tell(path: str, what: str, problems: Sequence[Problem], warnings: Sequence[Problem]) -> int:
    print(f"{path}: {what} {'refused' if problems else 'accepted'}")
    for mark, found in (("", problems), ("warning: ", warnings)):
        for each in found:
            print(f"  {mark}{each.code}: {each.message}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
