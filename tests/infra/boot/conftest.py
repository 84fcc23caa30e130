"""One machine for this suite, booted from the user-data that the module renders, in a world of its own."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import oci
from tests.infra.boot import services
from tests.infra.boot.machine import PUBLIC, Machine, World, base_disk, disk_for, standing_in
from tests.infra.terraform import rendered

HOST, REALM = "turn.example.com", "example.com"
OLD, NEW = "old-" + "a" * 40, "new-" + "b" * 40
NEEDED = ("systemd-nspawn", "debootstrap", "ip", "iptables", "nsenter", "pebble", "pebble-challtestsrv")
LISTENING = (3478, 5349, 443, 3479, 5350)


@dataclass
class Booted:
    """The machine, its world, and what was seen while it came up."""

    machine: Machine
    services: services.Services
    world: World
    early: list[str] = field(default_factory=list)

    def __call__(self, *command: str, check: bool = True) -> str:
        return self.machine(*command, check=check)

    @property
    def cloud(self) -> oci.Cloud:
        return self.services.cloud


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Asked for by name, this suite runs or fails; it is never passed over in silence."""
    if items and os.geteuid():
        pytest.exit("A machine boots here with namespaces, mounts and a firewall of its own: that takes root.", 2)
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if items and missing:
        packages = "systemd-container debootstrap iproute2 iptables pebble"
        pytest.exit(f"Missing: {', '.join(missing)}. Type: apt-get install --no-install-recommends {packages}", 2)


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rendered(
        tmp_path_factory.mktemp("module") / "coturn",
        host=HOST,
        realm=REALM,
        vault_secret_id=oci.SECRET,
        ssh_sources=["10.0.1.0/24"],
        acme={"server": f"https://{services.ACME}:14000/dir"},
    )


@pytest.fixture(scope="session")
def booted(module: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    directory = tmp_path_factory.mktemp("machine")
    user_data = module["user_data"]
    base = base_disk(yaml.safe_load(user_data)["packages"])
    trusted = services.authority(directory)
    world = World()
    cloud = oci.Cloud()
    cloud.put(oci.SECRET, OLD)
    try:
        world.make()
        with (
            disk_for(base, directory, user_data, trusted) as root,
            standing_in(world.net),
        ):
            internet = services.Services(directory, cloud)
            internet.start()
            internet.name(HOST, PUBLIC)
            running = Machine(root, world.vm, directory / "console.log", world.prefix)
            running.boot()
            here = Booted(running, internet, world)
            watch = threading.Thread(target=watch_ports, args=(here,), daemon=True)
            watch.start()
            try:
                result = "test -e /run/cloud-init/result.json"
                running.until("cloud-init finishes", "sh", "-c", result, within=300)
                watch.join(60)
                yield here
            finally:
                running.power_off()
                internet.stop()
    finally:
        world.remove()


def watch_ports(here: Booted) -> None:
    """Until Coturn has its configuration: whatever already listens where a relay does."""
    with standing_in(here.world.vm):
        leader = here.machine.leader
        configured = Path(f"/proc/{leader}/root/run/coturn/turnserver.conf")
        while not configured.exists() and here.machine.process.poll() is None:
            for protocol, state in (("udp", "07"), ("tcp", "0A")):
                for line in Path(f"/proc/thread-self/net/{protocol}").read_text().splitlines()[1:]:
                    fields = line.split()
                    port = int(fields[1].split(":")[1], 16)
                    if fields[3] == state and port in LISTENING:
                        here.early.append(f"{protocol} {port}")
            time.sleep(0.02)
