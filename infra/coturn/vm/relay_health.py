#!/usr/bin/env python3
"""Asks the relay as clients do, by each of their ways and with a credential, and restarts it where one fails twice.

A restart drops every call, so only what a client would see counts, asked again after two seconds; and one that did not
help is not repeated while calls may go on by the other ways.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

CONFIGURATION = Path("/run/coturn/turnserver.conf")
DATABASE = Path("/var/lib/coturn/turndb")
TRIED = Path("/run/webrtc-lite/restarted-for")  # the ways for which it was restarted, until all is well again
FIREWALL = "/usr/local/lib/webrtc-lite/firewall.sh"
AGAIN_AFTER_S = 2.0
WITHIN_S = 3.0
STARTS_WITHIN_S = 20.0
MAGIC = bytes.fromhex("2112a442")  # RFC 8489, 5
REQUEST, SUCCESS = b"\x00\x01", b"\x01\x01"
REFRESH, USERNAME, INTEGRITY, ERROR, REALM, NONCE = 0x0004, 0x0006, 0x0008, 0x0009, 0x0014, 0x0015  # RFC 8656, 8489
UNAUTHORIZED = 401
PLAIN, TLS = 3478, (5349, 443)
WAYS = 2 + len(TLS)
CREDENTIALS = 4  # in a row: Coturn checks them in a thread for each CPU, and each opens the database for itself


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
        print(f"{', '.join(silent)}: fails, and a restart did not help. It is left to the calls that go on.")
    else:
        print(f"{', '.join(silent)}: fails twice, restarting Coturn.")
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
    ways["credentials"] = not ways[f"udp {PLAIN}"] or all(admits(address, PLAIN) for _ in range(CREDENTIALS))
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


def admits(address: str, port: int) -> bool:
    """Whether a secret of its database counts: a Coturn that once could not open it refuses everybody from then on.

    It is asked to refresh an allocation that is not there, which takes a credential and leaves nothing behind: it
    answers 437 where the credential is good.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(WITHIN_S)
        udp.connect((address, port))
        try:
            asked = exchange(udp, {})
            secret = any_secret(asked[REALM].decode())
            if not secret:
                return True  # relay_secrets.py tells of that
            user = f"{int(time.time()) + 60}:health".encode()
            password = base64.b64encode(hmac.digest(secret.encode(), user, "sha1"))
            key = hashlib.md5(b":".join((user, asked[REALM], password))).digest()  # noqa: S324  RFC 8489, 9.2.2
            named = {USERNAME: user, REALM: asked[REALM], NONCE: asked[NONCE]}
            hundreds, rest = exchange(udp, named, key)[ERROR][2:4]
        except (OSError, KeyError, ValueError, struct.error, sqlite3.Error):
            return False
        return hundreds * 100 + rest != UNAUTHORIZED


def any_secret(realm: str) -> str | None:
    connection = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)
    found = connection.execute("SELECT value FROM turn_secret WHERE realm = ?", (realm,)).fetchone()
    connection.close()
    return str(found[0]) if found else None


def exchange(udp: socket.socket, named: dict[int, bytes], key: bytes = b"") -> dict[int, bytes]:
    """One Refresh there, signed where there is a key; the attributes that come back."""
    transaction = secrets.token_bytes(12)
    body = b"".join(
        struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in named.items()
    )
    length = len(body) + (24 if key else 0)
    sent = struct.pack(">HH", REFRESH, length) + MAGIC + transaction + body
    if key:
        sent += struct.pack(">HH", INTEGRITY, 20) + hmac.digest(key, sent, "sha1")
    udp.send(sent)
    reply = udp.recv(1500)
    if reply[8:20] != transaction:
        raise ValueError
    found: dict[int, bytes] = {}
    at = 20
    while at < len(reply):
        kind, size = struct.unpack_from(">HH", reply, at)
        found.setdefault(kind, reply[at + 4 : at + 4 + size])
        at += 4 + size + -size % 4
    return found


if __name__ == "__main__":
    main()
