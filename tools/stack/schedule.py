"""The clock that the Functions emulator has not: calls each scheduled function when its schedule says so.

Cloud Scheduler starts no run of a job while the last one goes on, and neither does this.
"""

from __future__ import annotations

import datetime as dt
import http.client
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from tools.stack.addresses import DIRECT

EVERY = re.compile(r"every (?:(?P<count>\d+) )?(?P<unit>minute|min|hour)s?")
RUN_WITHIN_S = 540.0  # the longest a scheduled function may take (Cloud Scheduler's attempt deadline is above that)


SHOWN = 2000  # characters of what an emulator answers

# How it answers for a trigger that was loaded again since (404), or switched off and on again (204).
SUPERSEDED = ("404 ", "204 ")
KNOWN = "valid functions are:"


class UnknownScheduleError(ValueError):
    """A schedule that Cloud Scheduler may know and this stack does not."""


def times(schedule: str, timezone: str, after: dt.datetime) -> Iterator[dt.datetime]:
    """When a schedule is due after a moment: unix-cron, or App Engine's `every N minutes` and `every N hours`."""
    every = EVERY.fullmatch(schedule.strip())
    if every:
        minutes = int(every["count"] or 1) * (60 if every["unit"] == "hour" else 1)
        return interval(dt.timedelta(minutes=minutes), after)
    try:
        return CronSim(schedule, after.astimezone(ZoneInfo(timezone)))
    except (CronSimError, ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownScheduleError(
            f"the local stack cannot read the schedule {schedule!r} in {timezone}: {error}"
        ) from error


def interval(step: dt.timedelta, after: dt.datetime) -> Iterator[dt.datetime]:
    """Multiples of a step since the epoch, so that a minute is a minute of the clock."""
    seconds = step.total_seconds()
    if not seconds:
        raise UnknownScheduleError("a schedule of every 0 minutes is never due")
    moment = dt.datetime.fromtimestamp((after.timestamp() // seconds) * seconds, dt.UTC)
    while True:
        moment += step
        yield moment


@dataclass
class Job:
    """One scheduled function and the address at which the emulator lets it be called."""

    url: str  # without the trigger generation, which grows each time that the code is loaded again
    trigger_id: str
    name: str
    schedule: str
    timezone: str
    generation: int = 0

    @classmethod
    def of(cls, url: str, trigger: dict[str, Any]) -> Job:
        """The job behind one of the emulator's triggers."""
        schedule = trigger["schedule"]
        return cls(url, trigger["id"], trigger["name"], schedule["schedule"], schedule.get("timeZone") or "UTC")

    def run(self, due: dt.datetime) -> str | None:
        """Calls the function as Cloud Scheduler does. What went wrong, or nothing."""
        problem = self._call(due, self.generation)
        if problem is None or not problem.startswith(SUPERSEDED):
            return problem
        # A generation that there never is: the refusal names those that there are.
        listed = problem if KNOWN in problem else self._call(due, "none") or ""
        generations = re.findall(rf"\b{re.escape(self.trigger_id)}-(\d+)", listed.partition(KNOWN)[2])
        newest = max(map(int, generations), default=self.generation)
        if newest == self.generation:
            return problem
        self.generation = newest
        return self._call(due, newest)

    def _call(self, due: dt.datetime, generation: int | str) -> str | None:
        headers = {
            "X-CloudScheduler-JobName": self.name,
            "X-CloudScheduler-ScheduleTime": due.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        request = urllib.request.Request(f"{self.url}-{generation}", b"", headers, method="POST")
        try:
            with DIRECT.open(request, timeout=RUN_WITHIN_S) as reply:
                ran = reply.status == HTTPStatus.OK
                return None if ran else f"{reply.status} {reply.read().decode(errors='replace')[:SHOWN]}"
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode(errors='replace')[:SHOWN]}"
        except (OSError, http.client.HTTPException) as error:
            return str(error)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def keep(
    job: Job, stopped: threading.Event, say: Callable[[str], None], now: Callable[[], dt.datetime] = utc_now
) -> None:
    """Runs a job at its times until the stack stops. One thread for each job, so that none delays another."""
    due = now()
    try:
        while True:
            # Times that passed while it ran are skipped, and a clock that wakes early does not run one twice.
            due = next(times(job.schedule, job.timezone, max(due, now())))
            if stopped.wait(max(0.0, (due - now()).total_seconds())):
                return
            problem = job.run(due)
            if problem and not stopped.is_set():
                say(f"{job.name} failed: {problem}")
    except UnknownScheduleError as error:
        say(f"{job.name} is not run: {error}")
