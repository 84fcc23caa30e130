"""Calls between people whom nobody has to play: tries a WebRTC-Lite back end from outside, as apps use it.

smoke places one call between two new anonymous users, through the rules, the functions and the relay, lets audio and
data flow both ways, and prints when each step was done. It exits with 0 if all of that worked, else with 1 and the
reason. Without options it talks to the stack that `make run` starts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from webrtc_lite_client import backend
from webrtc_lite_client.smoke import Talked, reason, smoke
from webrtc_lite_client.timeline import Timeline, table


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    timeline = Timeline()
    logging.getLogger("grpc._common").setLevel(logging.CRITICAL)  # a traceback for what a listener gets over by itself
    try:
        talked = asyncio.run(smoke(target(options), timeline, options.relay, options.talk))
    except KeyboardInterrupt:
        return 130
    except Exception as failure:
        problem = reason(failure)
        if problem is None:
            raise
        report(options, timeline, failed={"reason": str(problem), "hint": problem.hint})
        return 1
    report(options, timeline, talked=talked)
    return 0


def parser() -> argparse.ArgumentParser:
    paragraphs = argparse.RawDescriptionHelpFormatter
    program = argparse.ArgumentParser(prog="webrtc_lite_client", description=__doc__, formatter_class=paragraphs)
    commands = program.add_subparsers(required=True, metavar="smoke")
    command = commands.add_parser("smoke", help="one relayed call, step by step", formatter_class=paragraphs)
    option = command.add_argument
    environment = os.environ.get
    option("--project", default=environment("WEBRTC_LITE_PROJECT", backend.PROJECT), help="project id (%(default)s)")
    option("--region", default=environment("WEBRTC_LITE_REGION", backend.REGION), help="the functions' (%(default)s)")
    option("--api-key", default=environment("WEBRTC_LITE_API_KEY"), help="web API key: a deployment, not a local stack")
    option("--port-offset", type=int, default=0, help="as the local stack was started with")
    option("--auth", default=environment("WEBRTC_LITE_AUTH"), metavar="HOST:PORT", help="the local stack's Auth")
    option("--firestore", default=environment("WEBRTC_LITE_FIRESTORE"), metavar="HOST:PORT", help="its Firestore")
    option("--functions", default=environment("WEBRTC_LITE_FUNCTIONS"), metavar="HOST:PORT", help="its functions")
    option("--relay", metavar="URI", help="turn:HOST:PORT?transport=udp to use, not the one that is issued")
    option("--talk", type=float, default=1.0, metavar="SECONDS", help="audio that each side hears (%(default)s)")
    option("--json", action="store_true", help="one JSON object")
    return program


def target(options: argparse.Namespace) -> backend.Backend:
    if options.api_key:
        return backend.deployment(options.project, options.api_key, options.region)
    return backend.local_stack(
        options.project,
        options.region,
        auth=options.auth or local(backend.AUTH_PORT + options.port_offset),
        firestore=options.firestore or local(backend.FIRESTORE_PORT + options.port_offset),
        functions=options.functions or local(backend.FUNCTIONS_PORT + options.port_offset),
    )


def local(port: int) -> str:
    return f"{backend.HOST}:{port}"


def report(
    options: argparse.Namespace,
    timeline: Timeline,
    talked: Talked | None = None,
    failed: dict[str, str] | None = None,
) -> None:
    if options.json:
        marks = [asdict(mark) for mark in timeline.marks]
        sides = asdict(talked) if talked else {}
        json.dump({"timeline": marks, "failed": failed, **sides}, sys.stdout, default=str)
        sys.stdout.write("\n")
        return
    lines = [table(timeline.marks), ""]
    if talked:
        record = talked.caller.record
        heard = " and ".join(str(side.heard_frames) for side in (talked.caller, talked.callee))
        lines.append(f"✓ {talked.caller.session_id} ended with {record['end_reason']} after {record['duration_s']} s")
        lines.append(f"  {talked.caller.pair} and {talked.callee.pair}, {heard} frames of audio, data echoed both ways")
    if failed:
        lines.append(f"✗ {failed['reason']}")
        lines += [f"  {failed['hint']}"] if failed["hint"] else []
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
