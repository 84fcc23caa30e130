"""What the internet has for a relay: DNS, an ACME server, Oracle's services, with certificates of one authority."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.infra import oci
from tests.infra.boot.machine import METADATA, SERVICES

ACME = "acme.example.net"
NAMES = (
    ACME,
    f"auth.{oci.REGION}.{oci.DOMAIN}",
    f"secrets.vaults.{oci.REGION}.oci.{oci.DOMAIN}",
)
EAB = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")
DNS_CONTROL = "http://127.0.0.1:8055"


def authority(directory: Path) -> bytes:
    """Writes cert.pem and key.pem for NAMES, and returns the authority that signed them."""
    now = dt.datetime.now(dt.UTC)

    def built(common: str, key: ec.EllipticCurvePublicKey, issuer: str) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
        )

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = x509.BasicConstraints(ca=True, path_length=0)
    root = built("test root", root_key.public_key(), "test root").add_extension(ca, critical=True)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names.append(x509.IPAddress(ipaddress.ip_address(SERVICES)))
    leaf = built("services", key.public_key(), "test root")
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), critical=False)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (directory / "key.pem").write_bytes(pem)
    signed = leaf.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (directory / "cert.pem").write_bytes(signed)
    return root.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Services:
    """Started in the namespace that the caller stands in."""

    directory: Path
    cloud: oci.Cloud

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "cert.pem", self.directory / "key.pem")
        self.servers = [oci.Server(self.cloud, (METADATA, 80)), oci.Server(self.cloud, (SERVICES, 443), context)]
        configuration = {
            "listenAddress": f"{SERVICES}:14000",
            "managementListenAddress": "127.0.0.1:15000",
            "certificate": str(self.directory / "cert.pem"),
            "privateKey": str(self.directory / "key.pem"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": 90 * 86400,
        }
        (self.directory / "pebble.json").write_text(json.dumps({"pebble": configuration}))
        log = (self.directory / "services.log").open("ab")
        dns = ["pebble-challtestsrv", "-defaultIPv4", "", "-defaultIPv6", "", "-dns01", f"{SERVICES}:53"]
        dns += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:8055"]
        # A second issuer, as Google's: it wants to know whose customer an account is.
        strict = {
            **configuration,
            "listenAddress": f"{SERVICES}:14001",
            "managementListenAddress": "127.0.0.1:15001",
            "externalAccountBindingRequired": True,
            "externalAccountMACKeys": dict([EAB]),
        }
        (self.directory / "strict.json").write_text(json.dumps({"pebble": strict}))
        acme = [
            ["pebble", "-config", str(self.directory / name), "-dnsserver", f"{SERVICES}:53"]
            for name in ("pebble.json", "strict.json")
        ]
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PATH": "/usr/bin:/bin"}
        self.programs = [subprocess.Popen(command, stdout=log, stderr=log, env=quick) for command in (dns, *acme)]
        log.close()
        ends = time.monotonic() + 20
        while True:
            try:
                for name in NAMES:
                    self.name(name, SERVICES)
            except OSError:
                assert time.monotonic() < ends, (self.directory / "services.log").read_text()
                time.sleep(0.1)
            else:
                return

    def name(self, host: str, address: str) -> None:
        """An A record."""
        record = json.dumps({"host": host, "addresses": [address]}).encode()
        urllib.request.urlopen(f"{DNS_CONTROL}/add-a", record, timeout=5).close()

    def stop(self) -> None:
        for program in self.programs:
            program.terminate()
            program.wait()
        for server in self.servers:
            server.stop()
