"""Changes the relay's secret under running calls, in three steps: `make rotate STEP=accept`, then sign, then retire.

    accept   the relay accepts a new secret beside the old one
    sign     the functions sign with the new one
    retire   the relay forgets the old one, when nobody can hold a credential of it any more

Any other order would leave somebody with credentials that the relay refuses, and is refused. Every step looks at what
the relay really takes and what the functions really sign with, may be repeated, and goes on where it was interrupted.
Running calls notice nothing: Coturn looks at a credential when an allocation starts, and never again.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import sqlite3
import ssl
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from tools import provision, relay_check
from tools.coturn import REALM, write_private
from tools.relay_check import Target
from tools.rotation import NotDone, OutOfOrder, free_at, moment, parser
from tools.stack.addresses import DIRECT, HOST, PROJECT, Addresses, firebase_json
from tools.stack.suite import SECRETS, local_secret
from webrtc_lite.core.turn import TTL_MIN, Relay
from webrtc_lite.edge.config import REGION

RECORD = provision.HOME / "rotation.json"
SIGNS_WITHIN_S = 90.0
LOOK_EVERY_S = 0.5
LOADS_WITHIN_S = 20.0  # the emulator, functions
SEEN_TIMES = 5  # in a row: every process of the functions that may answer has to be a new one


@dataclass(frozen=True)
class Rotation:
    """How far it has come; moments are unix seconds. It holds both secrets, and nobody else may read it."""

    old: str
    new: str
    signed_at: int | None = None
    retired_at: int | None = None


class Stores(Protocol):
    """Where the secrets are, and what is really done with them."""

    def load(self) -> Rotation | None: ...

    def save(self, rotation: Rotation) -> None: ...

    def accept(self, secret: str) -> None:
        """Has the relay accept one secret more."""

    def forget(self, secret: str) -> None:
        """Has the relay accept one secret less."""

    def accepts(self, secret: str) -> bool:
        """Whether the relay gives an allocation for a credential of this secret."""

    def configured(self) -> str:
        """The secret with which the functions are to sign."""

    def configure(self, secret: str) -> None:
        """Has the functions sign with this secret from now on."""

    def signs_with(self, secret: str) -> bool:
        """Whether a credential that the functions issue is signed with it."""

    def now(self) -> int: ...


type Say = Callable[[str], None]


@dataclass(frozen=True)
class Steps:
    stores: Stores
    say: Say
    dry: bool = False

    def status(self) -> None:
        rotation = self.stores.load()
        if rotation is None or rotation.retired_at is not None:
            self.say("No rotation is under way. The next step is accept.")
        elif rotation.signed_at is None:
            self.say("The relay accepts a new secret beside the old one. The next step is sign.")
        else:
            since = f"The functions have signed with the new secret since {moment(rotation.signed_at)}."
            self.say(f"{since} The next step is retire, from {moment(free_at(rotation.signed_at))} on.")

    def accept(self) -> None:
        rotation = self.stores.load()
        if rotation is not None and rotation.retired_at is None and rotation.signed_at is not None:
            raise OutOfOrder("The functions sign with the new secret already, and the old one still counts: retire it.")
        if rotation is None or rotation.retired_at is not None:
            rotation = Rotation(old=self.stores.configured(), new=secrets.token_hex(32))
        if not self.stores.accepts(rotation.old):
            raise OutOfOrder("The relay refuses what the functions sign with now: mend that first.")
        if self.dry:
            self.say("Would have the relay accept a new secret beside the old one.")
            return
        self.stores.save(rotation)  # first, so that whoever is interrupted goes on with the same new one
        self.stores.accept(rotation.new)
        if not (self.stores.accepts(rotation.new) and self.stores.accepts(rotation.old)):
            raise NotDone("The relay does not accept both secrets.")
        self.say("The relay accepts a new secret beside the old one. The next step is sign.")

    def sign(self) -> None:
        rotation = self._begun()
        if rotation.retired_at is not None:
            self.say("The functions sign with the new secret, and the old one is gone. Nothing is left to do.")
            return
        if not self.stores.accepts(rotation.new):
            raise OutOfOrder("The relay does not accept the new secret: repeat accept.")
        if self.dry:
            self.say("Would have the functions sign with the new secret.")
            return
        if self.stores.configured() != rotation.new:
            self.stores.configure(rotation.new)
        if not self.stores.signs_with(rotation.new):
            raise NotDone("The functions do not sign with the new secret yet.")
        signed_at = rotation.signed_at
        if signed_at is None:
            signed_at = self.stores.now()
            self.stores.save(replace(rotation, signed_at=signed_at))
        self.say(
            f"The functions sign with the new secret. The next step is retire, from {moment(free_at(signed_at))} on."
        )

    def retire(self, longest_ttl: int, *, at_once: bool = False) -> None:
        rotation = self._begun()
        if rotation.retired_at is not None:
            self.say("The old secret is gone already. Nothing is left to do.")
            return
        if rotation.signed_at is None:
            raise OutOfOrder("The functions still sign with the old secret: the next step is sign.")
        if not self.stores.signs_with(rotation.new):
            raise OutOfOrder("The functions do not sign with the new secret: repeat sign.")
        if not self.stores.accepts(rotation.new):
            raise OutOfOrder("The relay does not accept the new secret: it would accept none.")
        free = free_at(rotation.signed_at, longest_ttl)
        if self.stores.now() < free and not at_once:
            until = moment(free)
            raise OutOfOrder(f"Until {until} somebody may hold a credential of the old secret. Retire it then.")
        if self.dry:
            self.say("Would have the relay forget the old secret.")
            return
        self.stores.forget(rotation.old)
        if self.stores.accepts(rotation.old) or not self.stores.accepts(rotation.new):
            raise NotDone("The relay does not accept the new secret alone.")
        self.stores.save(replace(rotation, old="", retired_at=self.stores.now()))
        self.say("The old secret is gone. The rotation is done.")

    def _begun(self) -> Rotation:
        rotation = self.stores.load()
        if rotation is None:
            raise OutOfOrder("No new secret is accepted by the relay: the first step is accept.")
        return rotation


# --- the running local stack


class LocalStack:
    """Coturn's databases below .stack/, and the one file from which the local functions have their secret."""

    def __init__(self, project: str) -> None:
        suite = provision.HOME / project / "suite" / "firebase.json"
        if not suite.exists():
            raise NotDone(f"There is no stack {project}: start it with `make run`.")
        port = json.loads(suite.read_text())["emulators"]["functions"]["port"]
        self._addresses = Addresses(port - firebase_json()["emulators"]["functions"]["port"])
        self._project = project
        certificate = provision.HOME / project / "coturn" / "certificate.pem"
        relay = Relay(HOST, self._addresses.turn, (self._addresses.turn_tls,), "")
        self._target = Target(relay, ssl.create_default_context(cafile=certificate))

    def load(self) -> Rotation | None:
        return Rotation(**json.loads(RECORD.read_text())) if RECORD.exists() else None

    def save(self, rotation: Rotation) -> None:
        write_private(RECORD, json.dumps(asdict(rotation)).encode())

    def accept(self, secret: str) -> None:
        self._execute("INSERT OR IGNORE INTO turn_secret (realm, value) VALUES (?, ?)", secret)

    def forget(self, secret: str) -> None:
        self._execute("DELETE FROM turn_secret WHERE realm = ? AND value = ?", secret)

    def _execute(self, statement: str, secret: str) -> None:
        """On the relay of every stack of this checkout: their functions read the same file.

        Not by turnadmin, which takes the secret in its command and writes a log of its own.
        """
        for database in sorted(provision.HOME.glob("demo-*/coturn/turndb")):
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(statement, (REALM, secret))
            database.chmod(0o600)

    def accepts(self, secret: str) -> bool:
        target = replace(self._target, relay=replace(self._target.relay, secret=secret))
        try:
            return relay_check.refusal(target, *target.credential("rotation"), target.tcp) is None
        except OSError:
            raise NotDone("The relay of the stack does not answer: is `make run` running?") from None

    def configured(self) -> str:
        return local_secret()

    def configure(self, secret: str) -> None:
        lines = [line for line in SECRETS.read_text().splitlines() if not line.startswith("TURN_SECRET=")]
        write_private(SECRETS, "\n".join([f"TURN_SECRET={secret}", *lines, ""]).encode())
        self._load_again()

    @staticmethod
    def _load_again() -> None:
        """The emulator loads functions, and their secrets, when they change; a change while it loads it may miss."""
        (SECRETS.parent / "main.py").touch()

    def signs_with(self, secret: str) -> bool:
        began, seen, loads = time.monotonic(), 0, 1
        while seen < SEEN_TIMES:
            issued = self._issued()
            signed = issued and issued["password"] == self._target.password(issued["username"], secret)
            seen = seen + 1 if signed else 0
            if not seen:
                waited = time.monotonic() - began
                if waited > SIGNS_WITHIN_S or self.configured() != secret:
                    return False
                if waited > loads * LOADS_WITHIN_S:
                    loads += 1
                    self._load_again()
                time.sleep(LOOK_EVERY_S)
        return True

    def _issued(self) -> dict[str, str] | None:
        """What a user who was not there before gets from the function, if it answers."""
        sign_up = f"{self._addresses.url('auth')}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any"
        function = f"{self._addresses.url('functions')}/{self._project}/{REGION}/issue_turn_credentials"
        try:
            token = post(sign_up, {"returnSecureToken": True}, {})["idToken"]
            result: dict[str, str] = post(function, {"data": {"ttl": TTL_MIN}}, {"Authorization": f"Bearer {token}"})[
                "result"
            ]
        except (OSError, ValueError, KeyError):
            return None
        return result

    def now(self) -> int:
        return int(time.time())


def post(url: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with DIRECT.open(request, timeout=30) as reply:
        answer: dict[str, Any] = json.load(reply)
        return answer


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Two people who rotate at once would each make a secret."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutOfOrder("Somebody else is in the middle of a step.") from None
        yield


def main() -> int:
    taking = parser("make rotate STEP=...", __doc__)
    taking.add_argument("--project", default=PROJECT, help="of the running local stack")
    given = taking.parse_args()

    def say(line: str) -> None:
        print(f"  {line}", flush=True)

    try:
        with alone(RECORD.with_suffix(".lock")):
            steps = Steps(LocalStack(given.project), say, given.dry_run)
            if given.step == "retire":
                steps.retire(given.longest_ttl, at_once=given.at_once)
            else:
                {"status": steps.status, "accept": steps.accept, "sign": steps.sign}[given.step]()
    except (OutOfOrder, NotDone, relay_check.Failed, provision.Missing) as problem:
        say(f"✗ {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
