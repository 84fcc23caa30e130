"""A rotation over both stores, each a real server that checks who asks, and a real Coturn that follows the vault."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import oci_vault
import relay_secrets
from tests.infra import gcp, oci
from tests.support.ports import free_port
from tools import coturn, provision, rotate_cloud
from tools.rotate_cloud import Steps
from tools.rotation import NotDone, OutOfOrder
from webrtc_lite.core.turn import GRACE, TTL_MAX

FIRST = "first-" + "1" * 42


@dataclass
class World:
    """The stores, a relay, and a clock that a waiting operator moves."""

    cloud: oci.Cloud
    google: gcp.Google
    vault: rotate_cloud.OciVault
    kept: rotate_cloud.GoogleCloud
    database: Path
    port: int
    follows: bool = True  # whether the relay's VM asks the vault
    clock: float = field(default_factory=time.time)
    said: list[str] = field(default_factory=list)

    def sync(self) -> None:
        """What the VM's timer does."""
        url = self.vault.management
        principal, services = oci_vault.instance_principal(f"{url}/opc/v2", oci_vault.Services(url, url))
        found = [oci_vault.secret(principal, services, oci.SECRET, "CURRENT")]
        with contextlib.suppress(oci_vault.NoSuchVersionError):
            found.append(oci_vault.secret(principal, services, oci.SECRET, "PREVIOUS"))
        relay_secrets.accept_only(self.database, coturn.REALM, found)

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        if self.follows:
            self.sync()

    def taking(self, secret: str) -> bool:
        return rotate_cloud.not_taking([(coturn.HOST, self.port)], secret) == []

    def steps(self, *, dry: bool = False) -> Steps:
        return Steps(
            self.vault,
            self.kept,
            lambda secret: rotate_cloud.not_taking([(coturn.HOST, self.port)], secret),
            self.said.append,
            now=lambda: self.clock,
            sleep=self.sleep,
            dry=dry,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cloud, functions = oci.Cloud(), gcp.Google()
    oracle, googles = oci.Server(cloud, ("127.0.0.1", 0)), gcp.Server(functions)
    cloud.put(oci.SECRET, FIRST)
    functions.versions.append(FIRST)
    functions.deploy(time.time() - 90 * 86_400)
    principal = oci_vault.Principal(cloud.operator_key_id, cloud.operator_key)
    vault = rotate_cloud.OciVault(principal, oci_vault.Services(oracle.url, oracle.url), oracle.url, oci.SECRET)
    kept = rotate_cloud.GoogleCloud(gcp.PROJECT, lambda: gcp.TOKEN, googles.url, googles.url, googles.url)
    relay = coturn.Coturn(tmp_path / "coturn", free_port(), free_port())
    with subprocess.Popen(relay.prepare(FIRST), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        ends = time.monotonic() + 20
        while not relay.answers():
            assert time.monotonic() < ends
            time.sleep(0.1)
        yield World(cloud, functions, vault, kept, tmp_path / "coturn" / "turndb", relay.port)
        running.kill()
    oracle.stop()
    googles.stop()


def test_a_whole_rotation_leaves_no_moment_without_a_working_credential(world: World) -> None:
    steps = world.steps()
    steps.status()
    assert "accept begins one" in world.said[-1]

    steps.accept()
    new = world.cloud.staged(oci.SECRET, "CURRENT").content
    assert new != FIRST
    assert world.taking(FIRST)
    assert world.taking(new)

    with pytest.raises(NotDone, match="version 2 yet: make deploy"):
        steps.sign()
    assert world.google.versions == [FIRST, new]
    steps.status()
    assert "waits to be deployed" in world.said[-1]
    world.google.deploy(world.clock)
    steps.sign()

    with pytest.raises(OutOfOrder, match=r"^Until .* somebody may hold a credential of the old secret"):
        steps.retire()
    assert world.taking(FIRST)
    world.clock += TTL_MAX + GRACE
    steps.retire()
    world.sync()
    assert world.taking(new)
    assert not world.taking(FIRST)
    assert world.google.disabled == {1}
    steps.status()
    assert "accept begins one" in world.said[-1]
    assert not [line for line in world.said if FIRST in line or new in line]


def test_every_step_may_be_repeated(world: World) -> None:
    steps = world.steps()
    steps.accept()
    new = world.cloud.staged(oci.SECRET, "CURRENT").content
    steps.accept()
    assert world.cloud.staged(oci.SECRET, "CURRENT").content == new
    for _ in range(2):
        with pytest.raises(NotDone):
            steps.sign()
    assert world.google.versions == [FIRST, new]
    world.google.deploy(world.clock)
    steps.sign()
    steps.sign()
    world.clock += TTL_MAX + GRACE
    steps.retire()
    versions = len(world.cloud.secrets[oci.SECRET])
    steps.retire()
    assert len(world.cloud.secrets[oci.SECRET]) == versions
    assert world.google.versions == [FIRST, new]


def test_a_rotation_goes_on_where_it_was_interrupted_by_whoever(world: World) -> None:
    world.follows = False
    with pytest.raises(NotDone, match="Repeat accept"):
        world.steps().accept()
    new = world.cloud.staged(oci.SECRET, "CURRENT").content
    world.follows = True
    world.steps().accept()
    assert world.cloud.staged(oci.SECRET, "CURRENT").content == new
    assert world.taking(new)


def test_functions_do_not_sign_with_what_a_relay_refuses(world: World) -> None:
    world.follows = False
    with pytest.raises(NotDone):
        world.steps().accept()
    with pytest.raises(OutOfOrder, match="Not every relay takes the new secret yet"):
        world.steps().sign()
    assert world.google.versions == [FIRST]


def test_nothing_is_retired_before_the_functions_sign_with_the_new_one(world: World) -> None:
    world.steps().accept()
    with pytest.raises(OutOfOrder, match="the next step is sign"):
        world.steps().retire()
    with pytest.raises(NotDone):
        world.steps().sign()
    with pytest.raises(OutOfOrder, match="make deploy"):
        world.steps().retire()
    assert world.taking(FIRST)


def test_a_second_rotation_does_not_begin_before_the_first_is_done(world: World) -> None:
    """The vault keeps two stages: a third secret would end the one that functions sign with."""
    world.steps().accept()
    with pytest.raises(NotDone):
        world.steps().sign()
    world.google.deploy(world.clock)
    with pytest.raises(OutOfOrder, match="The old secret still counts"):
        world.steps().accept()


def test_a_leaked_secret_goes_at_once_where_one_says_so(world: World) -> None:
    world.steps().accept()
    with pytest.raises(NotDone):
        world.steps().sign()
    world.google.deploy(world.clock)
    world.steps().retire(at_once=True)
    world.sync()
    assert not world.taking(FIRST)


def test_a_dry_run_changes_nothing_anywhere(world: World) -> None:
    dry = world.steps(dry=True)
    dry.accept()
    assert [version.content for version in world.cloud.secrets[oci.SECRET]] == [FIRST]
    assert len(world.said) == 1
    assert "Would put a new version" in world.said[0]
    world.follows = False
    with pytest.raises(NotDone):
        world.steps().accept()
    with pytest.raises(NotDone, match="Not every relay takes the new secret yet"):
        dry.accept()
    world.follows = True
    world.steps().accept()
    dry.sign()
    assert world.google.versions == [FIRST]
    with pytest.raises(NotDone):
        world.steps().sign()
    world.google.deploy(world.clock)
    world.clock += TTL_MAX + GRACE
    dry.retire()
    assert "Would have the relays forget" in world.said[-1]
    assert len(world.cloud.secrets[oci.SECRET]) == 2
    assert not world.google.disabled
    assert not [line for line in world.google.requests if ":disable" in line]


def test_deployments_that_change_something_else_do_not_begin_the_day_anew(world: World) -> None:
    """Who deploys every morning would never come to retire."""
    world.steps().accept()
    with pytest.raises(NotDone):
        world.steps().sign()
    for _ in range(5):
        world.google.deploy(world.clock)
        world.clock += TTL_MAX / 4
    with pytest.raises(OutOfOrder, match="Until"):
        Steps(
            world.vault, world.kept, lambda _: [], world.said.append, now=lambda: world.google.revisions[1][1] + TTL_MAX
        ).retire()
    world.steps().retire()
    assert world.google.disabled == {1}


def test_going_back_to_an_older_secret_in_between_does_begin_it_anew(world: World) -> None:
    world.steps().accept()
    with pytest.raises(NotDone):
        world.steps().sign()
    world.google.deploy(world.clock)
    world.google.revisions.append((1, int(world.clock) + 3600))  # rolled back
    world.clock += TTL_MAX
    world.google.deploy(world.clock)
    world.clock += 3600
    with pytest.raises(OutOfOrder, match="Until"):
        world.steps().retire()


def test_apps_that_never_ask_for_a_day_need_not_be_waited_for(world: World) -> None:
    world.steps().accept()
    with pytest.raises(NotDone):
        world.steps().sign()
    world.google.deploy(world.clock)
    world.clock += 3600
    with pytest.raises(OutOfOrder, match="Until"):
        world.steps().retire(3600)
    world.clock += GRACE
    world.steps().retire(3600)
    assert world.google.disabled == {1}


def test_of_two_people_who_begin_at_once_one_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two new secrets would push out the one that functions sign with."""
    ask = oci_vault.call

    def overtaken(*arguments: object) -> dict[str, object]:
        if "PUT" in arguments:
            monkeypatch.setattr(oci_vault, "call", ask)
            world.steps().accept()
        return ask(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(oci_vault, "call", overtaken)
    with pytest.raises(OutOfOrder, match="Somebody else"):
        world.steps().accept()
    assert len(world.cloud.secrets[oci.SECRET]) == 2
    assert world.taking(FIRST)
    world.steps().accept()
    assert len(world.cloud.secrets[oci.SECRET]) == 2


def test_a_relay_that_is_down_is_told_from_one_that_refuses(world: World) -> None:
    assert rotate_cloud.not_taking([("127.0.0.1", world.port)], "x" * 48) == ["127.0.0.1"]
    assert rotate_cloud.not_taking([("127.0.0.1", free_port())], FIRST) == ["127.0.0.1 (does not answer)"]


def test_the_first_secret_reaches_the_functions_by_sign(world: World) -> None:
    """After the first apply Google has none yet: the vault's own is copied."""
    world.google.versions.clear()
    world.google.revisions.clear()
    with pytest.raises(NotDone, match="make deploy"):
        world.steps().sign()
    assert world.google.versions == [FIRST]


def test_functions_with_a_secret_of_somebody_elses_are_not_rotated(world: World) -> None:
    world.google.versions.append("x" * 48)
    for step in (world.steps().accept, world.steps().sign):
        with pytest.raises(OutOfOrder, match="know nothing of the secret"):
            step()
    assert len(world.cloud.secrets[oci.SECRET]) == 1


def test_a_relay_that_refuses_what_functions_sign_with_stops_it(world: World) -> None:
    relay_secrets.accept_only(world.database, coturn.REALM, ["another-" + "0" * 40])
    with pytest.raises(OutOfOrder, match="Mend that first"):
        world.steps().accept()
    assert len(world.cloud.secrets[oci.SECRET]) == 1


def test_the_operators_key_comes_from_ocis_own_file(tmp_path: Path) -> None:
    key = oci.new_key()
    (tmp_path / "key.pem").write_bytes(oci.pem(key))
    settings = "[DEFAULT]\nuser=ocid1.user.oc1..u\nfingerprint=aa:bb\ntenancy=ocid1.tenancy.oc1..t\n"
    (tmp_path / "config").write_text(f"{settings}key_file={tmp_path / 'key.pem'}\nregion=eu-frankfurt-1\n")
    principal = rotate_cloud.operator("DEFAULT", tmp_path / "config")
    assert principal.key_id == "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb"
    plain = serialization.PublicFormat.SubjectPublicKeyInfo
    assert principal.key.public_key().public_bytes(serialization.Encoding.DER, plain) == key.public_key().public_bytes(
        serialization.Encoding.DER, plain
    )
    with pytest.raises(provision.Missing, match="oci setup config"):
        rotate_cloud.operator("OTHER", tmp_path / "config")
    (tmp_path / "key.pem").unlink()
    with pytest.raises(provision.Missing, match="not complete"):
        rotate_cloud.operator("DEFAULT", tmp_path / "config")
