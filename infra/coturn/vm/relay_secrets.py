#!/usr/bin/env python3
"""Brings Coturn's shared secrets up to what the vault says: its current version and the previous one, nothing else.

Coturn reads its database at every request: what is added or taken away here counts at once, and running calls go on.
Where the vault cannot be reached, the old set stays, and this fails so that somebody hears of it.

    relay_secrets.py             once, as the timer does
    relay_secrets.py database    only makes the database, for a first start of Coturn

On a VM without OCI Vault the secrets stand in /etc/webrtc-lite/secrets, one a line, the current one first.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import sqlite3
import sys
import time
from pathlib import Path

import oci_vault as vault

DATABASE = Path("/var/lib/coturn/turndb")
BY_HAND = Path("/etc/webrtc-lite/secrets")
SYNCED = Path("/var/lib/coturn/secrets-synced")  # touched when the set is known to be right
SHORTEST = 16  # what functions refuse as well: less can be guessed from one captured username and password
KEPT = 2


class Unusable(Exception):  # noqa: N818  it reads as what it says
    """There is no set of secrets to go by; the old one stays."""


def main() -> None:
    make_database(DATABASE)
    if sys.argv[1:] == ["database"]:
        return
    try:
        accept_only(DATABASE, os.environ["REALM"], wanted(os.environ["VAULT_SECRET"]))
    except (Unusable, vault.VaultError) as problem:
        sys.exit(f"The secrets stay as they were: {problem}")
    SYNCED.write_text(f"{int(time.time())}\n")
    SYNCED.chmod(0o644)


def wanted(ocid: str) -> list[str]:
    """The secrets to accept, the current one first."""
    found = from_vault(ocid) if ocid else from_file(BY_HAND)
    for secret in found:
        if len(secret) < SHORTEST or not (secret.isascii() and secret.isprintable()) or secret != secret.strip():
            raise Unusable(f"one is shorter than {SHORTEST} characters, or holds others than printable ASCII.")
    return found


def from_vault(ocid: str) -> list[str]:
    principal, services = vault.instance_principal()
    found = [vault.secret(principal, services, ocid, "CURRENT")]
    with contextlib.suppress(vault.NoSuchVersionError):  # before the first rotation
        found.append(vault.secret(principal, services, ocid, "PREVIOUS"))
    return found


def from_file(path: Path) -> list[str]:
    try:
        found = path.read_text().splitlines()
    except OSError as problem:
        raise Unusable(f"{path} cannot be read: {problem.strerror}.") from None
    if not 1 <= len(found) <= KEPT:
        raise Unusable(f"{path} holds {len(found)} lines: one for the current secret, and one for the previous.")
    return found


def make_database(path: Path) -> None:
    """Coturn refuses everybody where it cannot open its database, so there is one before there are secrets."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    owner = pwd.getpwnam("turnserver")
    for each in (path.parent, path):
        os.chown(each, owner.pw_uid, owner.pw_gid)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS turn_secret"
            " (realm varchar(127) default '', value varchar(256), primary key (realm, value))"
        )
    connection.close()


def accept_only(path: Path, realm: str, secrets: list[str]) -> None:
    """In one transaction: no moment without the secret that functions sign with."""
    connection = sqlite3.connect(path, timeout=10)
    with connection:
        before = {row[0] for row in connection.execute("SELECT value FROM turn_secret WHERE realm = ?", (realm,))}
        strange = connection.execute("DELETE FROM turn_secret WHERE realm != ?", (realm,)).rowcount
        for secret in before - set(secrets):
            connection.execute("DELETE FROM turn_secret WHERE realm = ? AND value = ?", (realm, secret))
        for secret in set(secrets) - before:
            connection.execute("INSERT INTO turn_secret (realm, value) VALUES (?, ?)", (realm, secret))
    connection.close()
    if before != set(secrets) or strange:
        added, removed = len(set(secrets) - before), len(before - set(secrets)) + strange
        print(f"Secrets: {len(set(secrets))} accepted, {added} of them new, {removed} gone.")


if __name__ == "__main__":
    main()
