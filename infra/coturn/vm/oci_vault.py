#!/usr/bin/env python3
"""Reads secrets from OCI Vault as the instance that this runs on (instance principal), and writes one to stdout.

    oci_vault.py OCID [CURRENT|PREVIOUS]

Oracle's own SDK weighs 200 MB installed; the four requests that are needed here fit on a page. They are signed as
Oracle's "Request Signatures" says (draft-cavage-http-signatures-08): first with the certificate that the metadata
service gives this instance, for a token; then with a key made for that token.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.client
import json
import ssl
import sys
import urllib.error
import urllib.request
from email.utils import formatdate
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

METADATA = "http://169.254.169.254/opc/v2"
WITHIN_S = 15
TENANT = ("opc-tenant:", "opc-identity:")  # before the tenancy's OCID in the subject of an instance's certificate


class VaultError(Exception):
    """The vault did not answer with a secret; the message says why and never shows one."""


class NoSuchVersionError(VaultError):
    """There is no version at this stage: before the first rotation nothing is PREVIOUS."""


class OvertakenError(VaultError):
    """What was to be changed has been changed by somebody else since it was looked at."""


REFUSALS = {404: NoSuchVersionError, 412: OvertakenError}


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who signs: the id of a key, and the key."""

    key_id: str
    key: rsa.RSAPrivateKey

    def headers(self, method: str, url: str, body: bytes | None = None) -> dict[str, str]:
        """The headers of one request, signed."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        signed = {
            "date": formatdate(usegmt=True),
            "(request-target)": f"{method.lower()} {target}",
            "host": parts.netloc,
        }
        if body is not None:
            signed["content-length"] = str(len(body))
            signed["content-type"] = "application/json"
            signed["x-content-sha256"] = base64.b64encode(hashlib.sha256(body).digest()).decode()
        text = "\n".join(f"{name}: {value}" for name, value in signed.items())
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        fields = {
            "version": "1",
            "keyId": self.key_id,
            "algorithm": "rsa-sha256",
            "headers": " ".join(signed),
            "signature": base64.b64encode(signature).decode(),
        }
        sent = {name: value for name, value in signed.items() if name not in ("(request-target)", "content-length")}
        return {**sent, "authorization": "Signature " + ",".join(f'{name}="{value}"' for name, value in fields.items())}


def call(principal: Principal, method: str, url: str, body: object = None, if_match: str = "") -> dict[str, object]:
    """One signed request. What came back is JSON or nothing, and with it, as `etag`, the state that it is of."""
    data = None if body is None else json.dumps(body).encode()
    headers = principal.headers(method, url, data) | ({"if-match": if_match} if if_match else {})
    return answer(urllib.request.Request(url, data, headers, method=method))


def answer(request: urllib.request.Request) -> dict[str, object]:
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S, context=ssl.create_default_context()) as response:
            content = json.loads(response.read() or b"{}")
            etag = response.headers.get("etag", "")
    except urllib.error.HTTPError as refused:
        with refused:
            code = error_code(refused.read())
        error = REFUSALS.get(refused.code, VaultError)
        raise error(f"{request.host} answered {refused.code} {code}".rstrip() + ".") from None
    except (OSError, http.client.HTTPException, ValueError) as problem:  # the second: it broke off half-way
        raise VaultError(f"{request.host} cannot be reached: {problem}.") from None
    if not isinstance(content, dict):
        raise VaultError(f"{request.host} answered with something else than an object.")
    return {**content, "etag": etag}


def error_code(body: bytes) -> str:
    """Oracle's word for what is wrong. The rest of an answer is not for a log."""
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return ""


@dataclasses.dataclass(frozen=True)
class Services:
    """Where a region's services are."""

    auth: str
    secrets: str

    @classmethod
    def of(cls, region: str, domain: str) -> Services:
        return cls(f"https://auth.{region}.{domain}", f"https://secrets.vaults.{region}.oci.{domain}")


def instance_principal(metadata: str = METADATA, services: Services | None = None) -> tuple[Principal, Services]:
    """The instance that runs this, as somebody who may sign; and where to go with it."""
    where = from_metadata(f"{metadata}/instance/regionInfo")
    pem = from_metadata(f"{metadata}/identity/cert.pem")
    own = from_metadata(f"{metadata}/identity/key.pem")
    try:
        region = json.loads(where)
        here = Services.of(region["regionIdentifier"], region["realmDomainComponent"])
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(own, None)
    except (ValueError, KeyError, TypeError):
        raise VaultError("The metadata service does not say which instance this is, or not in full.") from None
    services = services or here
    if not isinstance(key, rsa.RSAPrivateKey):
        raise VaultError("The instance's key is not one of RSA.")
    fingerprint = ":".join(f"{byte:02X}" for byte in certificate.fingerprint(hashes.SHA1()))  # noqa: S303  as keyId wants it
    session = rsa.generate_private_key(65537, 2048)
    public = session.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = call(
        Principal(f"{tenancy(certificate)}/fed-x509/{fingerprint}", key),
        "POST",
        f"{services.auth}/v1/x509",
        {
            "certificate": bare(pem),
            "publicKey": bare(public),
            "intermediateCertificates": [bare(from_metadata(f"{metadata}/identity/intermediate.pem"))],
        },
    ).get("token")
    if not isinstance(token, str):
        raise VaultError(f"{services.auth} gave no token.")
    return Principal(f"ST${token}", session), services


def from_metadata(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer Oracle"})
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:
            content: bytes = response.read()
    except (OSError, http.client.HTTPException) as problem:
        raise VaultError(f"The metadata service cannot be reached: {problem}.") from None
    return content


def tenancy(certificate: x509.Certificate) -> str:
    for attribute in certificate.subject:
        for prefix in TENANT:
            if str(attribute.value).startswith(prefix):
                return str(attribute.value).removeprefix(prefix)
    raise VaultError("The instance's certificate names no tenancy.")


def bare(pem: bytes) -> str:
    """What stands between the lines of a PEM file."""
    return "".join(line for line in pem.decode().splitlines() if not line.startswith("-----"))


def secret(principal: Principal, services: Services, ocid: str, stage: str) -> str:
    """One version of a secret, as text."""
    bundle = call(principal, "GET", f"{services.secrets}/20190301/secretbundles/{ocid}?stage={stage}")
    content = bundle.get("secretBundleContent")
    try:
        return base64.b64decode(content["content"], validate=True).decode()  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        raise VaultError(f"{urlsplit(services.secrets).netloc} answered without a secret that is text.") from None


def main() -> None:
    ocid, stage = [*sys.argv[1:], "CURRENT"][:2]
    try:
        print(secret(*instance_principal(), ocid, stage))
    except VaultError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
