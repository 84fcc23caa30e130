"""Writes the relays that Terraform made into the functions' parameters: `make configure PROJECT=<project id>`.

What clients are told is what was made, and nothing is copied by hand: the lines TURN_HOST, TURN_PORT,
TURN_TLS_PORTS and TURN_RELAYS of functions/.env.<project>. Every other line stays. The next `make deploy` brings it to
the functions.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools import provision

INFRA = provision.ROOT / "infra"
FUNCTIONS = provision.ROOT / "functions"
PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")  # Google's rule for a project's id
NOT_APPLIED = "infra/ has no relays yet: terraform -chdir=infra apply, then repeat this. (infra/README.md)"


def outputs(infra: Path = INFRA) -> dict[str, Any]:
    """What Terraform says of what it made."""
    asked = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    command = [str(provision.terraform()), f"-chdir={infra}", "output", "-json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=asked)
    if done.returncode:
        raise provision.Missing(f"Terraform cannot say what it made: {done.stderr.strip()}")
    found = {name: output["value"] for name, output in json.loads(done.stdout).items()}
    if not found.get("relays"):
        raise provision.Missing(NOT_APPLIED)
    return found


def parameters(relays: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The functions' parameters for these relays. The first one's host and ports are the deployment's own."""
    first = relays[0]
    return {
        "TURN_HOST": first["host"],
        "TURN_PORT": str(first["port"]),
        "TURN_TLS_PORTS": ",".join(map(str, first["tls_ports"])),
        "TURN_RELAYS": json.dumps([dict(relay) for relay in relays], separators=(",", ":")),
    }


def merged(text: str, wanted: Mapping[str, str]) -> str:
    """The file with these lines, each in its old place; new ones at the end."""
    left = dict(wanted)
    lines = []
    for line in text.splitlines():
        name = line.partition("=")[0].strip()
        if name not in wanted:
            lines.append(line)
        elif name in left:  # a second line of the same name would win
            lines.append(f"{name}={quoted(left.pop(name))}")
    lines += [f"{name}={quoted(value)}" for name, value in left.items()]
    return "".join(f"{line}\n" for line in lines)


def homeless_region(text: str, relays: Sequence[Mapping[str, Any]]) -> str:
    """The deployment's own TURN_REGION, where no relay is in it: functions refuse such a configuration whole."""
    lines = [line.partition("=") for line in text.splitlines()]
    chosen = [value.strip().strip("'\"") for name, _, value in lines if name.strip() == "TURN_REGION"]
    regions = {"", *(relay["region"].casefold() for relay in relays)}
    return "" if not chosen or chosen[-1].casefold() in regions else chosen[-1]


def quoted(value: str) -> str:
    """As dotenv reads it: JSON's double quotes stand in single ones. Hosts and regions hold none of those."""
    return f"'{value}'" if '"' in value else value


def main() -> int:
    parser = argparse.ArgumentParser(prog="make configure PROJECT=...", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("project", help="the Firebase project of the functions")
    parser.add_argument("--infra", type=Path, default=INFRA, help=argparse.SUPPRESS)
    parser.add_argument("--functions", type=Path, default=FUNCTIONS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not PROJECT.fullmatch(given.project):
        print(f"{given.project} is no project id: small letters, digits and -, 6 to 30 of them.", file=sys.stderr)
        return 2
    target = given.functions / f".env.{given.project}"
    try:
        relays = outputs(given.infra)["relays"]
    except provision.Missing as problem:
        print(f"  ✗ {problem}", file=sys.stderr)
        return 1
    before = target.read_text() if target.exists() else ""
    homeless = homeless_region(before, relays)
    if homeless:
        regions = ", ".join(sorted({relay["region"] for relay in relays} - {""})) or "none"
        print(
            f"  ✗ {target.name} has TURN_REGION={homeless}, and the listed relays are in: {regions}.", file=sys.stderr
        )
        print("    Functions would issue nothing. Mend that line or take it out, then repeat this.", file=sys.stderr)
        return 1
    after = merged(before, parameters(relays))
    if after == before:
        print(f"  {target.name} says so already: {', '.join(relay['host'] for relay in relays)}.")
        return 0
    beside = target.with_name(f"{target.name}.next")
    beside.write_text(after)
    beside.replace(target)
    print(f"  {target.name} has {len(relays)} relay(s): {', '.join(relay['host'] for relay in relays)}.")
    print(f"  Next: make deploy PROJECT={given.project}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
