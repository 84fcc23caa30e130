"""What the README says of the code, held against the code."""

import json
import re
import tomllib
from functools import cache
from itertools import pairwise

import pytest

from tools.provision import ROOT
from tools.stack.addresses import PROJECT, Addresses
from webrtc_lite.core import candidates, sdp
from webrtc_lite.core import errors as tree
from webrtc_lite.core.machine import TRANSITIONS
from webrtc_lite.core.pool import Pool, Terms
from webrtc_lite.core.records import EndReason
from webrtc_lite.edge.config import DURATIONS, REGION, default
from webrtc_lite.edge.errors import STATUS
from webrtc_lite.edge.relays import FIELDS, SWITCHES
from webrtc_lite_client.problem import MEANING, Exit
from webrtc_lite_client.smoke import CHECKS

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


@cache
def section(title: str) -> str:
    """The text below a heading, to the next one of its rank."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found.group(1)


def rows(text: str) -> list[list[str]]:
    """The cells of every table row that is not a head or a rule."""
    lines = text.splitlines()
    bodies = [line for before, line in pairwise(lines) if line.startswith("| ") and before[:1] == "|"]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in bodies]


def test_the_error_table_has_every_code_with_its_status() -> None:
    stated = {(row[0].strip("` "), row[1].strip("` ")) for row in rows(section("Errors"))}

    assert stated == {(status.name, error.code) for error, status in STATUS.items()} | {("INTERNAL", "internal")}


def test_the_error_tree_is_drawn_with_every_class_and_code() -> None:
    drawn = set(re.findall(r"(\w+Error)\s+([a-z_]+)$", tree.__doc__ or "", re.MULTILINE))

    assert drawn == {(error.__name__, error.code) for error in STATUS}


def test_the_addresses_are_those_of_firebase_json() -> None:
    local = section("Local development")

    for emulator in ("hosting", "auth", "firestore", "hub"):
        assert f"| {Addresses().url(emulator)} |" in local
    assert f"| {Addresses().url('functions')}/{PROJECT}/{REGION}/ |" in local
    assert f"{Addresses().turn} udp and tcp, {Addresses().turn_tls} tls" in local


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]+)", README, re.MULTILINE))))
def test_every_make_target_that_it_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_the_first_screen_shows_the_commands_that_the_makefile_has() -> None:
    first_screen = "\n".join(README.splitlines()[:20])

    assert re.findall(r"^make ([a-z]+) ", first_screen, re.MULTILINE) == ["run", "test", "check", "bench"]


def test_every_dependency_has_its_line_and_its_reason() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    declared = {entry.partition("==")[0] for group in groups.values() for entry in group if isinstance(entry, str)}
    package = json.loads((ROOT / "package.json").read_text())
    declared |= package["dependencies"].keys() | package["devDependencies"].keys()

    table = rows(section("Dependencies, one reason each"))
    named = {name.removesuffix(" (npm)") for row in table for name in row[0].split(", ")}
    assert named - {"deployed", "for development"} == declared
    assert all(row[1] for row in table)


def test_every_folder_that_it_names_is_there() -> None:
    named = re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)

    assert set(named) == {"client", "functions", "infra", "tools", "tests", "web"}
    assert all((ROOT / name).is_dir() for name in named)


def test_decisions_and_traps_are_dated() -> None:
    decisions = [line for line in section("Decisions").splitlines() if line.startswith("- ")]

    assert decisions
    assert all(re.match(r"- \*\*20\d\d-\d\d-\d\d, ", line) for line in decisions)
    assert re.search(r"\(20\d\d-\d\d-\d\d\)", section("Traps"))


def test_the_state_diagram_draws_the_table_of_transitions() -> None:
    """A second statement of the machine, by hand: a changed row has to be changed twice."""
    arrows = re.findall(r"^ +(\w+) --> (\w+): (.+)$", section("Call life"), re.MULTILINE)
    drawn = {(before, *deed.split(" ", 1), after) for before, after, deeds in arrows for deed in deeds.split(", ")}

    assert drawn == {
        (before, actor, event, after) for before, rows in TRANSITIONS.items() for (actor, event), after in rows.items()
    }


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a line that begins so."""
    found = re.search(rf"^\| {re.escape(heading)}.*?(?=^$)", section("Call life"), re.MULTILINE | re.DOTALL)
    assert found, f"no table {heading!r}"
    return rows(found.group())


def test_the_table_of_transitions_has_every_row() -> None:
    stated = {
        (before, actor, event, after)
        for before, after, actors, event, *_ in table("from | to |")
        for actor in actors.split(", ")
    }

    assert stated == {
        (before, actor, event, after) for before, rows in TRANSITIONS.items() for (actor, event), after in rows.items()
    }


def test_every_end_of_the_contract_is_explained_to_both_apps() -> None:
    stated = table("`end_reason` |")

    assert [row[0].strip("`") for row in stated] == [str(reason) for reason in EndReason]
    assert all(len(row) == 4 and all(row) for row in stated)


def test_the_end_reasons_in_the_table_of_transitions_are_those_of_the_contract() -> None:
    set_at_the_end = " ".join(row[5] for row in table("from | to |") if row[1] == "ended")

    assert set(re.findall(r"`(\w+)`", set_at_the_end)) - {"superseded_by", "error"} == {
        str(reason) for reason in EndReason
    }


def test_the_limits_name_who_enforces_them() -> None:
    stated = {who for row in table("what somebody may try |") for who in re.findall(r"rules|App Check|`\w+`", row[2])}

    assert {"rules", "App Check", "`on_session_written`", "`sweep_sessions`"} <= stated


def test_every_parameter_of_an_issue_is_listed_with_its_default() -> None:
    table = section("The relay").partition("### What keeps abuse away")[2].partition("- **")[0]
    usual = Terms(Pool(()))
    assert {row[0].strip("` "): row[1].strip() for row in rows(table)} == {
        **dict.fromkeys(SWITCHES, "false"),
        "TURN_ISSUES_PER_USER": str(usual.issues_per_user),
        "TURN_ISSUES_WINDOW_SECONDS": str(usual.window),
    }


def test_every_field_of_a_relay_in_a_pool_is_listed() -> None:
    table = section("The relay").partition("| field of a relay |")[2].partition("\n\n")[0]
    assert [name for row in rows("| field |" + table) for name in re.findall(r"`(\w+)`", row[0])] == list(FIELDS)


def test_every_rule_of_the_validator_is_listed_with_its_sentence_and_its_source() -> None:
    listed = [row for row in rows(section("Descriptions and candidates")) if row[0].startswith("`sdp_")]

    tables = {**sdp.TABLE, "batch of candidates": candidates.BATCH_RULES}
    assert listed == [
        [f"`{rule.code}`", where, rule.sentence.replace("|", "\\|"), rule.source]
        for where, rules in tables.items()
        for rule in rules
    ]


def test_every_duration_is_listed_with_its_default_and_its_range() -> None:
    listed = {row[0].strip("` "): (row[1], row[2]) for row in rows(section("Deployment in outline")) if len(row) == 4}

    assert listed == {
        name: (str(default(bounds)), f"{bounds.least} to {bounds.most}") for name, bounds in DURATIONS.items()
    }


def test_the_exit_codes_of_the_headless_client_are_listed_with_their_meanings() -> None:
    listed = [row for row in rows(section("The headless client")) if row[0].isdecimal()]

    assert listed == [[str(int(code)), MEANING[code]] for code in Exit]


def test_the_checks_of_smoke_are_listed_in_their_order() -> None:
    listed = [row for row in rows(section("The headless client")) if row[0].startswith("`")]

    assert listed == [[f"`{name}`", what] for name, what in CHECKS.items()]
