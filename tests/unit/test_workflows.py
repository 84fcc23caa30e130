"""The workflows of GitHub Actions: what they run, as whom, and what they never hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
TARGETS = set(re.findall(r"^([a-z][a-z0-9_-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
IDENTITY = {"contents": "read", "id-token": "write"}

type Node = dict[Any, Any]

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path: Path) -> Node:
    workflow = yaml.safe_load(path.read_text())
    assert isinstance(workflow, dict)
    return workflow


def workflow(name: str) -> Node:
    return load(ROOT / ".github" / "workflows" / f"{name}.yml")


def triggers(workflow: Node) -> Node:
    """In YAML 1.1, which PyYAML reads, the bare word `on` is the boolean True."""
    found = workflow[True]
    assert isinstance(found, dict)
    return found


def jobs(workflow: Node) -> Node:
    found = workflow["jobs"]
    assert isinstance(found, dict)
    return found


def steps(job: Node) -> list[Node]:
    found = job.get("steps", [])
    assert isinstance(found, list)
    return found


def commands(workflow: Node) -> list[str]:
    return [step["run"] for job in jobs(workflow).values() for step in steps(job) if "run" in step]


def position(job: Node, text: str) -> int:
    """Where the one step stands that says this."""
    [found] = [index for index, step in enumerate(steps(job)) if text in f"{step.get('uses')} {step.get('run')}"]
    return found


def test_there_is_a_workflow_that_checks_and_one_that_deploys() -> None:
    assert [path.name for path in WORKFLOWS] == ["check.yml", "deploy.yml"]


@every_workflow
def test_a_workflow_is_yaml_with_a_name_triggers_and_jobs(path: Path) -> None:
    content = load(path)
    assert content["name"] == path.stem
    assert triggers(content)
    assert jobs(content)


@every_workflow
def test_every_action_is_pinned_by_a_full_commit_and_says_its_version(path: Path) -> None:
    lines = re.findall(r"^\s*(?:- )?uses: *(.*)$", path.read_text(), re.MULTILINE)
    assert len(lines) == path.read_text().count("uses:")
    pin = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    own = re.compile(r"\./\.github/workflows/[a-z]+\.yml")  # taken from the same commit
    assert [line for line in lines if not (pin.fullmatch(line) or own.fullmatch(line))] == []


def test_an_action_has_one_pin_in_all_workflows() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: *([\w./-]+)@(.*)", path.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@every_workflow
def test_no_command_is_built_from_an_expression(path: Path) -> None:
    """`${{ }}` in a command is pasted in before the shell reads it; an environment variable is not."""
    assert [command for command in commands(load(path)) if "${{" in command] == []


def test_check_runs_make_targets_and_nothing_else() -> None:
    for command in commands(workflow("check")):
        make, *targets = command.split()
        assert make == "make"
        assert targets
        assert set(targets) <= TARGETS


def test_check_runs_what_a_person_runs_before_a_commit() -> None:
    assert commands(workflow("check")) == ["make check", "make test"]


def test_check_runs_on_every_pull_request_and_when_deploy_calls_it() -> None:
    assert triggers(workflow("check")) == {"pull_request": None, "workflow_call": None}


@every_workflow
def test_no_event_runs_a_strangers_code_with_our_rights(path: Path) -> None:
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers(load(path)))


@every_workflow
def test_a_workflow_may_only_read_unless_a_job_says_otherwise(path: Path) -> None:
    assert load(path)["permissions"] == {"contents": "read"}


@every_workflow
def test_a_pull_request_never_gets_an_identity(path: Path) -> None:
    if "pull_request" in triggers(load(path)):
        assert all("permissions" not in job for job in jobs(load(path)).values())
        assert "id-token" not in path.read_text()
        assert "google-github-actions" not in path.read_text()


@every_workflow
def test_a_checkout_leaves_no_token_behind(path: Path) -> None:
    for job in jobs(load(path)).values():
        for step in steps(job):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}


def test_deploy_runs_for_main_only() -> None:
    assert set(triggers(workflow("deploy"))) == {"push", "workflow_dispatch"}
    assert triggers(workflow("deploy"))["push"] == {"branches": ["main"]}
    assert jobs(workflow("deploy"))["deploy"]["if"] == "github.ref == 'refs/heads/main'"


def test_deploy_waits_for_check() -> None:
    assert jobs(workflow("deploy"))["check"] == {"uses": "./.github/workflows/check.yml"}
    assert jobs(workflow("deploy"))["deploy"]["needs"] == "check"


def test_deploy_alone_gets_an_identity_and_only_in_the_environment_production() -> None:
    identified = {
        (path.stem, name): job for path in WORKFLOWS for name, job in jobs(load(path)).items() if "permissions" in job
    }
    assert set(identified) == {("deploy", "deploy")}
    assert identified["deploy", "deploy"]["permissions"] == IDENTITY
    assert identified["deploy", "deploy"]["environment"] == "production"


@every_workflow
def test_a_workflow_holds_no_key(path: Path) -> None:
    """Neither a secret of the repository nor a long-lived token or key that Google's tools would take."""
    text = path.read_text().lower()
    assert [
        key
        for key in ("secrets.", "secrets[", "inherit", "firebase_token", "credentials_json", "--token")
        if key in text
    ] == []


def test_deploy_identifies_itself_through_a_service_account() -> None:
    job = jobs(workflow("deploy"))["deploy"]
    step = steps(job)[position(job, "google-github-actions/auth@")]
    assert step["with"] == {
        "workload_identity_provider": "${{ vars.WIF_PROVIDER }}",
        "service_account": "${{ vars.DEPLOY_SA }}",
    }


def test_deploy_stops_first_of_all_if_one_of_its_variables_is_missing() -> None:
    used = set(re.findall(r"\bvars\.(\w+)", (ROOT / ".github" / "workflows" / "deploy.yml").read_text()))
    job = jobs(workflow("deploy"))["deploy"]
    first = steps(job)[0]
    looked_at = re.search(r"for name in ([A-Z_ ]+);", first["run"])
    assert looked_at
    assert set(looked_at[1].split()) == used
    assert {**job["env"], **first["env"]} == {name: f"${{{{ vars.{name} }}}}" for name in used}


def test_deploy_installs_before_it_has_an_identity_and_deploys_with_make() -> None:
    job = jobs(workflow("deploy"))["deploy"]
    order = [
        position(job, "actions/checkout@"),
        position(job, "make python node_modules"),
        position(job, 'functions/.env.$FIREBASE_PROJECT"'),
        position(job, "google-github-actions/auth@"),
        position(job, "make deploy "),
    ]
    assert order == sorted(order)
    assert steps(job)[-1]["run"] == 'make deploy PROJECT="$FIREBASE_PROJECT" FORCE="$FORCE"'
    assert "deploy" in TARGETS


def test_a_deployment_is_never_cut_off_by_the_next_one() -> None:
    assert workflow("deploy")["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}


def test_check_and_deploy_never_wait_for_each_other() -> None:
    """A called workflow in its caller's concurrency group is a deadlock, which GitHub cancels."""
    group = workflow("check")["concurrency"]["group"]
    assert "github.workflow" not in group
    assert group != workflow("deploy")["concurrency"]["group"]


@every_workflow
def test_a_job_that_hangs_is_ended(path: Path) -> None:
    assert all(0 < job["timeout-minutes"] <= 60 for job in jobs(load(path)).values() if "steps" in job)
