"""What may never be in infra/, read from its text: secrets, open doors, things that cost money."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.terraform import INFRA, MODULE, rendered
from tools import provision

TEXT = {path.name: path.read_text() for path in sorted(INFRA.glob("*.tf"))}
README = (INFRA / "README.md").read_text()
ALL = "\n".join(TEXT.values())
OCI_METADATA_MAX = 32_000  # bytes, all keys together
PARAMETERS = {"host": "turn.example.com", "realm": "example.com", "vault_secret_id": "ocid1.vaultsecret.oc1..made"}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rendered(tmp_path_factory.mktemp("module") / "coturn", **PARAMETERS)


def resources(kind: str) -> list[str]:
    """The bodies of the resources of a type."""
    return re.findall(rf'^resource "{kind}" "\w+" \{{\n(.*?)^\}}', ALL, re.MULTILINE | re.DOTALL)


def test_terraform_never_learns_the_secret() -> None:
    """A secret's content in a configuration, or read by a data source, would stand in the state in clear."""
    assert not re.search(r"^\s*secret_content\s*(=|\{)", ALL, re.MULTILINE)
    assert 'data "oci_secrets_secretbundle"' not in ALL
    assert 'data "oci_vault' not in ALL
    assert all("enable_auto_generation = true" in body for body in resources("oci_vault_secret"))
    assert not re.search(r'provider "(random|tls|local|null|http|external)"', ALL)
    assert "random_password" not in ALL


def test_no_variable_holds_a_secret() -> None:
    assert not re.search(
        r'^variable "\w*(password|passphrase|hmac|private_key|token|shared_secret)\w*"', ALL, re.MULTILINE
    )
    assert "sensitive" not in ALL


def test_the_user_data_holds_no_secret_and_no_place_for_one(module: dict[str, Any]) -> None:
    given = module["user_data"]
    assert "static-auth-secret" not in given
    assert not re.search(r"BEGIN [A-Z ]*PRIVATE KEY", given)
    assert not re.search(
        r"[A-Za-z0-9+/_-]{40,}={0,2}", re.sub(r"/\S+|\w+_\w+|[a-z.]{40,}", "", given)
    )  # nothing like a key
    parameters = module["files"]["/etc/webrtc-lite/relay.env"]
    assert {line.partition("=")[0] for line in parameters.splitlines()} == {
        "ACME_EAB_SECRET", "ACME_EMAIL", "ACME_SERVER", "COTURN_SHA256", "COTURN_URL", "COTURN_VERSION", "HOST",
        "MAX_PORT", "METRICS_PORT", "METRICS_SOURCES", "MIN_PORT", "PUBLIC_ADDRESS", "REALM", "SSH_SOURCES",
        "VAULT_SECRET",
    }  # fmt: skip


def test_the_user_data_fits_into_ocis_metadata_with_room_for_keys(module: dict[str, Any]) -> None:
    given = module["user_data_base64"]
    assert gzip.decompress(base64.b64decode(given)).decode() == module["user_data"]
    assert len(given) + 3_000 < OCI_METADATA_MAX


def test_it_fits_with_every_option_as_long_as_it_gets(tmp_path: Path) -> None:
    ocid = "ocid1.vaultsecret.oc1.eu-frankfurt-1." + "a1b2c3" * 10
    options = {
        "host": ".".join(["h" * 60] * 4) + ".example",
        "realm": "r" * 60 + ".example.com",
        "public_address": "198.51.100.7",
        "vault_secret_id": ocid,
        "ssh_sources": [f"198.51.{n}.0/24" for n in range(100)],
        "metrics_sources": ["10.0.0.0/24", "192.168.0.0/16"],
        "acme": {
            "server": "https://dv.acme-v02.api.pki.goog/directory",
            "email": "o@example.com",
            "eab_secret_id": ocid,
        },
        "coturn_source": {
            "version": "4.17.1",
            "url": f"https://example.com/{'x' * 100}.tar.gz",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        },
    }
    given = rendered(tmp_path / "coturn", **options)["user_data_base64"]
    assert len(given) + 3_000 < OCI_METADATA_MAX


def test_the_kernel_knows_connections_before_their_number_is_set(module: dict[str, Any]) -> None:
    """Else the setting is passed over at every boot, and the table is as small as a small VM's default."""
    files = {name.rpartition("/etc/")[2]: text for name, text in module["files"].items()}
    assert "net.netfilter.nf_conntrack_max = " in files["sysctl.d/60-webrtc-lite.conf"]
    assert files["modules-load.d/webrtc-lite.conf"].splitlines()[-1] == "nf_conntrack"


def test_no_program_of_the_vm_takes_a_secret_in_its_command(module: dict[str, Any]) -> None:
    """Every user of a machine reads the commands that run on it."""
    for name, text in module["files"].items():
        assert "turnadmin" not in text, name
        assert not re.search(r"--(static-auth-secret|eab-hmac-key|cli-password)[ =]", text), name


def test_nothing_is_open_to_the_world_but_the_relay_itself() -> None:
    network = TEXT["network.tf"]
    opened = re.findall(
        r"(\w+)\s*= \{ protocol = local\.(\w+), from = local\.anywhere, min = ([\w.]+), max = ([\w.]+)", network
    )
    assert {(protocol, low, high) for _, protocol, low, high in opened} == {
        ("udp", "3478", "3478"),
        ("udp", "var.relay_ports.min", "var.relay_ports.max"),
        ("tcp", "3478", "3478"),
        ("tcp", "5349", "5349"),
        ("tcp", "443", "443"),
        ("tcp", "80", "80"),
    }
    # Rules are made from that table and nowhere else.
    assert len(resources("oci_core_network_security_group_security_rule")) == 4
    assert not re.search(r"(in|e)gress_security_rules", ALL)
    assert network.count("local.anywhere") == len(opened) + 4  # the route, the mirror, ICMP, what goes out


def test_every_rule_names_its_protocol_by_number_and_its_ports() -> None:
    for body in resources("oci_core_network_security_group_security_rule"):
        assert re.search(r"protocol\s+= (each\.value\.protocol|local\.icmp)", body)
        assert "_options" in body, "a rule without ports opens all of them"
    numbers = dict(re.findall(r'^\s+(tcp|udp|icmp)\s*= "(\d+)"$', TEXT["network.tf"], re.MULTILINE))
    assert numbers == {"tcp": "6", "udp": "17", "icmp": "1"}
    assert '"all"' not in ALL


def test_what_has_to_outlive_a_mistake_cannot_be_destroyed_in_passing() -> None:
    for kind in ("oci_core_public_ip", "oci_kms_vault"):
        assert all("prevent_destroy = true" in body for body in resources(kind)), kind


def test_nothing_that_costs_money_is_described() -> None:
    kinds = set(re.findall(r'^resource "(oci_\w+)"', ALL, re.MULTILINE))
    assert not {
        kind for kind in kinds if re.search(r"load_balancer|nat_gateway|capacity_reservation|autonomous|drg", kind)
    }
    assert 'vault_type     = "DEFAULT"' in ALL
    assert 'protection_mode     = "SOFTWARE"' in ALL
    assert "VIRTUAL_PRIVATE" not in ALL


def test_the_handbook_says_of_every_alarm_what_to_do_and_knows_no_other() -> None:
    described = re.findall(
        r"^\| \*\*(\w+)\*\* \|", README.partition("## Alarms")[2].partition("\n## ")[0], re.MULTILINE
    )
    alarms = re.findall(r"README: alarm (\w+)\.", TEXT["alarms.tf"])
    assert sorted(described) == sorted([*alarms, "budget"])


def test_every_command_variable_and_resource_in_the_handbook_is_one() -> None:
    makefile = (provision.ROOT / "Makefile").read_text()
    modules = ALL + (MODULE / "outputs.tf").read_text()
    for named, there in (
        (r"\bmake ([a-z-]+)", set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))),
        (r"-chdir=[\w/]+ output (?:-raw )?(\w+)", set(re.findall(r'^output "(\w+)"', modules, re.MULTILINE))),
        (r"^(\w+) +=", set(re.findall(r'^variable "(\w+)"', ALL, re.MULTILINE))),
        (r"(oci_\w+\.\w+)\[", {".".join(each) for each in re.findall(r'^resource "(\w+)" "(\w+)"', ALL, re.MULTILINE)}),
        (r"webrtc-lite/(\w+\.sh)", {path.name for path in MODULE.glob("vm/*.sh")}),
    ):
        found = set(re.findall(named, README, re.MULTILINE))
        assert found, named
        assert found <= there, found - there


def test_coturns_configuration_has_one_source() -> None:
    """Neither the module nor the VM's scripts say again what the template says."""
    for path in MODULE.rglob("*"):
        if path.is_file() and path.name != "turnserver.conf" and path.suffix != ".hcl":
            assert not re.search(
                r"^(denied-peer-ip|use-auth-secret|user-quota|max-bps)\b", path.read_text(), re.MULTILINE
            ), path


def test_the_vms_listening_ports_are_those_that_the_group_opens(module: dict[str, Any]) -> None:
    conf, rules = module["turnserver_conf"], module["files"]["/usr/local/lib/webrtc-lite/firewall.sh"]
    assert "listening-port=3478\n" in conf
    assert "tls-listening-port=5349\n" in conf
    assert "aux-server=@PRIVATE_ADDRESS@:443\n" in conf
    assert "--dports 443,3478,5349" in rules


def test_checkov_finds_nothing_that_is_not_explained(tools: Path) -> None:
    command = [str(tools / "checkov"), "-d", str(INFRA), "--framework", "terraform", "--skip-download", "-o", "json"]
    command += ["--skip-path", "tests"]  # no resources there, and its parser takes minutes for them
    done = subprocess.run(
        [*command, "--compact", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        cwd=provision.ROOT,
        env={**os.environ, "HCL_PARSE_TIMEOUT_SEC": "300"},  # by default it gives a file up after ten seconds
    )
    found = json.loads(done.stdout)
    failed = [
        f"{each['check_id']} {each['resource']}: {each['check_name']}" for each in found["results"]["failed_checks"]
    ]
    assert failed == []
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] >= 8
    explained = re.findall(r"# checkov:skip=(CKV_\w+):(.+)", ALL)
    assert all(len(reason.split()) > 5 for _, reason in explained)
