"""One call between two people who did not exist before it, and what is to be said about it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webrtc_lite_client import call, firebase, firestore
from webrtc_lite_client.backend import Backend
from webrtc_lite_client.call import Outcome, Person
from webrtc_lite_client.firebase import Firebase
from webrtc_lite_client.problem import Problem
from webrtc_lite_client.timeline import Timeline


@dataclass(frozen=True)
class Talked:
    caller: Outcome
    callee: Outcome


async def smoke(backend: Backend, timeline: Timeline, relay_uri: str | None = None, talk_s: float = 1.0) -> Talked:
    """Places one relayed call. The timeline holds the steps that were done, also where this fails."""
    async with firebase.connected(backend) as service:
        async with person(service, relay_uri) as caller, person(service, relay_uri) as callee:
            timeline.mark("caller", "signed in")
            timeline.mark("callee", "signed in")
            async with asyncio.TaskGroup() as both:
                answered = both.create_task(call.pick_up(callee, timeline.side("callee"), talk_s))
                placed = both.create_task(call.place(caller, callee.user.uid, timeline.side("caller"), talk_s))
        return Talked(placed.result(), answered.result())


@asynccontextmanager
async def person(service: Firebase, relay_uri: str | None) -> AsyncIterator[Person]:
    """A new account, which is gone afterwards."""
    user = await service.sign_up()
    try:
        async with firestore.signed_in(service.backend, user) as client:
            yield Person(user, service, client, f"headless-{secrets.token_hex(8)}", relay_uri)
    finally:
        await service.delete(user)


def reason(failure: BaseException) -> Problem | None:
    """The first problem of a failure: tasks that run side by side put theirs into groups."""
    if isinstance(failure, Problem):
        return failure
    inner = failure.exceptions if isinstance(failure, BaseExceptionGroup) else ()
    return next((found for each in inner if (found := reason(each))), None)
