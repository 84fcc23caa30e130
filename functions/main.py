"""What is deployed: per function its options and about ten lines that gate, translate and delegate.

FUNCTION_TARGET is unset when firebase-tools discovers the functions and names the one that an instance serves at run
time: every cold start then imports what it serves and nothing else.
"""

import os
import time

import firebase_admin  # type: ignore[import-untyped]  # it ships no types
from firebase_functions import options
from firebase_functions.https_fn import CallableRequest

from webrtc_lite.edge import config

firebase_admin.initialize_app()  # at import: callables verify tokens with it before any hook runs

TARGET = os.environ.get("FUNCTION_TARGET")


def serves(name: str) -> bool:
    return not TARGET or name == TARGET


if serves("issue_turn_credentials"):
    from webrtc_lite import service
    from webrtc_lite.edge import callables, logs, requests

    @callables.on_call(
        region=config.REGION,
        memory=options.MemoryOption.MB_256,
        cpu=1,  # a fraction of one, the default below 2 GB, silently makes the concurrency 1
        concurrency=80,
        timeout_sec=15,  # the work takes milliseconds; the first token waits for Google's certificates
        max_instances=10,  # thousands of requests a second, and a bound to what a flood of them costs
        secrets=[config.TURN_SECRET],
    )
    def issue_turn_credentials(request: CallableRequest[object]) -> requests.IssueReply:
        """Relay credentials for the signed-in user: SPEC 3.5."""
        uid = callables.uid(request)
        asked = requests.parse(request.data)
        grant = service.issue(config.relay(), uid, asked.ttl, int(time.time()))
        logs.credentials_issued(uid, asked.ttl, asked.region)
        return requests.reply(grant)
