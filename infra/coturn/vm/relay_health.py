#!/usr/bin/env python3
"""Asks the relay for a STUN Binding on every way that clients take, and restarts it where one fails twice.

A restart drops every call, so only what a client would see counts, asked again after two seconds; and one that did not
help is not repeated while calls may go on by the other ways.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

CONFIGURATION = Path("/run/coturn/turnserver.conf")
TRIED = Path("/run/webrtc-lite/restarted-for")  # the ways for which it was restarted, until all is well again
FIREWALL = "/usr/local/lib/webrtc-lite/firewall.sh"
AGAIN_AFTER_S = 2.0
WITHIN_S = 3.0
STARTS_WITHIN_S = 20.0
MAGIC = bytes.fromhex("2112a442")  # RFC 8489, 5
REQUEST, SUCCESS = b"\x00\x01", b"\x01\x01"
PLAIN, TLS = 3478, (5349, 443)
WAYS = 2 + len(TLS)


def main() -> None:
    if subprocess.run([FIREWALL, "check"], check=False).returncode:
        print("The firewall's rules were gone: putting them back.")
        subprocess.run([FIREWALL], check=True)
    address = listening(CONFIGURATION)
    if address is None or starting():
        return  # systemd starts it, and its own messages say what it waits for
    silent = failing(address)
    if silent:
        time.sleep(AGAIN_AFTER_S)
        silent = [way for way in failing(address) if way in silent]
    if not silent:
        TRIED.unlink(missing_ok=True)
        return
    tried = set(TRIED.read_text().splitlines()) if TRIED.exists() else set()
    if tried.issuperset(silent) and len(silent) < WAYS:
        print(f"No answer by {', '.join(silent)}, and a restart did not help. Calls go on by the other ways.")
    else:
        print(f"No answer by {', '.join(silent)}, twice: restarting Coturn.")
        TRIED.write_text("\n".join(silent))
        subprocess.run(["systemctl", "restart", "--no-block", "coturn.service"], check=True)
    sys.exit(1)


def listening(configuration: Path) -> str | None:
    """The address that Coturn was told to listen on; None before its first start."""
    try:
        lines = configuration.read_text().splitlines()
    except OSError:
        return None
    return next((line.removeprefix("listening-ip=") for line in lines if line.startswith("listening-ip=")), None)


def starting() -> bool:
    """Whether it only just started, or is being started: it has time to come up."""
    shown = subprocess.run(
        ["systemctl", "show", "coturn.service", "--property=ActiveState,ActiveEnterTimestampMonotonic"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    age = time.monotonic() - int(values["ActiveEnterTimestampMonotonic"]) / 1e6
    return values["ActiveState"] != "active" or age < STARTS_WITHIN_S


def failing(address: str) -> list[str]:
    ways = {f"udp {PLAIN}": over_udp(address, PLAIN), f"tcp {PLAIN}": over_tcp(address, PLAIN)}
    ways |= {f"tls {port}": over_tls(address, port) for port in TLS}
    return [way for way, answers in ways.items() if not answers]


def over_udp(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(WITHIN_S)
        udp.connect((address, port))
        return binds(udp)


def over_tcp(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), WITHIN_S) as tcp:
            return binds(tcp)
    except OSError:
        return False


def over_tls(address: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False  # whether it answers; the metrics say how long the certificate lasts
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address, port), WITHIN_S) as tcp, context.wrap_socket(tcp) as tls:
            return binds(tls)
    except OSError:
        return False


def binds(connection: socket.socket) -> bool:
    """One STUN Binding (RFC 8489, 14): the same transaction comes back."""
    transaction = secrets.token_bytes(12)
    try:
        connection.sendall(REQUEST + b"\x00\x00" + MAGIC + transaction)
        reply = connection.recv(1500)
    except OSError:
        return False
    return reply[:2] == SUCCESS and reply[8:20] == transaction


if __name__ == "__main__":
    main()
