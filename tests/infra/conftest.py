"""Terraform, the provider that stands in for Oracle's, and the programs that look at infra/."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.terraform import INFRA, copy_of, must, terraform
from tools import provision

HERE = Path(__file__).parent
VERSION = "8.28.0"
PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")


@dataclass(frozen=True)
class Stub:
    """Where `terraform init` finds the provider, in the place of the registry."""

    configuration: Path

    def initialised(self, directory: Path) -> Path:
        """A copy of infra/ with the provider in place."""
        copy_of(INFRA, directory)
        must(terraform(directory, "init", "-backend=false", configuration=self.configuration))
        return directory


@pytest.fixture(scope="session")
def tools() -> Path:
    return provision.infra_tools()


@pytest.fixture(scope="session")
def stub(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Stub:
    """A provider with the schema of Oracle's, as far as infra/ uses it."""
    directory = tmp_path_factory.mktemp("provider")
    schema = directory / "schema.json"
    python = str(tools / "python")
    subprocess.run([python, "-P", str(HERE / "oci_schema.py"), str(INFRA), str(schema)], check=True)
    for platform in PLATFORMS:
        place = directory / "mirror" / "registry.terraform.io" / "oracle" / "oci" / VERSION / platform
        place.mkdir(parents=True)
        program = place / f"terraform-provider-oci_v{VERSION}"
        provider = HERE / "stub_provider.py"
        program.write_text(f'#!/bin/sh\nOCI_STUB_SCHEMA="{schema}" exec "{python}" -P "{provider}" "$@"\n')
        program.chmod(0o755)
    configuration = directory / "terraform.rc"
    mirror = directory / "mirror"
    configuration.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{mirror}" }} }}\n')
    return Stub(configuration)


@pytest.fixture(scope="session")
def configured(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """infra/ with its provider, to be read and planned in; not to be changed."""
    return stub.initialised(tmp_path_factory.mktemp("infra") / "infra")
