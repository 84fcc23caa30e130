"""Whether the model can fail: core, store, rules and the model's own store are broken one by one, by hand.

Each line says what is broken and which promise then does not hold any more. `python -m tests.model.mutants` tries it,
on a copy, with the scenes of the fast form.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.model import invariants as promise
from tests.model.world import ONE_RECORD, TERMINAL_STAYS

ROOT = Path(__file__).resolve().parents[2]
SESSION, OTHERS, STORE, RULES, WORLD = (
    Path("functions/webrtc_lite/core/session.py"),
    Path("functions/webrtc_lite/core/others.py"),
    Path("functions/webrtc_lite/edge/store.py"),
    Path("tests/model/rules.py"),
    Path("tests/model/world.py"),
)


@dataclass(frozen=True)
class Mutant:
    what: str
    file: Path
    old: str
    new: str
    breaks: str


# ruff: noqa: E501 (a line a mutant)
MUTANTS = [
    Mutant("a hangup after the deadline counts", SESSION, "hangup is None or hangup.at >= due(session, scene.durations)", "hangup is None", promise.SILENCE),
    Mutant("a hangup of a connected call is not looked at", SESSION, "Status.CONNECTED: (_hung_up, ", "Status.CONNECTED: (", promise.SILENCE),
    Mutant("a deadline ends a call a tick late", SESSION, "if scene.now < due(session, scene.durations)", "if scene.now <= due(session, scene.durations)", promise.SILENCE),
    Mutant("a call that does not connect expires", SESSION, "Status.ANSWERED: EndReason.FAILED", "Status.ANSWERED: EndReason.EXPIRED", promise.SILENCE),
    Mutant("a bad answer is ignored", SESSION, "(_answered, _hung_up, _answer_refused, _overdue)", "(_answered, _hung_up, _overdue)", promise.NEVER_NEEDED),
    Mutant("an answer has no deadline", SESSION, "deadline = scene.now + scene.durations.connect", "deadline = None", promise.NEVER_NEEDED),
    Mutant("one side that gave up ends the call", SESSION, "if any(session.ice_state.get(side) is not IceState.FAILED", "if all(session.ice_state.get(side) is not IceState.FAILED", promise.NEVER_NEEDED),
    Mutant("a bad re-offer is not reported", SESSION, "        return replace(session, error=_error(OFFER, offer, problems))\n    return replace(session, accepted=replace(accepted, offer", "        return None\n    return replace(session, accepted=replace(accepted, offer", promise.NEVER_NEEDED),
    Mutant("a call that was busy is not recorded", SESSION, "if after.end_reason else None", "if after.end_reason not in (None, EndReason.BUSY) else None", ONE_RECORD),
    Mutant("what a new call ends is not ended", SESSION, "if not (change.rings or after.end_reason is EndReason.BUSY):", "if change:", promise.ONE_CALL),
    Mutant("what is superseded is not ended", SESSION, "elif company.supersedes(session, stands):", "elif False:", promise.ONE_CALL),
    Mutant("another call is taken as it stands, not as if settled", SESSION, "    stands = _fixed_point(other, Scene(now, durations))\n", "    stands = other\n", promise.BUSY),
    Mutant("a call that is to ring does not ask for superseding", SESSION, "_glared, _superseded, _busy", "_glared, _busy", promise.BUSY),
    Mutant("a call that is to ring does not ask for busy", SESSION, "_superseded, _busy, _offered", "_superseded, _offered", promise.ONE_CALL),
    Mutant("both lose the glare", OTHERS, "return _age(session) > _age(other)", "return True", promise.ONE_SURVIVOR),
    Mutant("the newer one survives the glare", OTHERS, "return _age(session) > _age(other)", "return _age(session) < _age(other)", promise.ONE_SURVIVOR),
    Mutant("any device supersedes", OTHERS, "return device_id is not None and device_id == other", "return True", promise.ONE_SURVIVOR),
    Mutant("an older call supersedes", OTHERS, "return _age(new) > _age(old) and (", "return (", promise.ONE_SURVIVOR),
    Mutant("only what a person dialled engages", OTHERS, "return not {session.caller_id, session.callee_id}.isdisjoint({other.caller_id, other.callee_id})", "return session.caller_id == other.caller_id", promise.ONE_CALL),
    Mutant("the sweep does not look at hangups", STORE, "        yield self._found(HUNG_UP, Status.CONNECTED.value, sides)\n", "", promise.FOUND),
    Mutant("the sweep does not look at leases", STORE, "        yield self._found(OVERDUE, Status.CONNECTED.value, now)\n", "", promise.SILENCE),
    Mutant("the sweep does not look at answered calls", STORE, "Status.OFFERED.value, Status.ANSWERED.value]", "Status.OFFERED.value]", promise.SILENCE),
    Mutant("a commit does not depend on the engagements", WORLD, "(settler.rings and met) or ", "", promise.ONE_CALL),
    Mutant("engagements are read after the others", WORLD, "settler._replace(fenced_off=True) if met", "settler if met", promise.ONE_CALL),
    Mutant("a commit does not depend on the others that it ends", WORLD, "any(slot in slots for slot, *_ in settler.writes)", "False", TERMINAL_STAYS),
    Mutant("a commit does not depend on its session", WORLD, "if settler.slot in slots or (settler", "if (settler", TERMINAL_STAYS),
    Mutant("something may be said after a hangup", RULES, " and session.hangup is None", "", promise.FINAL),
    Mutant("something may be said after the end", RULES, "session.status is not Status.ENDED and ", "", TERMINAL_STAYS),
    Mutant("only the caller hangs up", RULES, "return write.reason in {HANGUP, FAILED} or (", "return (write.reason in {HANGUP, FAILED} and write.side is not CALLEE) or (", promise.MAY_LEAVE),
    Mutant("a refused round stays in flight", RULES, " or refused", "", promise.NEVER_NEEDED),
    Mutant("nobody answers twice", RULES, "return answer.revision != offer.revision", "return False", promise.NEVER_NEEDED),
]  # fmt: skip


def main() -> int:
    survived = 0
    for mutant in MUTANTS:
        found = broken_by(mutant)
        verdict = "" if found == mutant.breaks else " (not as stated)" if found else " SURVIVED"
        survived += not found
        print(f"{mutant.what} -> {found}{verdict}", flush=True)  # noqa: T201 (that is what it is for)
    return min(survived, 1)


def broken_by(mutant: Mutant) -> str | None:
    """The promise that this breaks first."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for part in ("functions/webrtc_lite", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("*.sdp", "__pycache__"))
        text = (copy / mutant.file).read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.what}: what is to be broken stands there {text.count(mutant.old)} times")
        (copy / mutant.file).write_text(text.replace(mutant.old, mutant.new))
        done = subprocess.run(
            [sys.executable, "-m", "tests.model", "--fast"],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy / "functions")},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return None
    promises = [line.removeprefix("BROKEN ") for line in done.stdout.splitlines() if line.startswith("BROKEN ")]
    return promises[0] if promises else (done.stderr.splitlines() or ["?"])[-1]


if __name__ == "__main__":
    sys.exit(main())
