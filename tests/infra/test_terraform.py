"""What Terraform itself says: format, names and types of attributes, and the tests of infra/ with a mocked cloud."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.infra.conftest import Stub
from tests.infra.terraform import INFRA, MODULE, copy_of, must, terraform

GOOD = """
tenancy_id     = "ocid1.tenancy.oc1..t"
compartment_id = "ocid1.compartment.oc1..c"
region         = "eu-frankfurt-1"
realm          = "example.com"
relays         = { a = { host = "turn.example.com" } }
ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ example"
alarm_email    = "operator@example.com"
"""


def plain(text: str) -> str:
    """Terraform's words without its frames and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"[│╷╵]", " ", text))


def test_everything_is_formatted() -> None:
    assert must(terraform(INFRA, "fmt", "-check", "-recursive", "-diff")) == ""


def test_the_module_is_tested_alone_without_any_provider(tmp_path: Path) -> None:
    alone = copy_of(MODULE, tmp_path / "coturn")
    must(terraform(alone, "init", "-backend=false"))
    assert not (alone / ".terraform.lock.hcl").exists()  # no provider at all
    must(terraform(alone, "validate"))
    assert re.search(r"Success! \d\d passed, 0 failed", must(terraform(alone, "test", "-no-color")))


def test_the_deployment_is_valid_and_its_tests_pass(stub: Stub, configured: Path) -> None:
    must(terraform(configured, "validate", configuration=stub.configuration))
    done = must(terraform(configured, "test", "-no-color", configuration=stub.configuration))
    assert re.search(r"Success! \d\d passed, 0 failed", done)


def test_a_running_vm_is_never_replaced_in_passing_and_a_replaced_one_keeps_its_address(
    stub: Stub, tmp_path: Path
) -> None:
    applied = stub.initialised(tmp_path / "infra")
    for file in applied.glob("*.tf"):
        file.write_text(file.read_text().replace("prevent_destroy = true", "prevent_destroy = false"))
    whole = 'output "instances" {\n  value = oci_core_instance.relay\n}\n'
    whole += 'output "public_addresses" {\n  value = oci_core_public_ip.relay\n}\n'
    (applied / "whole.tf").write_text(whole)
    shutil.copy(Path(__file__).with_name("replacing.tftest.hcl"), applied / "tests")
    only = ("test", "-no-color", "-filter=tests/replacing.tftest.hcl")
    assert "4 passed, 0 failed" in must(terraform(applied, *only, configuration=stub.configuration))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "complaint"),
    [
        ("network.tf", "cidr_blocks    = [local.vcn_cidr]", "cidr_blokcs    = [local.vcn_cidr]", "cidr_blokcs"),
        ("network.tf", "  protocol                  = local.icmp\n", "", 'argument "protocol" is required'),
        ("network.tf", "in_seconds   = 10800", 'in_seconds   = "long"', "a number is required"),
        ("iam.tf", "oci_core_instance.relay :", "oci_core_instance.nobody :", "nobody"),
    ],
)
def test_the_stand_in_for_the_provider_knows_its_attributes(  # noqa: PLR0913, PLR0917
    stub: Stub, configured: Path, tmp_path: Path, file: str, right: str, wrong: str, complaint: str
) -> None:
    """Guards the test above: it would pass with a provider that takes anything."""
    broken = shutil.copytree(configured, tmp_path / "infra", symlinks=True)
    text = (broken / file).read_text()
    assert right in text
    (broken / file).write_text(text.replace(right, wrong, 1))
    done = terraform(broken, "validate", "-no-color", configuration=stub.configuration)
    assert done.returncode == 1
    assert complaint in plain(done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('ssh_sources = ["0.0.0.0/0"]', "name your own address, as 198.51.100.7/32"),
        ('shape = "VM.Standard.A1.Flex"', "Pin one, or take VM.Standard.E2.1.Micro"),
        ("relay_ports = { min = 3000, max = 9000 }", "{min = 49152, max = 65535}"),
        ('realm = "My Calls"', "example.com"),
        ("availability_domain = 7", "has to be 1, 2 or 3"),
        ("relays = {}", '{a = {host = "turn.example.com"}}'),
        ('region = "Frankfurt"', "such as eu-frankfurt-1"),
        ('alarm_email = "nobody"', "operator@example.com"),
        ('ssh_public_key = "-----BEGIN RSA PRIVATE KEY-----"', "never the private one"),
        ("total_quota = 0", "300 suits"),
        ('ssh_sources = ["198.51.100.7/24"]', "198.51.100.0/24 is the range, 198.51.100.7/32 the address"),
        ('ssh_sources = ["2001:db8::/32"]', "IPv4 ranges such as 198.51.100.0/24"),
        ('bastion_sources = ["198.51.100.7"]', "IPv4 ranges such as 198.51.100.0/24"),
        ('relays = { a = { host = "https://turn.example.com:3478" } }', "without scheme or port: turn.example.com"),
        ('relays = { Frankfurt-1 = { host = "turn.example.com" } }', "a letter first: a, b, eu1"),
        ('relays = { a = { host = "turn.example.com", weight = 0 } }', "a whole number from 1 to 1000"),
        ('relays = { a = { host = "turn.example.com", region = "west europe" } }', "as clients name it: eu"),
        ('relays = { a = { host = "turn.example.com", availability_domain = 9 } }', "1, 2 or 3, or left out"),
        ('acme = { server = "https://acme.example.com/\'; reboot" }', "the https address of an ACME directory"),
        ('acme = { email = "nobody" }', "for the issuer's warnings, or nothing"),
        ('acme = { eab_secret_id = "kid key" }', "never the key itself"),
        ('coturn_source = { version = "4.6.1", url = "", sha256 = "" }', "has to be 4.10 or newer, as 4.17.1"),
        (
            'coturn_source = { version = "4.17.1", url = "http://x/c.zip", sha256 = "" }',
            "a .tar.gz by https and its SHA-256",
        ),
        ('image_id = "Ubuntu"', "or left out for the newest Ubuntu 24.04"),
        ("traffic_alarm_tb = 11", "8 leaves time to act"),
        ("relay_ports = { min = 50000, max = 50100 }", "span at least 1024 ports"),
        ("relay_ports = { min = 50000.5, max = 60000 }", "whole numbers from 1024 to 65535"),
        ('oci_profile = "my profile"', "DEFAULT is the first one there"),
        ('compartment_id = "ocid1.tenancy.oc1..t"', "Identity, Compartments, Create"),
        ('tenancy_id = "me"', "Profile menu, Tenancy"),
    ],
)
def test_a_wrong_value_fails_at_plan_with_what_to_write_instead(
    stub: Stub, configured: Path, tmp_path: Path, line: str, advice: str
) -> None:
    name = line.partition(" ")[0]
    right = "\n".join(row for row in GOOD.splitlines() if not row.startswith(name))
    values = tmp_path / "wrong.tfvars"
    values.write_text(f"{right}\n{line}\n")
    done = terraform(configured, "plan", "-no-color", f"-var-file={values}", configuration=stub.configuration)
    said = plain(done.stdout + done.stderr)
    assert done.returncode == 1
    assert "Invalid value for variable" in said
    assert advice in said


def test_every_variable_has_a_type_a_sentence_and_a_validation() -> None:
    for file in (INFRA / "variables.tf", MODULE / "variables.tf"):
        blocks = re.split(r'^variable "', file.read_text(), flags=re.MULTILINE)[1:]
        assert len(blocks) > 10
        for block in blocks:
            for part in (r"^  type\b", r'^  description = "[A-Z]', r"^  validation \{"):
                assert re.search(part, block, re.MULTILINE), f"{file.name}: {block.partition(chr(34))[0]}: {part}"
