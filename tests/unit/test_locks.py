"""The lock files: what is deployed is what is tested, byte for byte, and wherever it is installed from."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "functions" / "requirements.txt"
PYTHON_LOCKS = [DEPLOYED, *sorted((ROOT / "tools" / "lock").glob("*.txt"))]
NODE_LOCK = ROOT / "package-lock.json"
# An address, a path of a machine, or an option of pip: a lock file is about names, versions and hashes.
LEAK = re.compile(
    r"://|(?<![\w.-])/[a-z]|file:|^\s*--?(?!hash=)[a-z]|py(?:pi|thonhosted)|npm[j]s|jsr\.io", re.MULTILINE
)

each_python_lock = pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda lock: lock.name)


def pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Name -> version and hashes."""
    entries = re.split(r"\n(?=\S)", re.sub(r"#.*", "", lock.read_text()))
    found = {}
    for entry in filter(str.strip, entries):
        match = re.match(r"\s*([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?==(\S+)", entry)
        assert match, entry
        found[match[1]] = (match[2], frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry)))
    return found


def test_what_is_deployed_is_what_is_tested() -> None:
    tested = pins(ROOT / "tools" / "lock" / "dev.txt")
    deployed = pins(DEPLOYED)
    assert {"firebase-admin", "firebase-functions", "functions-framework", "pydantic"} <= deployed.keys()
    assert deployed == {name: tested[name] for name in deployed}


def test_no_test_tool_is_deployed() -> None:
    assert not {"pytest", "hypothesis", "mypy", "ruff"} & pins(DEPLOYED).keys()


@each_python_lock
def test_every_pin_has_its_hashes(lock: Path) -> None:
    assert pins(lock)
    assert [name for name, (_, hashes) in pins(lock).items() if not hashes] == []


@each_python_lock
def test_no_python_lock_names_a_registry_or_a_path(lock: Path) -> None:
    assert LEAK.findall(lock.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example/simple", "-i simple", "x==1 # from /home/me",
        "    # via pypi.org", "x @ file:x",
    ],
)  # fmt: skip
def test_a_registry_or_a_path_would_be_seen(line: str) -> None:
    assert LEAK.search(line)


def test_every_node_package_has_its_hash_and_names_no_registry() -> None:
    packages = {name: entry for name, entry in json.loads(NODE_LOCK.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry or "link" in entry] == []
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert not re.search(r"registry\.|npmjs|file:", NODE_LOCK.read_text())
