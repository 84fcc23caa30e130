"""Turns what the parts print into lines that a person reads: time, part, what happened."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FUNCTION_OUTPUT = re.compile(r"^>\s+(?P<text>.*)$")
LABELLED = re.compile(r"^(?P<mark>[⚠✔✖⬢i!])\s+(?P<label>[a-z]+)(?:\[[^\]]*\])?: (?P<text>.*)$")

# Said at every start on a machine without an account, a console or Pub/Sub, and harmless there.
HARMLESS = re.compile(
    r"Env variable override|not currently authenticated|Emulator UI is not starting|Detected demo project|"
    r"pubsub emulator does not exist|Issues\? Report them|Emulator Hub host|Other reserved ports|"
    r"\* (?:Serving|Debug|Running)|development server|Press CTRL|GET /__/|JAVA_TOOL_OPTIONS|"
    r"^Terminated$|^[\s│┌├└─┐┤┘┬┴┼]*$|^│"
)
CREDENTIAL = re.compile(r"<\d+:(?P<user>[^>]*)>")

# What the emulators say of our code, in a developer's words.
EMULATORS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"firestore: Rules updated"), "firestore", "rules updated"),
    (
        re.compile(r"functions: Loaded functions definitions from source: (?P<names>.*)\.$"),
        "functions",
        "loaded {names}",
    ),
    (
        re.compile(r'functions: Finished "[a-z0-9-]+?\d-(?P<name>\w+)" in (?P<ms>\d+)'),
        "functions",
        "{name} took {ms} ms",
    ),
)

# What Coturn says of a session that is worth a line to a developer; all of it stands in the log file.
COTURN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r": new, realm=\S+ username=(?P<user><[^>]*>)"), "allocation opened for {user}"),
    (
        re.compile(r"closed \(2nd stage\), user (?P<user><[^>]+>) .*reason: (?P<why>.*)"),
        "closed for {user}: {why}",
    ),
    (
        re.compile(r"Cannot find credentials of user (?P<user><[^>]*>)"),
        "refused {user}: wrong or expired credential",
    ),
    (
        re.compile(r"(?P<why>(?:Bad configuration format|CONFIG ERROR|error resolving|Cannot (?!find)).*)"),
        "{why}",
    ),
    (re.compile(r"(?P<why>A peer IP \S+ denied.*)"), "{why}"),
    (re.compile(r"(?P<why>.*Allocation (?:Bandwidth )?Quota Reached.*)"), "{why}"),
)


def declared(said: str) -> frozenset[str]:
    """The functions that the emulator has found in the source, once it says so."""
    found = re.findall(r"Loaded functions definitions from source: (.*)\.$", said, re.MULTILINE)
    return frozenset(found[-1].split(", ")) if found else frozenset()


def readable(part: str, line: str) -> str | None:
    """One line for the terminal, or nothing where the line tells a developer nothing."""
    line = ANSI.sub("", line).rstrip()
    reader = READERS.get(part)
    said = reader(line) if reader else (part, line)
    if said is None:
        return None
    label, text = said
    return f"{time.strftime('%H:%M:%S')} {label:<10} {text}"


def coturn(line: str) -> tuple[str, str] | None:
    for pattern, shown in COTURN:
        found = pattern.search(line)
        if found:
            groups = {name: CREDENTIAL.sub(r"\g<user>", value) for name, value in found.groupdict().items()}
            return "coturn", shown.format(**groups)
    return None


def suite(line: str) -> tuple[str, str] | None:
    """What the functions print, what went wrong, and nothing of what the emulators say of themselves."""
    output = FUNCTION_OUTPUT.match(line)
    if output:
        return "functions", structured(output["text"].strip())
    for pattern, label, shown in EMULATORS:
        found = pattern.search(line)
        if found:
            return label, shown.format(**found.groupdict())
    if HARMLESS.search(line):
        return None
    labelled = LABELLED.match(line)
    if labelled is None:
        return "emulators", line  # a traceback, say
    return (labelled["label"], labelled["text"]) if labelled["mark"] in "⚠✖⬢!" else None


def structured(text: str) -> str:
    """A structured log line as `message  key=value ...`; anything else as it is."""
    try:
        entry = json.loads(text)
    except ValueError:
        return text
    if not isinstance(entry, dict):
        return text
    severity = str(entry.pop("severity", "INFO"))
    message = str(entry.pop("message", ""))
    fields = " ".join(f"{key}={value}" for key, value in entry.items() if not key.startswith("logging.googleapis.com"))
    loud = "" if severity in {"INFO", "DEBUG", "NOTICE"} else f"{severity} "
    return f"{loud}{message}  {fields}".rstrip()


READERS: dict[str, Callable[[str], tuple[str, str] | None]] = {"coturn": coturn, "emulators": suite}
