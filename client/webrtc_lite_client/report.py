"""What the commands say: lines for a person, and one JSON object (a line, where there are several) for a machine."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from webrtc_lite_client.load import Result
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.smoke import Done, Findings
from webrtc_lite_client.timeline import table

WIDTH = 12
WRONG_SHOWN = 10


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_progress(line: str) -> None:
    """To stderr, so that what is piped on is the result."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def say_json(said: dict[str, Any]) -> None:
    say(json.dumps(said, default=str))


def failure(problem: Problem | None, **more: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if problem is None:
        return None
    return {
        "reason": str(problem),
        "hint": problem.hint,
        "exit": int(problem.ends),
        "meaning": problem.ends.name,
        **more,
    }


def say_problem(problem: Problem, where: str = "") -> None:
    column = f"{where:<{WIDTH}} " if where else ""
    say(f"✗ {column}{problem}")
    if problem.hint:
        say(f"  {' ' * len(column)}{problem.hint}")


def check_lines(done: Done) -> list[str]:
    first, *more = done.found or [""]
    return [f"✓ {done.check:<{WIDTH}} {first}   {done.took_ms:.0f} ms", *(f"  {'':<{WIDTH}} {line}" for line in more)]


def smoke_json(findings: Findings) -> dict[str, Any]:
    return {
        "ok": findings.problem is None,
        "checks": [asdict(done) for done in findings.checks],
        "notes": findings.notes,
        "failed": failure(findings.problem, check=findings.failed_check),
        "session_id": findings.session_id,
        "pairs": findings.pairs,
        "record": findings.record,
        "timeline": [asdict(mark) for mark in findings.timeline.marks],
    }


def say_smoke(findings: Findings) -> None:
    """The checks themselves were said as they were done."""
    for note in findings.notes:
        say(f"! {note}")
    if findings.problem is not None:
        say_problem(findings.problem, findings.failed_check or "")
        return
    say("")
    say(table(findings.timeline.marks))
    say("")
    say(f"✓ whole: all {len(findings.checks)} checks passed, and nothing is left behind")


def exit_of(problem: Problem | None) -> int:
    return int(problem.ends if problem else Exit.OK)


# ---- load


def load_progress(result: Result, seconds: float) -> str:
    over = len(result.played)
    going_on = f"{result.begun - over:4} going on, {result.gauge.now:4} connected"
    return f"{seconds:5.0f} s   {going_on}   {over:4} over   {len(result.wrong):3} not as scripted"


def load_json(result: Result) -> dict[str, Any]:
    return {
        "ok": result.as_scripted,
        "plan": asdict(result.plan),
        "calls": len(result.played),
        "ends": dict(result.ends()),
        "connected_at_once": result.gauge.most,
        "steps_ms": result.steps(),
        "operations": asdict(result.operations),
        "wrong": [{"story": each.story, "reason": each.wrong, "ends": each.ends} for each in result.wrong],
        "left_behind": result.left,
        "faults": [str(fault) for fault in result.faults],
    }


def say_load(result: Result) -> None:
    steps = result.steps()
    say(f"{'step':<16}{'calls':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}   ms")
    for step, figures in steps.items():
        percentiles = "".join(f"{figures[name]:>9.0f}" for name in ("p50", "p95", "p99", "max"))
        say(f"{step:<16}{figures['n']:>7.0f}{percentiles}")
    say("")
    say(f"connected   {result.gauge.most} at the same time")
    say("ends        " + ", ".join(f"{end} {count}" for end, count in sorted(result.ends().items())))
    done, calls = result.operations, max(1, len(result.played))
    say(
        f"Firestore   {done.writes} writes and {done.reads} reads by the clients, {done.writes / calls:.1f} and"
        f" {done.reads / calls:.1f} a call; the functions' come on top (README, Figures)"
    )
    say("")
    for each in result.wrong[:WRONG_SHOWN]:
        say(f"✗ {each.story:<{WIDTH}} {each.wrong}")
    for left in result.left[:WRONG_SHOWN]:
        say(f"✗ left behind  {left}")
    for fault in result.faults[:WRONG_SHOWN]:
        say(f"✗ {fault}")
    good = len(result.played) - len(result.wrong)
    if result.as_scripted:
        say(f"✓ {good} of {result.plan.calls} ended as scripted; nothing lost, nothing left behind")
    else:
        say(f"✗ {good} of {result.plan.calls} ended as scripted; {len(result.left)} sessions left behind")
