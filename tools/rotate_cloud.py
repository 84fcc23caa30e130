"""Changes the deployed relays' secret under running calls: `make rotate-cloud STEP=accept PROJECT=...`, and so on.

    status   where the rotation stands, and what comes next
    accept   a new version in OCI Vault; done when every relay takes credentials of both
    sign     the same bytes as a new version in Google Secret Manager; done when the deployed functions use that version
    retire   when nobody can hold a credential of the old secret any more: the relays forget it

Any other order would leave somebody with credentials that a relay refuses, and is refused. Nothing is written down
here: how far a rotation has come is read from the two stores, from what the functions are deployed with, and from what
the relays really take. So each step may be repeated, by somebody else, on another machine.
"""

from __future__ import annotations

import asyncio
import base64
import configparser
import datetime as dt
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from aioice import stun, turn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import oci_vault
from tools import provision
from tools.configure import outputs
from tools.rotation import NotDone, OutOfOrder, free_at, moment, parser
from webrtc_lite.core.turn import TTL_MAX, Relay, grant
from webrtc_lite.edge.config import REGION

NAME = "TURN_SECRET"
FUNCTION = "issue_turn_credentials"
RELAYS_WITHIN_S = 420.0  # the VMs ask the vault every five minutes
LOOK_EVERY_S = 10.0
ANSWERS_WITHIN_S = 5.0
DEPLOYED_WITHIN_S = 900  # from a revision that is made to the last request that an older one answers
GOOGLE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Kept:
    """A version of the secret in Google Secret Manager."""

    number: int
    content: str


@dataclass(frozen=True)
class Deployed:
    """What the functions are deployed with, and since when without a break (unix seconds)."""

    version: int
    since: int


class Vault(Protocol):
    """What the relays go by."""

    def current(self) -> str: ...

    def previous(self) -> str | None: ...

    def put(self, secret: str, instead_of: str) -> None:
        """A new version, if this one still is current: it becomes the previous one, and what was that is forgotten."""


class Google(Protocol):
    """What the functions go by."""

    def latest(self) -> Kept | None: ...

    def add(self, secret: str) -> Kept: ...

    def disable_before(self, number: int) -> int:
        """Takes older versions out of use, and says how many."""

    def deployed(self) -> Deployed | None: ...


# --- the steps


@dataclass
class Steps:
    vault: Vault
    google: Google
    relays_take: Callable[[str], Sequence[str]]  # the hosts that do not take a credential of this secret
    say: Callable[[str], None]
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    dry: bool = False

    def status(self) -> None:
        current, kept, deployed = self.vault.current(), self.google.latest(), self.google.deployed()
        if kept is None or kept.content != current:
            begun = kept is not None and kept.content == self.vault.previous()
            what = "The relays are given a new secret" if begun else "Functions and relays have different secrets"
            self.say(f"{what}. Next: accept, to see that every relay has it; then sign.")
        elif deployed is None or deployed.version != kept.number:
            self.say(
                f"Version {kept.number} waits to be deployed. Next: make deploy; then sign, to see that it counts."
            )
        elif self._old() is not None:
            at = moment(free_at(deployed.since))
            self.say(f"The functions sign with the new secret. Next: retire, from {at} on.")
        else:
            self.say("No rotation is under way. Next: accept begins one.")

    def accept(self) -> None:
        current, kept = self.vault.current(), self.google.latest()
        if kept is not None and kept.content == current:
            if self._old() is not None:
                raise OutOfOrder(
                    "The old secret still counts: sign and retire it first. A third one would end it at once."
                )
            self._begin(kept.content)
            if self.dry:
                return
        elif kept is not None and kept.content != self.vault.previous():
            raise OutOfOrder(
                "The relays know nothing of the secret that functions sign with: no rotation mends that."
                " To give functions the relays' own, type STEP=sign ARGS=--at-once, then make deploy."
            )
        self._wait(self.vault.current())
        self.say("Every relay takes the new secret. Next: sign.")

    def sign(self, *, at_once: bool = False) -> None:
        current, kept = self.vault.current(), self.google.latest()
        if kept is None or kept.content != current:
            if kept is not None and kept.content != self.vault.previous() and not at_once:
                raise OutOfOrder("The relays know nothing of the secret that functions sign with: look at accept.")
            waiting = self.relays_take(current)
            if waiting:
                raise OutOfOrder(f"Not every relay takes the new secret yet: {', '.join(waiting)}. Repeat accept.")
            if self.dry:
                self.say("Would add the relays' secret to Google Secret Manager as a new version.")
                return
            kept = self.google.add(current)
            self.say(f"Version {kept.number} of {NAME} is in Google Secret Manager.")
        deployed = self.google.deployed()
        if deployed is None or deployed.version != kept.number:
            raise NotDone(f"The functions do not sign with version {kept.number} yet: make deploy, then repeat sign.")
        self.say(
            f"The functions sign with version {kept.number}. Next: retire, from {moment(free_at(deployed.since))} on."
        )

    def retire(self, longest_ttl: int = TTL_MAX, *, at_once: bool = False) -> None:
        current, kept, deployed = self.vault.current(), self.google.latest(), self.google.deployed()
        if kept is None or kept.content != current:
            raise OutOfOrder("The functions do not have the new secret: the next step is sign.")
        if deployed is None or deployed.version != kept.number:
            raise OutOfOrder(f"The functions do not sign with version {kept.number} yet: make deploy, then sign.")
        old = self._old()
        if old is not None:
            free = free_at(deployed.since, longest_ttl)
            if self.now() < free and not at_once:
                raise OutOfOrder(
                    f"Until {moment(free)} somebody may hold a credential of the old secret. Retire it then."
                )
            if self.dry:
                self.say("Would have the relays forget the old secret, and disable it in Google Secret Manager.")
                return
            # The same bytes once more: what was PREVIOUS is no longer, and the relays keep CURRENT and PREVIOUS only.
            self.vault.put(current, current)
        if not self.dry:
            disabled = self.google.disable_before(kept.number)
            self.say(
                f"{disabled} older version(s) disabled in Google Secret Manager."
                if disabled
                else "Nothing else to disable."
            )
        self.say("The relays forget the old secret within five minutes. The rotation is done.")

    def _old(self) -> str | None:
        """The secret that relays take beside the current one."""
        previous = self.vault.previous()
        return None if previous == self.vault.current() else previous

    def _begin(self, old: str) -> None:
        refusing = self.relays_take(old)
        if refusing:
            raise OutOfOrder(
                f"These relays refuse what functions sign with now: {', '.join(refusing)}. Mend that first."
            )
        if self.dry:
            self.say("Would put a new version into OCI Vault and wait until every relay takes it.")
            return
        self.vault.put(secrets.token_hex(32), old)
        self.say("A new version is in OCI Vault. The relays fetch it within five minutes.")

    def _wait(self, secret: str) -> None:
        ends = self.now() + (0 if self.dry else RELAYS_WITHIN_S)
        while waiting := self.relays_take(secret):
            if self.now() >= ends:
                raise NotDone(f"Not every relay takes the new secret yet: {', '.join(waiting)}. Repeat accept.")
            self.sleep(LOOK_EVERY_S)


# --- OCI Vault


@dataclass
class OciVault:
    """With the key of an operator, from ~/.oci/config."""

    principal: oci_vault.Principal
    services: oci_vault.Services
    management: str
    ocid: str

    @classmethod
    def of(cls, profile: str, region: str, ocid: str) -> OciVault:
        services = oci_vault.Services.of(region, "oraclecloud.com")
        return cls(operator(profile), services, f"https://vaults.{region}.oci.oraclecloud.com", ocid)

    def current(self) -> str:
        return oci_vault.secret(self.principal, self.services, self.ocid, "CURRENT")

    def previous(self) -> str | None:
        try:
            return oci_vault.secret(self.principal, self.services, self.ocid, "PREVIOUS")
        except oci_vault.NoSuchVersionError:
            return None

    def put(self, secret: str, instead_of: str) -> None:
        place = f"{self.management}/20180608/secrets/{self.ocid}"
        state = str(oci_vault.call(self.principal, "GET", place)["etag"])
        content = {
            "contentType": "BASE64",
            "content": base64.b64encode(secret.encode()).decode(),
            "stage": "CURRENT",
        }
        # OCI made the first one by itself, and takes no content from others while it is to go on so.
        body = {"enableAutoGeneration": False, "secretContent": content}
        overtaken = OutOfOrder("Somebody else has put a new version there just now: look at status.")
        if self.current() != instead_of:
            raise overtaken
        try:
            oci_vault.call(self.principal, "PUT", place, body, state)
        except oci_vault.OvertakenError:
            raise overtaken from None


def operator(profile: str, file: Path = Path("~/.oci/config")) -> oci_vault.Principal:
    path = file.expanduser()
    settings = configparser.ConfigParser(interpolation=None)
    if not settings.read(path) or (profile != settings.default_section and profile not in settings):
        raise provision.Missing(f"{path} has no profile {profile}. Type: oci setup config")
    chosen = settings[profile]
    try:
        pem = Path(chosen["key_file"]).expanduser().read_bytes()
        phrase = chosen.get("pass_phrase")
        key = serialization.load_pem_private_key(pem, phrase.encode() if phrase else None)
        key_id = f"{chosen['tenancy']}/{chosen['user']}/{chosen['fingerprint']}"
    except (KeyError, OSError, ValueError, TypeError) as problem:
        raise provision.Missing(f"{path}: the profile {profile} is not complete: {problem}") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise provision.Missing(f"{path}: the key of {profile} is not one of RSA, which OCI asks for.")
    return oci_vault.Principal(key_id, key)


# --- Google


@dataclass
class GoogleCloud:
    """With whoever is signed in to Google here: application default credentials."""

    project: str
    token: Callable[[], str]
    secret_manager: str = "https://secretmanager.googleapis.com"  # noqa: S105  an address
    functions: str = "https://cloudfunctions.googleapis.com"
    run: str = "https://run.googleapis.com"

    def latest(self) -> Kept | None:
        try:
            found = self._call("GET", f"{self._secret}/versions/latest:access")
        except urllib.error.HTTPError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            return None
        return Kept(number_of(found["name"]), base64.b64decode(found["payload"]["data"]).decode())

    def add(self, secret: str) -> Kept:
        payload = {"data": base64.b64encode(secret.encode()).decode()}
        added = self._call("POST", f"{self._secret}:addVersion", {"payload": payload})
        return Kept(number_of(added["name"]), secret)

    def disable_before(self, number: int) -> int:
        listed = self._call("GET", f"{self._secret}/versions?filter=state:ENABLED&pageSize=1000")
        older = [each["name"] for each in listed.get("versions", []) if number_of(each["name"]) < number]
        for name in older:
            self._call("POST", f"{self.secret_manager}/v1/{name}:disable", {})
        return len(older)

    def deployed(self) -> Deployed | None:
        place = f"projects/{self.project}/locations/{REGION}/functions/{FUNCTION}"
        try:
            found = self._call("GET", f"{self.functions}/v2/{place}")
        except urllib.error.HTTPError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            return None
        bound = found.get("serviceConfig", {}).get("secretEnvironmentVariables", [])
        version = next((each["version"] for each in bound if each["key"] == NAME), "")
        if not version.isdecimal():
            return None
        # Every later deployment updates the function as well: since when it has had this version, its revisions say.
        first = self._first_revision(found["serviceConfig"]["service"], version)
        updated = seconds_of(found["updateTime"])
        return Deployed(int(version), min(updated, first + DEPLOYED_WITHIN_S) if first else updated)

    def _first_revision(self, service: str, version: str) -> int | None:
        """When the oldest revision was made since which all have had this version."""
        revisions: list[dict[str, Any]] = []
        listed = f"{self.run}/v2/{service}/revisions?pageSize=100"
        found = self._call("GET", listed)
        revisions += found.get("revisions", [])
        while more := found.get("nextPageToken"):
            found = self._call("GET", f"{listed}&pageToken={more}")
            revisions += found.get("revisions", [])
        first = None
        for each in sorted(revisions, key=lambda revision: seconds_of(revision["createTime"]), reverse=True):
            if bound_version(each) != version:
                break
            first = seconds_of(each["createTime"])
        return first

    @property
    def _secret(self) -> str:
        return f"{self.secret_manager}/v1/projects/{self.project}/secrets/{NAME}"

    def _call(self, method: str, url: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.load(response)
            return found


def number_of(name: str) -> int:
    return int(name.rpartition("/")[2])


def seconds_of(stamp: str) -> int:
    return int(dt.datetime.fromisoformat(stamp).timestamp())


def bound_version(revision: dict[str, Any]) -> str | None:
    """The version of the secret that a revision of the service was made with."""
    bound = [each for container in revision.get("containers", []) for each in container.get("env", [])]
    keys = [each.get("valueSource", {}).get("secretKeyRef", {}) for each in bound if each["name"] == NAME]
    return keys[0].get("version") if keys else None


def signed_in() -> str:
    import google.auth  # noqa: PLC0415  only where Google is asked
    import google.auth.exceptions  # noqa: PLC0415
    import google.auth.transport.requests  # noqa: PLC0415

    try:
        found, _ = google.auth.default(scopes=[GOOGLE])
        found.refresh(google.auth.transport.requests.Request())
    except google.auth.exceptions.GoogleAuthError as problem:
        raise provision.Missing(
            f"Nobody is signed in to Google here: gcloud auth application-default login. {problem}"
        ) from None
    return str(found.token)


# --- the relays


def not_taking(relays: Sequence[tuple[str, int]], secret: str) -> list[str]:
    """The relays that refuse a fresh credential of this secret, and those that do not answer, which is said of them."""
    found = [(host, asyncio.run(takes(host, port, secret))) for host, port in relays]
    return [host if taken is False else f"{host} (does not answer)" for host, taken in found if not taken]


async def takes(host: str, port: int, secret: str) -> bool | None:
    granted = grant(Relay(host, port, (), secret), f"rotation-{secrets.token_hex(4)}", 60, int(time.time()))
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(host, port),
                username=granted.username,
                password=granted.password,
                transport="tcp",
            )
    except stun.TransactionFailed:
        return False
    except (OSError, stun.TransactionError):
        return None
    transport.close()
    await asyncio.sleep(0.2)  # the goodbye is sent
    return True


# --- the command


def main() -> int:
    taking = parser("make rotate-cloud STEP=... PROJECT=...", __doc__)
    taking.add_argument("--project", required=True, help="the Firebase project of the functions")
    taking.add_argument("--profile", help="of ~/.oci/config, where not the one that Terraform applies with")
    given = taking.parse_args()

    def say(line: str) -> None:
        print(f"  {line}", flush=True)

    try:
        found = outputs()
        steps = Steps(
            OciVault.of(
                given.profile or str(found.get("oci_profile", "DEFAULT")), str(found["region"]), str(found["secret_id"])
            ),
            GoogleCloud(given.project, signed_in),
            lambda secret: not_taking([(each["host"], each["port"]) for each in found["relays"]], secret),
            say,
            dry=given.dry_run,
        )
        match given.step:
            case "status":
                steps.status()
            case "accept":
                steps.accept()
            case "sign":
                steps.sign(at_once=given.at_once)
            case _:
                steps.retire(given.longest_ttl, at_once=given.at_once)
    except (OutOfOrder, NotDone, oci_vault.VaultError, provision.Missing) as problem:
        say(f"✗ {problem}")
        return 1
    except urllib.error.HTTPError as refused:
        with refused:
            say(f"✗ Google answered {refused.code} {refused.reason} to {refused.url.partition('?')[0]}.")
        return 1
    except OSError as problem:
        say(f"✗ Google cannot be reached: {problem}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
