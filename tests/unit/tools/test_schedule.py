"""The clock of the local stack: when a schedule is due, and that each due time is run once."""

import datetime as dt
import threading
from collections.abc import Callable
from itertools import islice

import pytest

from tests.support.loopback import answering, babbling
from tests.support.ports import free_port
from tests.unit.tools.test_suite import with_proxy
from tools.stack.schedule import Job, UnknownScheduleError, keep, times


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def due(schedule: str, timezone: str, after: str, count: int) -> list[str]:
    found = islice(times(schedule, timezone, utc(after)), count)
    return [moment.astimezone(dt.UTC).strftime("%d. %H:%M:%S") for moment in found]


# When a schedule is due


def test_a_cron_schedule_is_due_at_its_minutes() -> None:
    assert due("*/15 * * * *", "UTC", "2026-11-20 17:20:19", 3) == ["20. 17:30:00", "20. 17:45:00", "20. 18:00:00"]


def test_a_moment_that_is_due_is_not_after_itself() -> None:
    assert due("* * * * *", "UTC", "2026-11-20 17:20:00", 1) == ["20. 17:21:00"]
    assert due("every 1 minutes", "UTC", "2026-11-20 17:20:00", 1) == ["20. 17:21:00"]


def test_a_cron_schedule_is_read_in_its_own_time_zone() -> None:
    assert due("0 9 * * *", "America/New_York", "2026-11-20 00:00", 1) == ["20. 14:00:00"]
    assert due("0 9 * * *", "Asia/Kolkata", "2026-11-20 00:00", 1) == ["20. 03:30:00"]


def test_a_daily_run_follows_the_clock_on_the_wall_over_a_change_of_summer_time() -> None:
    # Central Europe: summer time from 29 March, 01:00 UTC, until 25 October, 01:00 UTC.
    assert due("0 9 * * *", "Europe/Berlin", "2026-03-27 12:00", 3) == ["28. 08:00:00", "29. 07:00:00", "30. 07:00:00"]
    assert due("0 9 * * *", "Europe/Berlin", "2026-10-23 12:00", 3) == ["24. 07:00:00", "25. 08:00:00", "26. 08:00:00"]


def test_a_time_that_the_spring_leaves_out_is_run_once_all_the_same() -> None:
    assert due("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00", 3) == ["28. 01:30:00", "29. 01:00:00", "30. 00:30:00"]


def test_a_daily_time_that_the_autumn_has_twice_is_run_once() -> None:
    assert due("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2) == ["25. 00:30:00", "26. 01:30:00"]


def test_every_half_hour_is_every_half_hour_in_autumn_too() -> None:
    assert due("*/30 * * * *", "Europe/Berlin", "2026-10-25 00:00", 4) == [
        "25. 00:30:00", "25. 01:00:00", "25. 01:30:00", "25. 02:00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("every 1 minutes", ["20. 17:21:00", "20. 17:22:00"]),
        ("every minute", ["20. 17:21:00", "20. 17:22:00"]),
        ("every 5 minutes", ["20. 17:25:00", "20. 17:30:00"]),
        (" every 15 mins ", ["20. 17:30:00", "20. 17:45:00"]),
        ("every hour", ["20. 18:00:00", "20. 19:00:00"]),
        ("every 2 hours", ["20. 18:00:00", "20. 20:00:00"]),
    ],
)
def test_an_interval_is_due_at_even_times_of_the_clock(schedule: str, expected: list[str]) -> None:
    assert due(schedule, "America/New_York", "2026-11-20 17:20:19", 2) == expected


@pytest.mark.parametrize(
    ("schedule", "timezone"),
    [
        ("every monday 09:00", "UTC"),
        ("every 5 minutes from 10:00 to 12:00", "UTC"),
        ("every 0 minutes", "UTC"),
        ("61 * * * *", "UTC"),
        ("", "UTC"),
        ("* * * * *", "Europe/Atlantis"),
        ("* * * * *", "../zone"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_an_error_of_its_own(schedule: str, timezone: str) -> None:
    with pytest.raises(UnknownScheduleError):
        next(times(schedule, timezone, utc("2026-11-20 17:20:19")))


# Keeping a schedule


class Clock(threading.Event):
    """A clock that moves only while somebody waits: as long as they wait, or a little less."""

    def __init__(self, start: str, early: dt.timedelta = dt.timedelta()) -> None:
        super().__init__()
        self.time = utc(start)
        self.early = early

    def now(self) -> dt.datetime:
        return self.time

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.time += max(dt.timedelta(), dt.timedelta(seconds=timeout) - self.early)
        return self.is_set()


class Noted(Job):
    """A job that notes when it was due, and stops the clock at the last of its runs."""

    def __init__(self, schedule: str, clock: Clock, runs: int, each: Callable[[], str | None] = lambda: None) -> None:
        super().__init__("http://127.0.0.1:9", "us-central1-tick", "tick", schedule, "UTC")
        self.clock, self.runs, self.each = clock, runs, each
        self.due: list[str] = []

    def run(self, due: dt.datetime) -> str | None:
        assert self.clock.time + self.clock.early >= due
        self.due.append(due.strftime("%H:%M:%S"))
        problem = self.each()
        if len(self.due) == self.runs:
            self.clock.set()
        return problem


def kept(job: Noted) -> list[str]:
    """What was said while the job was kept until its last run."""
    said: list[str] = []
    keep(job, job.clock, said.append, job.clock.now)
    return said


@pytest.mark.parametrize("schedule", ["* * * * *", "every 1 minutes"])
@pytest.mark.parametrize("early_ms", [0, 40])
def test_each_due_time_is_run_once_even_by_a_clock_that_wakes_early(schedule: str, early_ms: int) -> None:
    job = Noted(schedule, Clock("2026-11-20 17:20:19", dt.timedelta(milliseconds=early_ms)), runs=3)

    assert kept(job) == []
    assert job.due == ["17:21:00", "17:22:00", "17:23:00"]


@pytest.mark.parametrize("schedule", ["* * * * *", "every 1 minutes"])
def test_times_that_pass_while_it_runs_are_skipped(schedule: str) -> None:
    clock = Clock("2026-11-20 17:20:19")

    def slow() -> None:
        clock.time += dt.timedelta(seconds=150)

    job = Noted(schedule, clock, 3, slow)

    assert kept(job) == []
    assert job.due == ["17:21:00", "17:24:00", "17:27:00"]


def test_a_failed_run_is_reported_and_the_next_one_runs() -> None:
    problems = iter(["500 boom", None, None])
    job = Noted("* * * * *", Clock("2026-11-20 17:20:19"), 3, lambda: next(problems))

    assert kept(job) == ["tick failed: 500 boom"]
    assert len(job.due) == 3


def test_a_run_that_fails_because_the_stack_stops_is_no_failure() -> None:
    job = Noted("* * * * *", Clock("2026-11-20 17:20:19"), 1, lambda: "Connection refused")

    assert kept(job) == []


def test_a_job_whose_schedule_is_unknown_is_named_and_not_run() -> None:
    job = Noted("every monday 09:00", Clock("2026-11-20 17:20:19"), 1)

    [said] = kept(job)
    assert said.startswith("tick is not run: the local stack cannot read the schedule 'every monday 09:00' in UTC: ")
    assert job.due == []


def test_a_job_stops_with_the_stack_and_not_at_its_next_time() -> None:
    said: list[str] = []
    stopped = threading.Event()
    job = Job(f"http://127.0.0.1:{free_port()}", "us-central1-tick", "tick", "0 0 29 2 *", "UTC")
    thread = threading.Thread(target=keep, args=(job, stopped, said.append))
    thread.start()

    stopped.set()
    thread.join(10)

    assert not thread.is_alive()
    assert said == []


# One run

DUE = utc("2026-11-20 17:21:00")
OLD, NEW = "POST /demo/us-central1/tick-0", "POST /demo/us-central1/tick-3"
MOVED = (
    b"Function us-central1-tick-7 does not exist, valid functions are: "
    b"us-central1-issue_turn_credentials, us-central1-tick-3"
)


def job_at(url: str) -> Job:
    return Job.of(
        f"{url}/demo/us-central1/tick",
        {"id": "us-central1-tick", "name": "tick", "schedule": {"schedule": "* * * * *", "timeZone": None}},
    )


def test_a_job_is_what_the_emulator_says_of_its_trigger() -> None:
    trigger = {
        "id": "us-central1-tick",
        "name": "tick",
        "schedule": {"schedule": "0 9 * * *", "timeZone": "Asia/Tokyo"},
    }

    assert Job.of("http://here", trigger) == Job("http://here", "us-central1-tick", "tick", "0 9 * * *", "Asia/Tokyo")
    assert job_at("http://here").timezone == "UTC"


def test_a_run_is_a_call_as_cloud_scheduler_makes_it() -> None:
    with answering({OLD: (200, b"")}) as emulator:
        berlin = DUE.astimezone(dt.timezone(dt.timedelta(hours=1)))
        assert job_at(emulator.url).run(berlin) is None

    assert emulator.asked == [OLD]
    [headers] = emulator.headers
    assert headers["x-cloudscheduler-jobname"] == "tick"
    assert headers["x-cloudscheduler-scheduletime"] == "2026-11-20T17:21:00Z"


def test_code_that_was_loaded_again_is_found_under_its_new_generation_and_remembered() -> None:
    with answering({OLD: (404, MOVED), NEW: (200, b"")}) as emulator:
        job = job_at(emulator.url)
        assert job.run(DUE) is None
        assert job.run(DUE) is None

    assert emulator.asked == [OLD, NEW, NEW]


def test_triggers_that_were_switched_off_and_on_again_are_found_under_their_new_generation() -> None:
    anywhere = "POST /demo/us-central1/tick-none"
    with answering({OLD: (204, b""), anywhere: (404, MOVED), NEW: (200, b"")}) as emulator:
        job = job_at(emulator.url)
        assert job.run(DUE) is None
        assert job.run(DUE) is None

    assert emulator.asked == [OLD, anywhere, NEW, NEW]


def test_triggers_that_are_switched_off_are_a_failure() -> None:
    with answering({OLD: (204, b"")}) as emulator:
        problem = job_at(emulator.url).run(DUE)

    assert problem is not None
    assert problem.startswith("204")


def test_a_function_that_is_gone_is_a_failure_and_not_tried_as_another() -> None:
    gone = (
        b"Function us-central1-tick-0 does not exist, valid functions are: us-central1-tick_tock-3, us-central1-other"
    )
    with answering({OLD: (404, gone)}) as emulator:
        assert job_at(emulator.url).run(DUE) == f"404 {gone.decode()}"

    assert emulator.asked == [OLD]


def test_a_failure_says_what_the_function_answered() -> None:
    with answering({OLD: (500, b"boom \xe9")}) as emulator:
        assert job_at(emulator.url).run(DUE) == "500 boom \N{REPLACEMENT CHARACTER}"


def test_an_emulator_that_is_not_there_is_a_failure() -> None:
    assert "refused" in str(job_at(f"http://127.0.0.1:{free_port()}").run(DUE))


def test_an_answer_that_is_not_http_is_a_failure() -> None:
    with babbling() as url:
        assert "220 this is no web server" in str(job_at(url).run(DUE))


def test_a_proxy_of_the_machine_is_not_asked_for_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with_proxy(monkeypatch)
    with answering({OLD: (200, b"")}) as emulator:
        assert job_at(emulator.url).run(DUE) is None
