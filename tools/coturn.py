"""A real Coturn on loopback, from the one turnserver.conf: for the local stack and for the tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import secrets
import socket
import sqlite3
import ssl
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools import provision

TEMPLATE = provision.ROOT / "infra" / "coturn" / "turnserver.conf"
DISTRIBUTION = TEMPLATE.with_name("distribution.conf")
HOST = "127.0.0.1"
REALM = "webrtc-lite.local"

# All that the local relay has and the deployed one has not: two clients on this machine may be relayed to each other,
# and a developer sees sessions come and go.
LOCAL = """
allow-loopback-peers
allowed-peer-ip=127.0.0.1
verbose
"""

CERTIFICATE_DAYS = 397  # no client accepts a longer one
STUN_MAGIC = bytes.fromhex("2112a442")  # RFC 8489, 5
BINDING_REQUEST, BINDING_SUCCESS = b"\x00\x01", b"\x01\x01"
ANSWERS_WITHIN_S = 2.0


@dataclass(frozen=True)
class Coturn:
    """A relay with a directory of its own: configuration, secrets, certificate."""

    directory: Path
    port: int = 3478
    tls_port: int = 5349
    relay_ports: tuple[int, int] = (49152, 65535)

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    def prepare(self, *accepted: str) -> list[str]:
        """Writes what the server reads, and returns the command that starts it in the foreground."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = self.directory / "turndb"
        accept_only(database, *accepted)
        private_key = self.directory / "private-key.pem"
        if not (private_key.exists() and valid_tomorrow(self.certificate)):
            make_certificate(self.certificate, private_key)
        configuration = self.directory / "turnserver.conf"
        values = {
            "listening_ip": HOST,
            "relay_ip": HOST,
            "port": self.port,
            "tls_port": self.tls_port,
            "min_port": self.relay_ports[0],
            "max_port": self.relay_ports[1],
            "realm": REALM,
            "userdb": database,
            "certificate": self.certificate,
            "private_key": private_key,
            "total_quota": 300,
            "pidfile": self.directory / "turnserver.pid",
            "deployed": "",
            "local": LOCAL,
        }
        configuration.write_text(render(values))
        return [str(provision.coturn()), "-c", str(configuration)]

    def answers(self) -> bool:
        """Whether a STUN binding comes back over UDP, TCP and TLS."""
        return binding_over_udp(self.port) and binding_over_tcp(self.port) and binding_over_tls(self.tls_port)


def render(values: Mapping[str, object]) -> str:
    """The one configuration with these values, as Terraform's templatefile renders it for the VM."""
    return string.Template(TEMPLATE.read_text()).substitute({"by_version": DISTRIBUTION.read_text(), **values})


def accept_only(database: Path, *secrets: str, realm: str = REALM) -> None:
    """Makes Coturn's database anew, with these shared secrets, which no other user of the machine may read."""
    write_private(database, b"")
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS turn_secret"
            " (realm varchar(127) default '', value varchar(256), primary key (realm, value))"
        )
        rows = [(realm, secret) for secret in secrets]
        connection.executemany("INSERT INTO turn_secret (realm, value) VALUES (?, ?)", rows)
    connection.close()


def make_certificate(certificate: Path, private_key: Path, host: str = "localhost") -> None:
    """A self-signed certificate for a name and loopback. Clients refuse it unless they are told to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WebRTC-Lite local relay")])
    names = x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(HOST))])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    write_private(private_key, pem)
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def valid_tomorrow(certificate: Path) -> bool:
    try:
        ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (FileNotFoundError, ValueError):
        return False
    return ends > dt.datetime.now(dt.UTC) + dt.timedelta(days=1)


def write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def binding_over_udp(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(ANSWERS_WITHIN_S)
        udp.connect((HOST, port))
        return binds(udp)


def binding_over_tcp(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), ANSWERS_WITHIN_S) as tcp:
            return binds(tcp)
    except OSError:
        return False


def binding_over_tls(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False  # self-signed: the question is whether it answers
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((HOST, port), ANSWERS_WITHIN_S) as tcp, context.wrap_socket(tcp) as tls:
            return binds(tls)
    except OSError:
        return False


def binds(connection: socket.socket) -> bool:
    """One STUN Binding (RFC 8489, 14): 20 bytes there, the same transaction back."""
    transaction = secrets.token_bytes(12)
    try:
        connection.sendall(BINDING_REQUEST + b"\x00\x00" + STUN_MAGIC + transaction)
        reply = connection.recv(1500)
    except OSError:
        return False
    return reply[:2] == BINDING_SUCCESS and reply[8:20] == transaction
