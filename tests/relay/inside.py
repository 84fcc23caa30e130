"""Runs in a network namespace of its own: a Coturn on production values, and everything that is tried on it.

Started by conftest.py. Addresses of the internet and of a cloud's inside all lie on this namespace's loopback, so that
what the relay lets through arrives, and what arrives is counted. Prints one JSON object.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.waiting import until
from tools import coturn, provision, relay_check
from tools.relay_check import Attacker, Target, allocation, attempt
from webrtc_lite.core.stun import Method
from webrtc_lite.core.turn import Relay, Way
from webrtc_lite.edge.stun_client import connect

RELAY_IP, CLIENT_IP = "11.99.0.10", "11.99.0.20"  # public ones: those of RFC 5737 are denied as peers
NAME = "turn.example.com"
SECRET = "a secret of the tests, 40 characters long"
REALM = "turn.example.com"
TOTAL_QUOTA = 120
INNER = (
    "10.0.0.2",
    "169.254.169.254",
    "172.17.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "127.0.0.1",
)
DECOY_PORT = 9999
HOSTS = f"{RELAY_IP} {NAME}\n127.0.0.1 localhost\n"

# As the VM renders it.
PRODUCTION = {
    "listening_ip": RELAY_IP,
    "relay_ip": RELAY_IP,
    "port": 3478,
    "tls_port": 5349,
    "min_port": 49_152,
    "max_port": 65_535,
    "realm": REALM,
    "total_quota": TOTAL_QUOTA,
    "deployed": f"external-ip={RELAY_IP}\naux-server={RELAY_IP}:443",
    "local": "",
}


def main(sabotage: dict[str, str], names: list[str]) -> dict[str, Any]:
    for address in (RELAY_IP, CLIENT_IP, *INNER[:-1]):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # Whoever asks for an address beyond these gets there too, and finds nobody: the relay must say no before that.
    subprocess.run(["ip", "route", "add", "default", "dev", "lo", "src", CLIENT_IP], check=True)
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        directory = Path(home)
        configuration, certificate = write(directory, sabotage)
        log = directory / "log"
        with log.open("w") as output:
            command = [str(provision.coturn()), "-c", str(configuration)]
            server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        stack.callback(server.wait)
        stack.callback(server.kill)
        decoys = [stack.enter_context(decoy(address)) for address in INNER]
        until(lambda: server.poll() is None and answers(), "Coturn", within_s=10)
        target = Target(Relay(NAME, 3478, (5349, 443), SECRET), trusting(certificate), TOTAL_QUOTA)
        outcomes = {name: attempt(name, target) for name in names or relay_check.CHECKS}
        outcome = {name: {"problem": each.problem, "not_asked": each.not_asked} for name, each in outcomes.items()}
        arrived = reached(target, decoys) if not names else []
        return {"outcomes": outcome, "arrived": arrived, "log": log.read_text(errors="replace"), "alive": server.poll()}


def write(directory: Path, sabotage: dict[str, str]) -> tuple[Path, Path]:
    """Everything that the server reads; `sabotage` says which text of the configuration to spoil, and how."""
    certificate, key, database = directory / "certificate.pem", directory / "key.pem", directory / "turndb"
    coturn.make_certificate(certificate, key, NAME)
    coturn.accept_only(database, SECRET, realm=REALM)
    places = {"certificate": certificate, "private_key": key, "userdb": database, "pidfile": directory / "pid"}
    text = coturn.render({**PRODUCTION, **places})
    for good, bad in sabotage.items():
        assert good in text, good
        text = text.replace(good, bad)
    configuration = directory / "turnserver.conf"
    configuration.write_text(text)
    return configuration, certificate


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def answers() -> bool:
    connection, stream = connect(Way("turn", RELAY_IP, 3478, "udp"), 0.5)
    with Attacker(connection, stream, 0.5) as client:
        try:
            client.request(Method.BINDING)
        except OSError:
            return False
        return True


def decoy(address: str) -> socket.socket:
    """Something on the inside that listens."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, DECOY_PORT))
    listener.settimeout(0.2)
    return listener


def reached(target: Target, decoys: list[socket.socket]) -> list[str]:
    """Which of them a client gets through to that asks for no permission, or goes on where it was refused."""
    with allocation(target, "decoy") as (client, _):
        for address in INNER:
            client.request_to(Method.CREATE_PERMISSION, address, DECOY_PORT)
            client.send_to(address, DECOY_PORT, b"are you there?")
        found = []
        for listener in decoys:
            try:
                listener.recv(100)
            except TimeoutError:
                continue
            found.append(listener.getsockname()[0])
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]), json.loads(sys.argv[2]))))
