"""Who calls and who is called: guests, who are gone afterwards, and an account that a file keeps."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from webrtc_lite_client import firestore
from webrtc_lite_client.call import Person
from webrtc_lite_client.credentials import RelayCredentials
from webrtc_lite_client.firebase import Firebase, User
from webrtc_lite_client.peer import MakePeer, Peer
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.waiting import meanwhile


@dataclass(frozen=True)
class Manner:
    """How somebody calls."""

    make_peer: MakePeer = Peer
    relay_uri: str | None = None  # another relay than the one that is issued
    region: str | None = None  # the relays to be asked for first
    wall: Callable[[], float] = time.time


@asynccontextmanager
async def guest(service: Firebase, manner: Manner) -> AsyncIterator[Person]:
    """Somebody with a new anonymous account, which is deleted afterwards."""
    user = await signed_up(service)
    try:
        async with person(service, user, new_device_id(), manner) as found:
            yield found
    except BaseException:
        with suppress(Problem):  # what went wrong before is what is reported
            await service.delete(user)
        raise
    await service.delete(user)


async def signed_up(service: Firebase) -> User:
    """Whoever is interrupted while Auth makes an account waits for it, and deletes it."""
    signing_up = asyncio.create_task(service.sign_up())
    try:
        return await asyncio.shield(signing_up)
    except asyncio.CancelledError:
        with suppress(Problem):
            await service.delete(await signing_up)
        raise


@asynccontextmanager
async def resident(service: Firebase, file: Path, manner: Manner) -> AsyncIterator[Person]:
    """Somebody whose account a file keeps, with the device: made at first, and the same at every later start."""
    user, device_id = await account(service, file)
    async with person(service, user, device_id, manner) as found:
        yield found


async def account(service: Firebase, file: Path) -> tuple[User, str]:
    kept = read_account(file, service.backend.project)
    if kept is not None:
        return await service.sign_in_again(kept.refresh_token), kept.device_id
    user = await service.sign_up()
    made = Account(service.backend.project, new_device_id(), user.refresh_token)
    write_account(file, made)
    return user, made.device_id


@dataclass(frozen=True)
class Account:
    project: str
    device_id: str
    refresh_token: str = field(repr=False)


def read_account(file: Path, project: str) -> Account | None:
    if not file.exists():
        return None
    try:
        kept = Account(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        raise Problem(f"{file} holds no account.", "Name another file, or remove this one.", Exit.USAGE) from None
    if kept.project != project:
        raise Problem(f"{file} holds an account of {kept.project}.", "Keep a file for each project.", Exit.USAGE)
    return kept


def write_account(file: Path, kept: Account) -> None:
    """For nobody else's eyes: whoever has the token is this user."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        json.dump(asdict(kept), written)


@asynccontextmanager
async def person(service: Firebase, user: User, device_id: str, manner: Manner) -> AsyncIterator[Person]:
    credentials = RelayCredentials(
        lambda session_id: service.issue(user, session_id=session_id, region=manner.region), manner.wall
    )
    async with firestore.signed_in(service.backend, user) as client, meanwhile(service.keep_renewing(user)):
        yield Person(user, service, client, credentials, device_id, manner.make_peer, manner.relay_uri)


def new_device_id() -> str:
    return f"headless-{secrets.token_hex(8)}"
