"""What is deployed: per function its options and about ten lines that gate, translate and delegate.

FUNCTION_TARGET is unset when firebase-tools discovers the functions and names the one that an instance serves at run
time: every cold start then imports what it serves and nothing else.
"""

import gc

gc.disable()  # until all is loaded: looking for garbage among what stays was a tenth of a cold start

import dataclasses
import datetime as dt
import os

import firebase_admin  # type: ignore[import-untyped]  # it ships no types
from firebase_functions import options
from firebase_functions.https_fn import CallableRequest

from webrtc_lite.edge import config

firebase_admin.initialize_app()  # at import: callables verify tokens with it before any hook runs

TARGET = os.environ.get("FUNCTION_TARGET")


def serves(name: str) -> bool:
    return not TARGET or name == TARGET


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if serves("issue_turn_credentials"):
    from webrtc_lite import issuing
    from webrtc_lite.edge import callables, logs, relays, requests

    def sessions() -> issuing.Reader:
        from webrtc_lite.edge import store  # noqa: PLC0415 (only who names a session pays for Firestore)

        return store.sessions()

    @callables.on_call(
        region=config.REGION,
        memory=options.MemoryOption.MB_256,
        cpu=1,  # a fraction of one, the default below 2 GB, silently makes the concurrency 1
        concurrency=80,
        timeout_sec=15,  # the work takes milliseconds; the first token waits for Google's certificates
        max_instances=10,  # thousands of requests a second, and a bound to what a flood of them costs
        secrets=[config.TURN_SECRET],
        enforce_app_check=relays.switch("TURN_APP_CHECK_REQUIRED"),
    )
    def issue_turn_credentials(request: CallableRequest[object]) -> requests.IssueReply:
        """Relay credentials for the signed-in user: SPEC 3.5."""
        uid = callables.uid(request)
        asked = requests.parse(request.data)
        callables.note(request, ttl=asked.ttl, region=asked.region)
        desk = issuing.Desk(relays.terms(), relays.spend, relays.state, sessions, config.durations)
        granted = desk.issue(uid, asked, now())
        logs.credentials_issued(uid, asked.ttl, asked.region, granted.relay)
        return requests.reply(granted)


if serves("probe_turn_servers"):
    from firebase_functions import scheduler_fn

    from webrtc_lite import issuing
    from webrtc_lite.edge import logs, probe, relays

    @scheduler_fn.on_schedule(
        schedule="* * * * *",
        region=config.REGION,
        memory=options.MemoryOption.MB_256,
        cpu=1,
        concurrency=1,
        max_instances=1,  # a run takes seconds: two at once would only disagree
        timeout_sec=60,
        retry_count=0,  # the next one comes within a minute
        secrets=[config.TURN_SECRET],
    )
    def probe_turn_servers(_event: scheduler_fn.ScheduledEvent) -> None:
        """Asks every relay as a phone would; what fails twice leaves the list until it answers again."""
        pool = relays.terms().pool
        run = issuing.probe(pool, probe.probe, probe.pause, now())
        if pool.has_state:
            relays.keep(run.dead, now())
        logs.probed(**dataclasses.asdict(run))


if serves("on_session_written"):
    from firebase_functions import firestore_fn

    from webrtc_lite import service
    from webrtc_lite.edge import logs, store

    @firestore_fn.on_document_written(
        document=f"{store.SESSIONS}/{{session_id}}",
        region=config.REGION,
        memory=options.MemoryOption.MB_256,  # 80 MB with Firestore loaded, and a document has at most 1 MB
        cpu=1,
        concurrency=8,  # each waits for one commit: as many as the framework has threads for on one CPU
        timeout_sec=30,  # milliseconds, and what five contended tries take
        max_instances=40,  # hundreds of sessions at once; a flood waits, and the sweep stands behind it
    )
    def on_session_written(event: store.SessionEvent) -> None:
        """A wake-up call: it may come late, twice, out of order or never, and is not tried again (SPEC section 1)."""
        seen = store.written(event)
        if seen is not None:
            service.settle_one(store.sessions(), logs, seen, now(), config.durations_and_checks())


if serves("sweep_sessions"):
    from firebase_functions import scheduler_fn

    from webrtc_lite import service
    from webrtc_lite.edge import logs, store

    @scheduler_fn.on_schedule(
        schedule="* * * * *",
        region=config.REGION,
        memory=options.MemoryOption.MB_256,
        cpu=1,
        concurrency=1,  # one run is one run ...
        max_instances=2,  # ... and one that takes long may be met by the next: two at once do no harm
        timeout_sec=120,
        retry_count=0,  # the next one comes within a minute
    )
    def sweep_sessions(_event: scheduler_fn.ScheduledEvent) -> None:
        """Moves the sessions that time moves, and heals those whose event was lost."""
        logs.swept(dataclasses.asdict(service.sweep(store.sessions(), logs, now, config.durations_and_checks())))


if serves("purge_expired_sessions"):
    from firebase_functions import scheduler_fn

    from webrtc_lite import service
    from webrtc_lite.edge import logs, store

    @scheduler_fn.on_schedule(
        schedule="*/15 * * * *",
        region=config.REGION,
        memory=options.MemoryOption.MB_256,
        cpu=1,
        concurrency=1,
        max_instances=1,  # nothing is late: a run that finds another one at work may fail
        timeout_sec=540,  # what Cloud Scheduler waits for
        retry_count=0,
    )
    def purge_expired_sessions(_event: scheduler_fn.ScheduledEvent) -> None:
        """Deletes what ended long enough ago, with everything below it."""
        logs.purged(dataclasses.asdict(service.purge(store.sessions(), logs, now())))


gc.freeze()  # what was loaded stays, and is not looked through again
gc.enable()
