"""How much of firestore.rules its tests hold in place: every condition, operator, number and word, one at a time.

    python -m tests.rules.mutants

One emulator is handed the changed rules, one run of pytest goes through them. What to change is read from the report of
a run over the rules as they are: what was only ever true or false is a condition.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import httpx
import pytest
from _pytest.reports import TestReport
from _pytest.runner import runtestprotocol

from tests.rules import attempts
from tests.rules.conftest import WATCHED
from tests.rules.coverage import Coverage
from tests.support.documents import Clock, Documents
from tests.support.firestore import Firestore
from tools.provision import ROOT

TARGET = 1.0
COMMENT = re.compile(r"//.*")
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])|(?<=[{,])\d+(?=[,}])")
TEXT = re.compile(r"'([a-z_]+)'")
# No test can be at the very microsecond of a deadline, so a comparison with the time is left at its limit.
OPERATOR = re.compile(r" (\|\||&&|\+|(?<!request\.time )(?:<=|>=|<)(?! request\.time)) ")
OTHER_OPERATOR = {"<=": "<", ">=": ">", "<": "<=", "||": "&&", "&&": "||", "+": "-"}

# What stands before a change that changes nothing, what it changes to, and why nothing follows.
EQUIVALENT = {
    ("'[^/]{", "0"): "an empty uid fails all the same: no path has an empty part",
    ("timestamp.value(", "1"): "the beginning of 1970 or a moment later",
}


@dataclass(frozen=True)
class Mutant:
    line: int
    was: str
    became: str
    rules: str

    def __str__(self) -> str:
        return f"line {self.line}: {' '.join(self.was.split())} -> {' '.join(self.became.split())}"


def mutants(coverage: Coverage) -> Iterator[Mutant]:
    source = coverage.source
    code = COMMENT.sub(lambda comment: " " * len(comment.group()), source)
    changes: dict[tuple[int, int], list[str]] = {}
    for start, end in coverage.conditions():
        if not source.startswith("let ", start):
            changes[start, end] = ["true", "false", f"!({source[start:end]})"]
    for number in NUMBER.finditer(code):
        value = int(number.group())
        changes[number.span()] = [str(value + 1), str(value - 1)] if value else ["1"]
    for text in TEXT.finditer(code):
        changes[text.span(1)] = [text.group(1) + "_"]
    for operator in OPERATOR.finditer(code):
        changes[operator.span(1)] = [OTHER_OPERATOR[operator.group(1)]]
    for (start, end), others in sorted(changes.items()):
        for became in others:
            if any(source.endswith(before, 0, start) and became == other for before, other in EQUIVALENT):
                continue
            line = source.count("\n", 0, start) + 1
            yield Mutant(line, source[start:end], became, source[:start] + became + source[end:])


@dataclass
class Hunt:
    """Takes the place of pytest's loop: once over the rules as they are, then over each mutant to the first failure."""

    survivors: list[Mutant] = field(default_factory=list)
    killed: int = 0
    uncompiled: int = 0
    nearest: int = 0  # the test that killed last: it is likely to kill that mutant's neighbour as well
    tests: list[pytest.Item] = field(default_factory=list)
    firestore: Firestore | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item, following in zip(session.items, [*session.items[1:], session.items[0]], strict=True):
            assert self.passes(item, following), f"fails without a mutant: {item.nodeid}"
        coverage = session.config.stash[WATCHED]
        del session.config.stash[WATCHED]
        self.tests = [item for item in session.items if "documents" in getattr(item, "fixturenames", ())]
        assert not self.kills(coverage.source), "the hunt itself makes tests fail"
        for number, mutant in enumerate(mutants(coverage), 1):
            self.hunt(mutant)
            if number % 50 == 0:
                say(f"{number}: {self.killed} killed, {self.uncompiled} do not compile, {len(self.survivors)} live")
        assert not self.kills(coverage.source), "the hunt itself made tests fail"
        return True

    def hunt(self, mutant: Mutant) -> None:
        try:
            killed = self.kills(mutant.rules)
        except httpx.HTTPStatusError:
            self.uncompiled += 1
            return
        if killed:
            self.killed += 1
        else:
            self.survivors.append(mutant)
            say(f"lives: {mutant}")

    def kills(self, rules: str) -> bool:
        assert self.firestore is not None
        self.firestore.load_rules(rules)
        attempts.forget()
        Clock.set()
        for index in sorted(range(len(self.tests)), key=lambda index: abs(index - self.nearest)):
            if not self.passes(self.tests[index], self.tests[index - 1]):
                self.nearest = index
                return True
        return False

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        documents = getattr(item, "funcargs", {}).get("documents")
        if isinstance(documents, Documents):
            self.firestore = documents.firestore

    def passes(self, item: pytest.Item, following: pytest.Item) -> bool:
        """Pytest keeps standing what it is told that the next test needs, so there is always one, and another."""
        item.session._setupstate.teardown_exact(item)
        reports: list[TestReport] = runtestprotocol(item, nextitem=following, log=False)
        return all(report.passed for report in reports)


def main() -> int:
    hunt = Hunt()
    with redirect_stdout(io.StringIO()) as printed:
        ended = pytest.main([str(ROOT / "tests" / "rules"), "-p", "no:cacheprovider", "-q"], plugins=[hunt])
    if ended is not pytest.ExitCode.OK:
        say(printed.getvalue())
        return 1
    total = hunt.killed + len(hunt.survivors)
    say(f"killed {hunt.killed} of {total}: {hunt.killed / max(total, 1):.1%}; {hunt.uncompiled} did not compile")
    return 0 if total and hunt.killed / total >= TARGET else 1


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 (that is what it is for)


if __name__ == "__main__":
    sys.exit(main())
