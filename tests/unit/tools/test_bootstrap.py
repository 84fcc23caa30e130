"""The first step on a bare machine: two environments, from locks with hashes, and again only where a lock changed."""

import ast
import sys
from pathlib import Path

import pytest

from tests.support.programs import Programs
from tools import bootstrap

MAKES_THE_VENV = 'if [ "$1" = venv ]; then for last; do :; done; mkdir -p "$last/bin"; : > "$last/bin/python"; fi'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small one, with two environments to make."""
    root = tmp_path / "repository"
    locks = root / "tools" / "lock"
    locks.mkdir(parents=True)
    for name in ("dev.txt", "uv.txt"):
        (locks / name).write_text(f"the pins of {name}")
    (root / "functions").mkdir()
    (root / "functions" / "requirements.txt").write_text("the pins of what is deployed")
    monkeypatch.setattr(bootstrap, "ROOT", root)
    monkeypatch.setattr(bootstrap, "LOCKS", locks)
    deployed = root / "functions" / "requirements.txt"
    monkeypatch.setattr(
        bootstrap, "ENVIRONMENTS", {root / ".venv": locks / "dev.txt", root / "functions" / "venv": deployed}
    )
    monkeypatch.setattr(sys, "argv", ["bootstrap.py"])
    return root


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pip of this Python, which writes down its arguments and does as the file beside it says."""
    package = tmp_path / "site" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'pip-was-called')!r}).write_text(' '.join(sys.argv[1:]))\n"
        "pathlib.Path(sys.argv[sys.argv.index('--target') + 1]).mkdir(parents=True)\n"
        f"sys.exit(pathlib.Path({str(tmp_path / 'pip-fails')!r}).exists())\n"
    )
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return tmp_path


def test_bootstrap_runs_on_an_older_python_than_the_functions() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 9))


def test_both_environments_are_installed_by_uv_from_locks_with_hashes(repository: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    programs.add("uv", MAKES_THE_VENV)

    bootstrap.main()

    venv, deployed = repository / ".venv", repository / "functions" / "venv"
    sync = "uv pip sync --quiet --require-hashes --compile-bytecode --python"
    assert programs.calls() == [
        f"uv venv --quiet --clear --python 3.12 {venv}",
        f"{sync} {venv} {repository}/tools/lock/dev.txt",
        f"uv venv --quiet --clear --python 3.12 {deployed}",
        f"{sync} {deployed} {repository}/functions/requirements.txt",
    ]


def test_only_the_environment_whose_lock_changed_is_installed_again(repository: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    programs.add("uv", MAKES_THE_VENV)
    bootstrap.main()
    programs.calls_file.unlink()

    (repository / "functions" / "requirements.txt").write_text("other pins")
    bootstrap.main()

    assert [call.split()[-1] for call in programs.calls()] == [
        str(repository / "functions" / "venv"),
        str(repository / "functions" / "requirements.txt"),
    ]


def test_the_second_time_nothing_is_run_and_nothing_needed(repository: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    uv = programs.add("uv", MAKES_THE_VENV)
    bootstrap.main()
    uv.unlink()

    bootstrap.main()

    assert len(programs.calls()) == 4
    assert not (repository / ".stack").exists()


def test_an_environment_whose_interpreter_is_gone_is_made_again(repository: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    programs.add("uv", MAKES_THE_VENV)
    bootstrap.main()
    (repository / ".venv" / "bin" / "python").unlink()

    bootstrap.main()

    assert len(programs.calls()) == 4 + 2


def test_a_python_that_a_shell_is_held_to_is_not_asked_for_ours(
    repository: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYENV_VERSION", "3.9")
    programs.borrow("mkdir")
    programs.add("uv", f'[ -z "$PYENV_VERSION" ] || exit 1\n{MAKES_THE_VENV}')

    bootstrap.main()

    assert (repository / ".venv" / ".lock").exists()


def test_an_installation_that_failed_is_tried_again(repository: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    programs.add("uv", f'{MAKES_THE_VENV}\n[ "$1" = venv ]')
    with pytest.raises(SystemExit, match=r"^\.venv cannot be made; the lines above say why\. It takes Python 3\.12\.$"):
        bootstrap.main()

    programs.add("uv", MAKES_THE_VENV)
    bootstrap.main()

    assert len(programs.calls()) == 2 + 4
    assert (repository / ".venv" / ".lock").exists()


@pytest.mark.usefixtures("repository")
def test_another_environment_that_is_active_does_not_mislead_uv(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    programs.borrow("mkdir")
    programs.add("uv", f'{MAKES_THE_VENV}\necho "seen: ${{VIRTUAL_ENV:-none}}" >> "{programs.calls_file}"')

    bootstrap.main()

    assert {call for call in programs.calls() if call.startswith("seen")} == {"seen: none"}


def test_every_group_is_locked_with_hashes_and_the_deployed_one_agrees_with_the_tested_one(
    repository: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("uv")
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "--lock"])

    bootstrap.main()

    calls = programs.calls()
    assert [call.split("--group ")[1].split()[0].rpartition(":")[2] for call in calls] == [
        "dev", "functions", "fuzz", "jre", "uv",
    ]  # fmt: skip
    assert all("pip compile" in call and "--generate-hashes" in call and "--universal" in call for call in calls)
    assert [f"--constraint {repository}/tools/lock/dev.txt" in call for call in calls] == [
        False, True, False, False, False,
    ]  # fmt: skip
    assert not (repository / ".venv").exists()


@pytest.mark.usefixtures("repository")
def test_uv_is_the_one_on_the_path(programs: Programs) -> None:
    uv = programs.add("uv")

    assert bootstrap.find_uv() == str(uv)


@pytest.mark.usefixtures("programs")
def test_a_missing_uv_is_installed_once_below_the_stack_with_hashes(repository: Path, pip: Path) -> None:
    home = repository / ".stack" / "uv"

    assert bootstrap.find_uv() == str(home / "bin" / "uv")
    called = (pip / "pip-was-called").read_text()
    (pip / "pip-was-called").unlink()
    assert bootstrap.find_uv() == str(home / "bin" / "uv")

    assert not (pip / "pip-was-called").exists()
    assert called.startswith("install ")
    assert called.endswith(f"--require-hashes --target {home} -r {repository}/tools/lock/uv.txt")


@pytest.mark.usefixtures("repository", "programs")
def test_a_pip_that_fails_is_not_taken_for_a_missing_one(pip: Path) -> None:
    (pip / "pip-fails").touch()

    with pytest.raises(SystemExit, match="pip says why above"):
        bootstrap.find_uv()


@pytest.mark.usefixtures("repository", "programs")
def test_a_python_without_pip_is_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'No module named pip' >&2; exit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry, "pip").exists()])
    sys.modules.pop("pip", None)

    with pytest.raises(SystemExit, match=r"has no pip\. Type: sudo apt-get install python3-pip$"):
        bootstrap.find_uv()
