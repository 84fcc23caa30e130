"""A network namespace of its own for a child: addresses of the internet, and nobody on it but the child."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from tools.provision import ROOT

# A root may make one; so may a user inside a user namespace, where users may have those; so may sudo without asking.
WAYS = (
    ["unshare", "--net", "--mount"],
    ["unshare", "--user", "--map-root-user", "--net", "--mount"],
    ["sudo", "-n", "--preserve-env", "unshare", "--net", "--mount"],
)
NONE = (
    "The attacks on the relay need a network namespace, and this user can make none, neither by itself nor by sudo"
    " without a password. Run the tests as root, or let users have namespaces: on Debian"
    " `sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
    " On a Mac, run them in a Linux container."
)


@functools.cache
def unshare() -> list[str]:
    """The words before a command that give it a namespace. It fails aloud: a skipped attack would look like a pass."""
    for way in WAYS:
        if shutil.which(way[0]) and subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return way
    raise AssertionError(NONE)


def python_inside(module: str, *arguments: str, hosts: str, environment: Mapping[str, str] | None = None) -> str:
    """What a module prints that runs in there, with names that only it knows."""
    path = os.pathsep.join(str(ROOT / each) for each in ("functions", "client", "."))
    start = 'printf %s "$1" > "$2" && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
    hosts_file = f"/tmp/hosts-{os.getpid()}"  # noqa: S108 (seen by the child's own mounts only, and removed below)
    command = ["sh", "-c", start, "sh", hosts, hosts_file, sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(
            [*unshare(), *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        if os.path.exists(hosts_file):  # noqa: PTH110 (one line)
            os.unlink(hosts_file)  # noqa: PTH108
    assert done.returncode == 0, done.stderr
    return done.stdout
