"""A VM in everything but the kernel: systemd boots in a namespace and finds the rendered user-data, as on OCI.

Three network namespaces stand for the world. `vm` has the private address; `cloud` maps the public one onto it, as OCI
does, and has no other way in; `net` is the internet: clients, DNS, an ACME server, OCI's services. Nothing of it
reaches the machine that this runs on, and none of the addresses is asked outside of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools import provision

PRIVATE, GATEWAY = "10.0.1.2", "10.0.1.1"
# Coturn refuses every special range, documentation's included, so the world in here has ordinary addresses.
PUBLIC, CALLER, PEER, SERVICES = "20.0.0.10", "20.0.0.20", "20.0.0.30", "20.0.0.53"
METADATA = "169.254.169.254"
RELEASE = "bookworm"
BASE = "systemd,systemd-sysv,dbus,iproute2,ca-certificates,openssl,python3,procps,iptables,nftables,openssh-server"
SETTINGS = """\
datasource_list: [NoCloud, None]
network: {config: disabled}
apt_preserve_sources_list: true
locale: C.UTF-8
"""
# What OCI's image of Ubuntu brings, in outline: its rules have to stay.
IMAGE_RULES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:InstanceServices - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
-A OUTPUT -d 169.254.0.0/16 -j InstanceServices
-A InstanceServices -d 169.254.0.2/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 3260 -j ACCEPT
-A InstanceServices -d 169.254.0.2/32 -p tcp -j REJECT --reject-with tcp-reset
COMMIT
"""
RULES_UNIT = """\
[Unit]
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-restore /etc/iptables/rules.v4
[Install]
WantedBy=multi-user.target
"""


def run(*command: str | Path, check: bool = True, into: str | None = None) -> str:
    done = subprocess.run([str(word) for word in command], input=into, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


# --- the disk


def base_disk(packages: list[str]) -> Path:
    """A minimal Debian with cloud-init, and the packages that the user-data asks for in a repository on its disk."""
    wanted = " ".join(sorted(packages))
    recipe = f"{RELEASE} {BASE} {wanted}\n{IMAGE_RULES}{RULES_UNIT}{SETTINGS}{INDEX}"
    disk = provision.HOME / "boot" / f"disk-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if (disk / "complete").exists():
        return disk / "root"
    shutil.rmtree(disk.parent, ignore_errors=True)
    disk.mkdir(parents=True)
    root = disk / "root"
    run("debootstrap", "--variant=minbase", f"--include={BASE}", RELEASE, root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    for settings in Path("/etc/apt/apt.conf.d").glob("*registry*"):  # how this machine reaches its mirror
        shutil.copy(settings, root / "etc/apt/apt.conf.d")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "chroot", str(root)]
    run(*quiet, "apt-get", "update")
    run(*quiet, "apt-get", "install", "-y", "--no-install-recommends", "cloud-init")
    run(*quiet, "apt-get", "install", "-y", "--download-only", *packages)
    repository = root / "srv/packages"
    repository.mkdir()
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        shutil.move(package, repository)
    run(*quiet, "python3", "-c", INDEX)
    (root / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/packages ./\n")
    for stale in (root / "etc/apt/sources.list.d").glob("*"):
        stale.unlink()
    (root / "etc/cloud/cloud.cfg.d/99-test.cfg").write_text(SETTINGS)
    (root / "etc/iptables").mkdir(exist_ok=True)
    (root / "etc/iptables/rules.v4").write_text(IMAGE_RULES)
    (root / "etc/systemd/system/netfilter-persistent.service").write_text(RULES_UNIT)
    run("chroot", root, "systemctl", "enable", "netfilter-persistent.service")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(f"nameserver {SERVICES}\n")
    run("chroot", root, "systemctl", "mask", "systemd-resolved.service", "systemd-networkd.service", check=False)
    (disk / "complete").touch()
    return root


# apt's index of a directory of packages, for machines without dpkg-dev.
INDEX = """
import hashlib, pathlib, subprocess
here = pathlib.Path("/srv/packages")
with open(here / "Packages", "w") as index:
    for package in sorted(here.glob("*.deb")):
        fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
        content = package.read_bytes()
        index.write(f"{fields.rstrip()}\\nFilename: ./{package.name}\\nSize: {len(content)}\\n")
        index.write(f"SHA256: {hashlib.sha256(content).hexdigest()}\\n\\n")
"""


@contextlib.contextmanager
def disk_for(base: Path, directory: Path, user_data: str, trusted: bytes) -> Iterator[Path]:
    """The base with a layer of its own: the seed of cloud-init, and an authority that this world trusts."""
    for name in ("upper", "work", "root"):
        (directory / name).mkdir(parents=True)
    layers = f"lowerdir={base},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    root = directory / "root"
    run("mount", "-t", "overlay", "overlay", "-o", layers, root)
    try:
        seed = root / "var/lib/cloud/seed/nocloud"
        seed.mkdir(parents=True)
        (seed / "user-data").write_text(user_data)
        (seed / "meta-data").write_text("instance-id: relay-1\nlocal-hostname: relay-a\n")
        (root / "usr/local/share/ca-certificates/test.crt").write_bytes(trusted)
        run("chroot", root, "update-ca-certificates")
        yield root
    finally:
        run("umount", root)


# --- the network


@dataclass
class World:
    """The namespaces, by names that no other run on this machine has."""

    prefix: str = field(default_factory=lambda: f"t{os.getpid()}")

    @property
    def vm(self) -> str:
        return f"{self.prefix}-vm"

    @property
    def cloud(self) -> str:
        return f"{self.prefix}-cloud"

    @property
    def net(self) -> str:
        return f"{self.prefix}-net"

    def make(self) -> None:
        for name in (self.vm, self.cloud, self.net):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self.cable(self.vm, f"{PRIVATE}/24", self.cloud, f"{GATEWAY}/24", "inside")
        self.cable(self.cloud, f"{PUBLIC}/24", self.net, f"{CALLER}/24", "outside")
        for address in (PEER, SERVICES):
            run("ip", "-n", self.net, "address", "add", f"{address}/24", "dev", "outside1")
        run("ip", "-n", self.net, "address", "add", f"{METADATA}/32", "dev", "lo")
        run("ip", "-n", self.vm, "route", "add", "default", "via", GATEWAY)
        run("ip", "-n", self.cloud, "route", "add", METADATA, "via", SERVICES)
        self.inside(self.cloud, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.inside(
            self.cloud, "iptables", "-t", "nat", "-A", "PREROUTING", "-d", PUBLIC, "-j", "DNAT", "--to", PRIVATE
        )
        self.inside(
            self.cloud,
            "iptables",
            "-t",
            "nat",
            "-A",
            "POSTROUTING",
            "-s",
            PRIVATE,
            "!",
            "-d",
            "10.0.0.0/16",
            "-j",
            "SNAT",
            "--to",
            PUBLIC,
        )

    def cable(self, one: str, address: str, other: str, its: str, name: str) -> None:
        run("ip", "-n", one, "link", "add", f"{name}0", "type", "veth", "peer", "name", f"{name}1", "netns", other)
        for namespace, end, given in ((one, f"{name}0", address), (other, f"{name}1", its)):
            run("ip", "-n", namespace, "address", "add", given, "dev", end)
            run("ip", "-n", namespace, "link", "set", end, "up")

    def inside(self, namespace: str, *command: str) -> str:
        return run("ip", "netns", "exec", namespace, *command)

    def remove(self) -> None:
        for name in (self.vm, self.cloud, self.net):
            run("ip", "netns", "delete", name, check=False)


@contextlib.contextmanager
def standing_in(namespace: str) -> Iterator[None]:
    """The calling thread, and every thread and program that it starts, in a namespace."""
    own, other = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    os.setns(other, os.CLONE_NEWNET)
    try:
        yield
    finally:
        os.setns(own, os.CLONE_NEWNET)
        os.close(own)
        os.close(other)


# --- the machine


@dataclass
class Machine:
    """A system that is booted, and may be again."""

    root: Path
    namespace: str
    log: Path
    name: str

    def boot(self) -> None:
        """Starts it as a VM starts. nspawn hangs without a terminal, so it gets one."""
        ours, its = pty.openpty()
        command = ["systemd-nspawn", "-D", str(self.root), "--register=no", "--keep-unit", "--boot"]
        command += ["--capability=CAP_NET_ADMIN,CAP_NET_RAW", f"--machine={self.name}", "--resolv-conf=off"]
        command += [f"--network-namespace-path=/run/netns/{self.namespace}", "--link-journal=no"]
        self.process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, start_new_session=True)
        os.close(its)
        threading.Thread(target=keep, args=(ours, self.log), daemon=True).start()
        ends = time.monotonic() + 120
        while True:
            try:
                self.leader  # noqa: B018  it raises until there is one
            except (AssertionError, OSError):
                if time.monotonic() > ends or self.process.poll() is not None:
                    raise
                time.sleep(0.2)
            else:
                return

    def reboot(self) -> None:
        """Down by itself, and up again: in a namespace that it was given nspawn does the first half only."""
        self("systemctl", "reboot", check=False)
        ends = time.monotonic() + 120
        while self.process.poll() is None and b"being rebooted" not in self.log.read_bytes()[-4096:]:
            assert time.monotonic() < ends
            time.sleep(0.2)
        time.sleep(1)
        self.process.kill()
        self.process.wait()
        self.boot()

    @property
    def leader(self) -> int:
        """Its systemd, seen from here: the one process that nspawn started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() in ("systemd", "init"):
                return int(child)
        raise AssertionError(f"No system is running. {self.log.read_text(errors='replace')[-2000:]}")

    def __call__(self, *command: str, check: bool = True) -> str:
        """What a command in the machine says."""
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return run("nsenter", "-t", str(self.leader), "-a", "env", "-i", path, "LC_ALL=C", *command, check=check)

    def works(self, *command: str) -> bool:
        try:
            self(*command)
        except AssertionError:
            return False
        return True

    def until(self, what: str, *command: str, within: float = 60, every: float = 0.5) -> None:
        """Until a command succeeds in it."""
        ends = time.monotonic() + within
        while not self.works(*command):
            if time.monotonic() > ends:
                shown = run("nsenter", "-t", str(self.leader), "-a", *command, check=False)
                raise AssertionError(f"{what}: not within {within} s. {shown}")
            time.sleep(every)

    def power_off(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(AssertionError, OSError):
                self("systemctl", "poweroff", check=False)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def keep(terminal: int, log: Path) -> None:
    with log.open("ab") as file, contextlib.suppress(OSError):
        while content := os.read(terminal, 4096):
            file.write(content)
            file.flush()
    os.close(terminal)
