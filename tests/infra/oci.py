"""Oracle's cloud as far as a relay and its operator meet it, as a real HTTP server: metadata, tokens, the vault.

Every request is held against its signature, with the key that the caller has to have: the certificate's for a token,
the token's own for a secret, the operator's for what operators do.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import http.server
import json
import re
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

REGION, DOMAIN = "eu-frankfurt-1", "oraclecloud.com"
TENANCY = "ocid1.tenancy.oc1..t"
SECRET = "ocid1.vaultsecret.oc1.eu-frankfurt-1.made"
AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')
FRESH_S = 300  # how far a date may be off


class Refused(Exception):  # noqa: N818  it is an answer
    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def certificate(key: rsa.RSAPrivateKey, unit: str) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "ocid1.instance.oc1..made"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
    return builder.not_valid_after(now + dt.timedelta(hours=2)).sign(key, hashes.SHA256())


@dataclass
class Version:
    number: int
    content: str
    stages: set[str] = field(default_factory=set)


@dataclass
class Cloud:
    """What is in the cloud. Tests change it between two requests."""

    secrets: dict[str, list[Version]] = field(default_factory=dict)
    down: bool = False  # the vault does not answer
    allowed: bool = True  # the policy lets this instance read
    generates: bool = True  # OCI makes the secret's content by itself, as infra/ has told it
    broken: dict[str, bytes] = field(default_factory=dict)  # by path, what comes in the place of an answer
    breaks_off: bool = False  # answers end half-way
    requests: list[str] = field(default_factory=list)
    instance_key: rsa.RSAPrivateKey = field(default_factory=new_key)
    operator_key: rsa.RSAPrivateKey = field(default_factory=new_key)
    operator_key_id: str = f"{TENANCY}/ocid1.user.oc1..operator/aa:bb"
    sessions: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.certificate = certificate(self.instance_key, f"opc-tenant:{TENANCY}")

    def put(self, ocid: str, content: str) -> None:
        """A new version: it is CURRENT, what was is PREVIOUS, what was that is DEPRECATED."""
        versions = self.secrets.setdefault(ocid, [])
        for version in versions:
            if "PREVIOUS" in version.stages:
                version.stages = {"DEPRECATED"}
            if "CURRENT" in version.stages:
                version.stages = {"PREVIOUS"}
        versions.append(Version(len(versions) + 1, content, {"CURRENT", "LATEST"}))

    def staged(self, ocid: str, stage: str) -> Version:
        for version in self.secrets.get(ocid, []):
            if stage in version.stages:
                return version
        raise Refused(HTTPStatus.NOT_FOUND, "NotAuthorizedOrNotFound")


@dataclass
class Request:
    method: str
    target: str
    headers: Any
    body: bytes

    @property
    def path(self) -> str:
        return urllib.parse.urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query))

    def signed_by(self, key: rsa.RSAPublicKey) -> None:
        """Oracle's rules: which headers are signed, how old a date may be, that the body is what was signed."""
        fields = self.fields()
        names = fields["headers"].split()
        wanted = {"date", "(request-target)"}
        if self.method in ("POST", "PUT"):
            wanted |= {"content-length", "content-type", "x-content-sha256"}
            if self.headers["x-content-sha256"] != base64.b64encode(hashlib.sha256(self.body).digest()).decode():
                raise Refused(HTTPStatus.UNAUTHORIZED, "NotAuthenticated")
        date = dt.datetime.strptime(self.headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
        late = abs((dt.datetime.now(dt.UTC) - date).total_seconds()) > FRESH_S
        values = {name: self.headers.get(name, "") for name in names}
        values["(request-target)"] = f"{self.method.lower()} {self.target}"
        text = "\n".join(f"{name}: {values[name]}" for name in names)
        try:
            key.verify(base64.b64decode(fields["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            late = True
        if late or not wanted <= set(names) or fields["algorithm"] != "rsa-sha256" or fields["version"] != "1":
            raise Refused(HTTPStatus.UNAUTHORIZED, "NotAuthenticated")

    def fields(self) -> dict[str, str]:
        return dict(AUTHORIZATION.findall(self.headers.get("authorization", "")))


def answer(cloud: Cloud, request: Request) -> object:
    """What Oracle would say: bytes as they are, the rest as JSON."""
    path = request.path
    if path in cloud.broken:
        return cloud.broken[path]
    if path.startswith("/opc/v2/"):
        return metadata(cloud, request)
    if path == "/v1/x509":
        return token(cloud, request)
    if cloud.down:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
    if path.startswith("/20190301/secretbundles/"):
        return bundle(cloud, request)
    if path.startswith("/20180608/secrets/"):
        return manage(cloud, request)
    raise Refused(HTTPStatus.NOT_FOUND, "NotFound")


def metadata(cloud: Cloud, request: Request) -> object:
    if request.headers.get("authorization") != "Bearer Oracle":
        raise Refused(HTTPStatus.FORBIDDEN, "NotAuthorized")
    intermediate = certificate(new_key(), "an intermediate one")
    found: dict[str, object] = {
        "/opc/v2/instance/regionInfo": {"regionIdentifier": REGION, "realmDomainComponent": DOMAIN},
        "/opc/v2/identity/cert.pem": cloud.certificate.public_bytes(serialization.Encoding.PEM),
        "/opc/v2/identity/intermediate.pem": intermediate.public_bytes(serialization.Encoding.PEM),
        "/opc/v2/identity/key.pem": pem(cloud.instance_key),
    }
    if request.path not in found:
        raise Refused(HTTPStatus.NOT_FOUND, "NotFound")
    return found[request.path]


def token(cloud: Cloud, request: Request) -> object:
    digest = cloud.certificate.fingerprint(hashes.SHA1())  # noqa: S303
    fingerprint = ":".join(f"{byte:02X}" for byte in digest)
    if request.fields().get("keyId") != f"{TENANCY}/fed-x509/{fingerprint}":
        raise Refused(HTTPStatus.UNAUTHORIZED, "NotAuthenticated")
    public = cloud.certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    request.signed_by(public)
    body = json.loads(request.body)
    der = cloud.certificate.public_bytes(serialization.Encoding.DER)
    if base64.b64decode(body["certificate"]) != der or not body["intermediateCertificates"]:
        raise Refused(HTTPStatus.BAD_REQUEST, "InvalidParameter")
    session = serialization.load_der_public_key(base64.b64decode(body["publicKey"]))
    assert isinstance(session, rsa.RSAPublicKey)
    given = f"token-{len(cloud.sessions) + 1}"
    cloud.sessions[given] = session
    return {"token": given}


def signer(cloud: Cloud, request: Request) -> None:
    """Whoever may read: this instance with a token, or the operator."""
    key_id = request.fields().get("keyId", "")
    if key_id == cloud.operator_key_id:
        request.signed_by(cloud.operator_key.public_key())
        return
    session = cloud.sessions.get(key_id.removeprefix("ST$"))
    if session is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "NotAuthenticated")
    request.signed_by(session)
    if not cloud.allowed:
        raise Refused(HTTPStatus.NOT_FOUND, "NotAuthorizedOrNotFound")


def bundle(cloud: Cloud, request: Request) -> object:
    signer(cloud, request)
    ocid = request.path.rpartition("/")[2]
    version = cloud.staged(ocid, request.query.get("stage", "CURRENT"))
    content = base64.b64encode(version.content.encode()).decode()
    return {
        "secretId": ocid,
        "versionNumber": version.number,
        "stages": sorted(version.stages),
        "secretBundleContent": {"contentType": "BASE64", "content": content},
    }


def manage(cloud: Cloud, request: Request) -> object:
    if request.fields().get("keyId") != cloud.operator_key_id:
        raise Refused(HTTPStatus.NOT_FOUND, "NotAuthorizedOrNotFound")
    request.signed_by(cloud.operator_key.public_key())
    ocid = request.path.rpartition("/")[2]
    cloud.staged(ocid, "CURRENT")
    if request.method == "PUT":
        if request.headers.get("if-match", etag(cloud, ocid)) != etag(cloud, ocid):
            raise Refused(HTTPStatus.PRECONDITION_FAILED, "IfMatchFailed")
        body = json.loads(request.body)
        cloud.generates = body.get("enableAutoGeneration", cloud.generates)
        content = body["secretContent"]
        if cloud.generates or content["contentType"] != "BASE64" or content["stage"] != "CURRENT":
            raise Refused(HTTPStatus.BAD_REQUEST, "InvalidParameter")
        cloud.put(ocid, base64.b64decode(content["content"]).decode())
    return {"id": ocid, "currentVersionNumber": cloud.staged(ocid, "CURRENT").number, "lifecycleState": "ACTIVE"}


def etag(cloud: Cloud, ocid: str) -> str:
    """It changes with every change (optimistic concurrency)."""
    return f"etag-{len(cloud.secrets[ocid])}"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, cloud: Cloud, address: tuple[str, int], context: ssl.SSLContext | None = None) -> None:
        super().__init__(address, Handler)
        self.cloud = cloud
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def respond(self) -> None:
        length = int(self.headers.get("content-length", 0))
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        self.server.cloud.requests.append(f"{request.method} {request.path}")
        status: HTTPStatus = HTTPStatus.OK
        try:
            found = answer(self.server.cloud, request)
        except Refused as refused:
            status, found = refused.status, {"code": refused.code, "message": "not shown"}
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if request.path.startswith("/20180608/secrets/") and status == HTTPStatus.OK:
            self.send_header("etag", etag(self.server.cloud, request.path.rpartition("/")[2]))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.server.cloud.breaks_off else body)

    do_GET = do_POST = do_PUT = respond  # noqa: N815  named by http.server

    def log_message(self, *_: object) -> None:
        """Tests look at `requests`."""
