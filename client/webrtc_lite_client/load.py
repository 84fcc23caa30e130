"""What a deployment holds: many calls at once, each by its script, and whether all of them ended as scripted.

So many pairs of people (with a third for who finds them busy) play one story after another; by the ramp, some begin
later than others. A record of every call has to be in the history, and nothing may be left: no live session, no
account, no allocation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from webrtc_lite_client import firebase
from webrtc_lite_client.backend import Backend
from webrtc_lite_client.call import END_WITHIN_S
from webrtc_lite_client.firebase import Firebase
from webrtc_lite_client.firestore import Operations
from webrtc_lite_client.peer import PaperPeer, Peer
from webrtc_lite_client.people import Manner, guest
from webrtc_lite_client.problem import Exit, Problem, reason
from webrtc_lite_client.signalling import live_sessions
from webrtc_lite_client.stories import STORIES, Cast, Gauge, Scene
from webrtc_lite_client.timeline import Mark

PROGRESS_EVERY_S = 2.0
LOOK_EVERY_S = 1.0
SPARSE = 10  # five packets of audio a second and side: fifty calls are then no more than a machine of two cores encodes
PROOF_S = 1.0
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

# A step of a call: from which mark of which side to which.
STEPS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "credential": (("caller", "session written"), ("caller", "credentials")),
    "ring": (("caller", "offer written"), ("callee", "rings")),
    "answer": (("callee", "rings"), ("callee", "answer written")),
    "answer seen": (("callee", "gathered"), ("caller", "answer seen")),
    "ICE": (("caller", "answer seen"), ("caller", "ice connected")),
    "set-up, whole": (("caller", "session written"), ("caller", "ice connected")),
    "end": (("caller", "hung up"), ("caller", "ended")),
}


@dataclass(frozen=True)
class Plan:
    calls: int
    at_once: int
    ramp_s: float
    talk_s: float
    shares: Mapping[str, float]  # of each story; the rest talk, and hang up
    media: bool


def script(calls: int, shares: Mapping[str, float]) -> list[str]:
    """Which story each call plays: so many of each as its share says, spread evenly over all."""
    wanted = {"hangup": 1.0 - sum(shares.values()), **shares}
    given: Counter[str] = Counter()
    played = []
    for number in range(1, calls + 1):
        story = max(wanted, key=lambda name: wanted[name] * number - given[name])
        given[story] += 1
        played.append(story)
    return played


def durations(marks: Sequence[Mark]) -> dict[str, float]:
    """How long each step took, in milliseconds, of those that the call came to."""
    at: dict[tuple[str, str], float] = {}
    for mark in marks:
        at.setdefault((mark.side, mark.step), mark.at_ms)
    return {step: at[to] - at[since] for step, (since, to) in STEPS.items() if since in at and to in at}


def percentile(values: Sequence[float], share: float) -> float:
    """The least of them that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * len(ordered) * 1000) // 1000) - 1)]


@dataclass(frozen=True)
class Played:
    """One story, as it went. `wrong` says what was otherwise than scripted."""

    story: str
    ends: Mapping[str, str]
    took: Mapping[str, float]
    wrong: str = ""


@dataclass
class Result:
    plan: Plan
    begun: int = 0
    played: list[Played] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    faults: list[Problem] = field(
        default_factory=list
    )  # outside of any call: an account that is not made or not deleted
    operations: Operations = field(default_factory=Operations)
    gauge: Gauge = field(default_factory=Gauge)

    @property
    def wrong(self) -> list[Played]:
        return [each for each in self.played if each.wrong]

    @property
    def as_scripted(self) -> bool:
        return not (self.wrong or self.left or self.faults) and len(self.played) == self.plan.calls

    def ends(self) -> Counter[str]:
        """How often each end of the contract was seen, also of calls that belong to the same story."""
        return Counter(end for each in self.played if not each.wrong for end in each.ends.values())

    def steps(self) -> dict[str, dict[str, float]]:
        """The percentiles of each step, in milliseconds, over the calls that came to it."""
        found: dict[str, list[float]] = {}
        for each in self.played:
            for step, took in each.took.items():
                found.setdefault(step, []).append(took)
        return {
            step: {"n": len(found[step]), **{p: percentile(found[step], q) for p, q in PERCENTILES.items()}}
            | {"max": max(found[step])}
            for step in STEPS
            if step in found
        }


class Load:
    def __init__(self, backend: Backend, manner: Manner, plan: Plan) -> None:
        self._backend = backend
        make_peer = partial(Peer, sparse=SPARSE) if plan.media else PaperPeer
        self._manner = replace(manner, make_peer=make_peer)
        self._script = script(plan.calls, plan.shares)
        self.result = Result(plan)

    async def run(self, told: Callable[[Result], None]) -> Result:
        async with firebase.connected(self._backend) as service, asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(told))
            await self._play(service)
            telling.cancel()
        told(self.result)
        return self.result

    async def _tell(self, told: Callable[[Result], None]) -> None:
        while True:
            told(self.result)
            await asyncio.sleep(PROGRESS_EVERY_S)

    async def _play(self, service: Firebase) -> None:
        plan, stories = self.result.plan, iter(self._script)
        async with asyncio.TaskGroup() as group:
            for number in range(plan.at_once):
                group.create_task(self._company(service, stories, plan.ramp_s * number / plan.at_once))

    async def _company(self, service: Firebase, stories: Iterator[str], starts_after_s: float) -> None:
        """A few people who play one story after the other. What goes wrong with them is no end of the others."""
        await asyncio.sleep(starts_after_s)
        try:
            await self._perform(service, stories)
        except Exception as failure:
            problem = reason(failure)
            if problem is None or self.result.begun == 0:  # there is no deployment to be measured
                raise
            self.result.faults.append(problem)

    async def _perform(self, service: Firebase, stories: Iterator[str]) -> None:
        first = next(stories, None)
        if first is None:
            return
        async with self._cast(service) as cast:
            story: str | None = first
            while story is not None:
                self.result.begun += 1
                self.result.played.append(await self._scene(story, cast))
                story = next(stories, None)
            await self._look_behind(cast)

    @asynccontextmanager
    async def _cast(self, service: Firebase) -> AsyncIterator[Cast]:
        manner = self._manner
        async with guest(service, manner) as caller, guest(service, manner) as callee:
            if "busy" not in self._script:
                yield Cast(caller, callee, caller)
                return
            async with guest(service, manner) as third:
                yield Cast(caller, callee, third)

    async def _scene(self, story: str, cast: Cast) -> Played:
        scene = Scene(cast, self.result.plan.talk_s, PROOF_S, self.result.gauge)
        wrong = ""
        try:
            await STORIES[story](scene)
            await as_recorded(scene)
        except Exception as failure:
            problem = reason(failure)
            if problem is None:
                raise
            wrong = str(problem)
        return Played(story, scene.ends, durations(scene.timeline.marks), wrong)

    async def _look_behind(self, cast: Cast) -> None:
        people = {person.uid: person for person in (cast.caller, cast.callee, cast.third)}.values()
        for person in people:
            self.result.operations.reads += person.firestore.operations.reads
            self.result.operations.writes += person.firestore.operations.writes
        alive: set[str] = set()
        for _ in range(round(END_WITHIN_S / LOOK_EVERY_S)):  # what was hung up a moment ago is about to end
            found = [await live_sessions(person.firestore, person.uid) for person in people]
            alive = {f"{session.session_id} is still {session.status}" for each in found for session in each}
            if not alive:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        self.result.left += sorted(alive - set(self.result.left))


async def as_recorded(scene: Scene) -> None:
    """Every call of the story has its record, and the end that the story is about."""
    for call in scene.calls:
        record = await call.signalling.record()
        if record["end_reason"] != scene.ends[call.session_id]:
            raise Problem(
                f"A call was to end with {scene.ends[call.session_id]}, and ended with {record['end_reason']}.",
                ends=Exit.NOT_AS_SCRIPTED,
            )
