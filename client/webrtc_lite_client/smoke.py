"""Whether a deployment works: one call between two new people, looked at step by step, and a stranger who gets nothing.

The checks come in the order in which one builds on another, and the first that fails ends it: what comes after would
fail for the same reason. However it ends, accounts are deleted, allocations given back, and no live session stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from webrtc_lite_client import firebase, indexes, stranger
from webrtc_lite_client.backend import Backend
from webrtc_lite_client.call import RING_WITHIN_S, Call, Person, first_ring, going_on, incoming, outgoing
from webrtc_lite_client.credentials import ISSUE, Issued
from webrtc_lite_client.diagnosis import CERTIFICATE_DAYS, CLOCKS_AGREE_S, compare, good_news, relay_problem
from webrtc_lite_client.firebase import Firebase
from webrtc_lite_client.people import Manner, guest
from webrtc_lite_client.problem import Exit, NotThere, Problem, Refused, reason
from webrtc_lite_client.relay import UNAUTHORIZED, Relay, Standing, probe
from webrtc_lite_client.session import Session
from webrtc_lite_client.signalling import history_since
from webrtc_lite_client.timeline import Timeline
from webrtc_lite_client.waiting import within

CONNECT_WITHIN_S = 15.0  # where every way goes through a relay that has just answered, more patience finds nothing new
LONGEST_TTL_S = 86_400

CHECKS = {
    "sign-in": "Auth gives out three accounts: a caller, a callee, a stranger",
    "credential": "the function issues credentials of the contract's form, and its clock is right",
    "relay": "every URI that was issued: a STUN binding, an allocation, and over TLS the certificate and its days left;"
    " none of them lets in who has no credential",
    "ring": "a call is written and offered: the rules allow it, the trigger runs, the callee hears it",
    "connect": "it is answered, and connected: ICE finds a way through the relay",
    "media": "audio and data arrive, both ways",
    "end": "it ends with the hangup, and has been through every status",
    "history": "both find its record, with the query of the contract; firestore.indexes.json has every index",
    "rules": "a stranger, and somebody who is not signed in, read and write nothing of it",
}


@dataclass(frozen=True)
class Done:
    check: str
    found: list[str]
    took_ms: float


@dataclass
class Findings:
    """All that there is to report; filled while the checks go on, and whole also where one has failed."""

    timeline: Timeline
    checks: list[Done] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is no failure, and worth knowing
    failed_check: str | None = None
    problem: Problem | None = None
    session_id: str | None = None
    pairs: list[str] = field(default_factory=list)
    record: dict[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    backend: Backend
    manner: Manner
    talk_s: float = 1.0
    indexes: Path | None = None


class Smoke:
    def __init__(self, asked: Asked, told: Callable[[Done], None]) -> None:
        self._asked = asked
        self._told = told
        self._check = ""
        self.findings = Findings(Timeline())

    async def run(self) -> Findings:
        try:
            async with (
                firebase.connected(self._asked.backend, self._asked.manner.wall) as service,
                AsyncExitStack() as ends,
            ):
                await self._run(service, ends)
        except Exception as failure:
            self.findings.failed_check, self.findings.problem = self._check, reason(failure)
            if self.findings.problem is None:
                raise
        return self.findings

    async def _run(self, service: Firebase, ends: AsyncExitStack) -> None:
        with self._checking("sign-in") as found:
            caller, callee, nobody = [
                await ends.enter_async_context(guest(service, self._asked.manner)) for _ in range(3)
            ]
            self._compare_clocks(service, found)
        with self._checking("credential") as found:
            issued = await self._credential(service, caller, callee, found)
        with self._checking("relay") as found:
            await self._relays(service, caller, issued, found)
        self.findings.timeline = Timeline()  # the call begins here
        mark = self.findings.timeline.side
        async with going_on(outgoing(caller, mark("caller"))) as placed:
            self.findings.session_id = placed.session_id
            with self._checking("ring") as found:
                await ring(placed, callee)
                found.append("pending, offered")
            async with going_on(incoming(callee, placed.session_id, mark("callee"))) as answered:
                await self._talk(placed, answered)
        with self._checking("history") as found:
            await self._history(placed, answered, found)
        with self._checking("rules") as found:
            refused = await stranger.attempts(self._asked.backend, nobody, caller, callee, placed.session_id)
            found.append(f"{refused} attempts refused")

    @contextmanager
    def _checking(self, check: str) -> Iterator[list[str]]:
        began, found = time.monotonic(), list[str]()
        self._check = check
        yield found
        done = Done(check, found, (time.monotonic() - began) * 1000)
        self.findings.checks.append(done)
        self._told(done)

    # ---- Clocks, credential, relays

    def _compare_clocks(self, service: Firebase, found: list[str]) -> None:
        found.append("3 new accounts")
        if service.ahead_s is not None and abs(service.ahead_s) > CLOCKS_AGREE_S:
            which = "behind" if service.ahead_s > 0 else "ahead"
            self.findings.notes.append(
                f"This machine's clock is {abs(service.ahead_s):.0f} s {which}. Calls work all the same; set it."
            )

    async def _credential(self, service: Firebase, caller: Person, callee: Person, found: list[str]) -> Issued:
        try:
            issued = await self._issue(caller, callee)
        except NotThere:
            raise await not_deployed(service) from None
        compare(issued, server_now=self._asked.manner.wall() + (service.ahead_s or 0.0))
        found.append(f"{len(issued.uris)} URIs for {issued.ttl} s")
        region = self._asked.manner.region
        if region:
            usual = await issued_without_a_call(service, caller)
            if usual is not None and usual.uris == issued.uris:
                self.findings.notes.append(
                    f"Asking for the region {region} changes nothing: it is the one by default, or no relay is there."
                )
        return issued

    async def _issue(self, caller: Person, callee: Person) -> Issued:
        try:
            return await caller.credentials.fresh()
        except Refused as refused:
            if refused.field != "session_id":
                raise
        self.findings.notes.append("This deployment issues credentials for live calls only (TURN_SESSION_REQUIRED).")
        call = outgoing(caller, lambda _: None)
        async with going_on(call):
            await call.dial(callee.uid)
            return await caller.credentials.fresh(call.session_id)

    async def _relays(self, service: Firebase, caller: Person, issued: Issued, found: list[str]) -> None:
        uris = [self._asked.manner.relay_uri] if self._asked.manner.relay_uri else issued.uris
        local = self._asked.backend.local

        async def ask(uri: str, credential: Issued) -> Standing:
            return await probe(Relay(uri, credential.username, credential.password), trusting=local)

        standings = await asyncio.gather(*(ask(uri, issued) for uri in uris))
        failed = [each for each in standings if each.problem]
        found += map(good_news, (each for each in standings if not each.problem))
        if failed:
            longer = None
            if failed[0].code == UNAUTHORIZED:
                longest = await issued_without_a_call(service, caller, ttl=LONGEST_TTL_S)
                longer = await ask(failed[0].uri, longest) if longest is not None else None
            raise relay_problem(failed[0], longer, len(failed), len(standings))
        self.findings.notes += [
            f"The certificate of {each.uri} ends in {each.certificate_days} days: look at its renewal."
            for each in standings
            if each.certificate_days is not None and each.certificate_days < CERTIFICATE_DAYS
        ]

    # ---- The call

    async def _talk(self, placed: Call, answered: Call) -> None:
        sides = (placed, answered)
        with self._checking("connect") as found:
            answered.pick_up()
            await together(*(side.until_connected(CONNECT_WITHIN_S) for side in sides))
            self.findings.pairs = [side.pair for side in sides]
            found.append(f"answered, connected; {' and '.join(self.findings.pairs)}")
        with self._checking("media") as found:
            await together(*(side.until_proved(self._asked.talk_s) for side in sides))
            found.append(f"{self._asked.talk_s:g} s of audio heard and data echoed, both ways")
        with self._checking("end") as found:
            await placed.hang_up("hangup")
            await together(*(side.until_ended() for side in sides))
            if placed.session is not None:
                went_through_every_status(placed.session)
            found.append("ended, with hangup")

    async def _history(self, placed: Call, answered: Call, found: list[str]) -> None:
        record = self.findings.record = await placed.signalling.record()
        since = record["created_at"] - timedelta(minutes=1)
        for side in (placed, answered):
            seen = await history_since(side.person.firestore, side.person.uid, since)
            if seen.get(placed.session_id) != record:
                raise Problem(f"The {side.side} does not find the call's record in call_history.", ends=Exit.CALL)
        self.findings.timeline.mark("caller", "history read")
        if record["end_reason"] != "hangup":
            raise Problem(f"The call was hung up, and its record says {record['end_reason']}.")
        found.append(f"{record['end_reason']} after {record['duration_s']} s, found by both")
        if self._asked.indexes is not None:
            found.append(indexes.look(self._asked.indexes))


async def issued_without_a_call(service: Firebase, person: Person, **asked: int) -> Issued | None:
    """Other credentials than those that are held, where the deployment gives them out."""
    try:
        return await service.issue(person.user, **asked)
    except Refused:
        return None


async def together(*steps: Coroutine[Any, Any, Any]) -> None:
    """Side by side; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)


async def ring(placed: Call, callee: Person) -> None:
    async def hears() -> None:
        async with within(RING_WITHIN_S * 2, "the ring at the callee's", ends=Exit.RULES):
            await first_ring(callee, placed.session_id)

    await together(hears(), placed.place(callee.uid), placed.session_when(has_rung, "status offered", RING_WITHIN_S))


def has_rung(session: Session) -> bool:
    return session.status == "offered"


def went_through_every_status(session: Session) -> None:
    missing = [
        name for name in ("offered_at", "answered_at", "connected_at", "ended_at") if session.stamp(name) is None
    ]
    if missing:
        raise Problem(f"The session has ended without {', '.join(missing)}.", "Is an older version deployed?")


async def not_deployed(service: Firebase) -> Problem:
    asked = service.backend.region
    elsewhere = await service.regions_with(ISSUE)
    if elsewhere:
        there = ", ".join(elsewhere)
        return Problem(
            f"{ISSUE} is not in {asked}; it is deployed in {there}.",
            f"Say --region {elsewhere[0]}, or set WEBRTC_LITE_REGION; apps name the same region.",
            Exit.FUNCTIONS,
        )
    hint = "Start it with `make run`." if service.backend.local else "Deploy the functions: `make deploy PROJECT=...`."
    return Problem(f"{ISSUE} is not deployed, in {asked} or in any other region.", hint, Exit.FUNCTIONS)
