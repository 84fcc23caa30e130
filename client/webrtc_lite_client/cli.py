"""Calls between people whom nobody has to play: tries a WebRTC-Lite back end from outside, as apps use it.

Without options it talks to the stack that `make run` starts. A deployment is named by its project id and its web API
key (Firebase console, Project settings, General), which is never printed, nor is a token, a password or a description.

  webrtc-lite-client smoke                                    is the running stack whole?
  WEBRTC_LITE_API_KEY=... webrtc-lite-client smoke --project my-app --region europe-west1
  webrtc-lite-client answer                                   prints a uid, and takes a call
  webrtc-lite-client call UID --for 10                        calls it, and hangs up after 10 s
  webrtc-lite-client load --calls 50 --media                  what does it hold?
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from webrtc_lite_client import backend, report, talk
from webrtc_lite_client.load import Load, Plan, Result
from webrtc_lite_client.people import Manner
from webrtc_lite_client.problem import MEANING, Exit, Problem, reason
from webrtc_lite_client.smoke import CHECKS, Asked, Done, Smoke
from webrtc_lite_client.stories import STORIES

RAMP_S, HUNDRED = 1.0, 100

ENVIRONMENT = {
    "WEBRTC_LITE_PROJECT": "as --project",
    "WEBRTC_LITE_API_KEY": "as --api-key: there no other user of the machine sees it",
    "WEBRTC_LITE_REGION": "as --region",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # What a listener gets over by itself, and what aioice does where a test of the relay ends early.
    for noisy in ("grpc._common", "aioice.ice", "aioice.turn"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    interrupts = Interrupts()
    try:
        ends: int = asyncio.run(interrupts.may_end(options.run(options)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        report.say_progress(interrupts.words)
        return int(Exit.INTERRUPTED)
    except Exception as failure:
        problem = reason(failure)
        if problem is None:
            raise
        if options.json:
            report.say_json({"ok": False, "failed": report.failure(problem)})
        else:
            report.say_problem(problem)
        return int(problem.ends)
    return ends


class Interrupts:
    """Ctrl-C and SIGTERM end a command, which takes back what it has begun. Once more, and that is broken off too."""

    def __init__(self) -> None:
        self._count = 0

    @property
    def words(self) -> str:
        if self._count > 1:
            return "interrupted again; what was begun may stand until its time is up"
        return "interrupted; what was begun has been taken back"

    async def may_end(self, command: Coroutine[Any, Any, int]) -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  asyncio.run made it

        def interrupt() -> None:
            self._count += 1
            task.cancel()

        for signal_ in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_, interrupt)
        return await command


# ---- The commands


async def run_smoke(options: argparse.Namespace) -> int:
    def told(done: Done) -> None:
        for line in [] if options.json else report.check_lines(done):
            report.say(line)

    found = await Smoke(Asked(target(options), manner(options), options.talk, index_file(options)), told).run()
    if options.json:
        report.say_json(report.smoke_json(found))
    else:
        report.say_smoke(found)
    return report.exit_of(found.problem)


async def run_load(options: argparse.Namespace) -> int:
    plan = planned(options)
    began = time.monotonic()

    def told(result: Result) -> None:
        if not options.json:
            report.say_progress(report.load_progress(result, time.monotonic() - began))

    result = await Load(target(options), manner(options), plan).run(told)
    if options.json:
        report.say_json(report.load_json(result))
    else:
        report.say_load(result)
    return int(Exit.OK if result.as_scripted else Exit.NOT_AS_SCRIPTED)


def planned(options: argparse.Namespace) -> Plan:
    asked = {"declined": options.declines, "cancelled": options.cancels, "failed": options.drops}
    shares = {story: percent / 100 for story, percent in asked.items() if percent}
    if options.every_end:
        shares = dict.fromkeys((name for name in STORIES if name != "hangup"), 1 / len(STORIES))
    if sum(shares.values()) > 1:
        raise Problem("Declines, cancels and drops are more than all calls.", "Together at most 100.", Exit.USAGE)
    at_once = min(options.at_once or options.calls, options.calls)
    ramp_s = at_once * RAMP_S if options.ramp is None else options.ramp
    return Plan(options.calls, at_once, ramp_s, options.duration, shares, options.media)


async def run_call(options: argparse.Namespace) -> int:
    await talk.call(talking(options), options.uid)
    return int(Exit.OK)


async def run_answer(options: argparse.Namespace) -> int:
    calls = None if options.calls == 0 else options.calls
    await talk.answer(
        talking(options), calls=calls, decline=options.decline, after_s=options.after, within_s=options.within
    )
    return int(Exit.OK)


def talking(options: argparse.Namespace) -> talk.Talk:
    def told(what: str, more: dict[str, Any]) -> None:
        if options.json:
            report.say_json({"event": what, **more})
        else:
            report.say(f"{what:<16} {'  '.join(f'{name} {value}' for name, value in more.items())}".rstrip())

    return talk.Talk(target(options), manner(options), told, options.account, options.lasts)


# ---- What they are told


def parser() -> argparse.ArgumentParser:
    program = argparse.ArgumentParser(
        prog="webrtc-lite-client", description=__doc__, epilog=epilog(), formatter_class=Paragraphs
    )
    commands = program.add_subparsers(required=True, metavar="call | answer | smoke | load")
    add_smoke(commands)
    add_call(commands)
    add_answer(commands)
    add_load(commands)
    return program


class Paragraphs(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions, and has room for options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)


def epilog() -> str:
    codes = [f"  {code:>3}  {MEANING[code]}" for code in Exit]
    variables = [f"  {name:<21} {what}" for name, what in ENVIRONMENT.items()]
    return "\n".join(["exit codes:", *codes, "", "environment:", *variables])


type Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it


def add(commands: Commands, name: str, run: Any, short: str, text: str) -> argparse.ArgumentParser:  # noqa: ANN401
    command = commands.add_parser(name, help=short, description=text, epilog=epilog(), formatter_class=Paragraphs)
    command.set_defaults(run=run)
    return command


def add_smoke(commands: Commands) -> None:
    checks = "\n".join(f"  {name:<11} {what}" for name, what in CHECKS.items())
    command = add(
        commands,
        "smoke",
        run_smoke,
        "is the deployment whole? one relayed call, checked step by step",
        "Places one relayed call between two new people, and looks at every step, in the order in which one builds\n"
        "on another. The first thing that is wrong ends it, with what to do about it. It takes seconds, and leaves\n"
        f"nothing behind but an ended session, which the purge takes away after an hour.\n\n{checks}",
    )
    add_target(command)
    command.add_argument(
        "--talk", type=positive, default=1.0, metavar="S", help="audio that each side hears (%(default)s)"
    )
    command.add_argument(
        "--indexes", type=Path, metavar="FILE", help="firestore.indexes.json (the one of this directory)"
    )


def add_call(commands: Commands) -> None:
    command = add(
        commands,
        "call",
        run_call,
        "call somebody, and talk until one of the two hangs up",
        "Calls a uid, as a phone would: a tone goes out, through the relay. What happens is said line by line. Ctrl-C\n"
        "hangs up. A connection that is lost is made anew, after 1, 2 and 4 s.",
    )
    command.add_argument("uid", help="whom to call: `answer` prints its own, the page shows it")
    add_talking(command)


def add_answer(commands: Commands) -> None:
    command = add(
        commands,
        "answer",
        run_answer,
        "wait for a call, and take or decline it",
        "Prints a uid and waits until it is called; --json prints a line for each thing that happens, the first has\n"
        "the uid. Ctrl-C hangs up and ends it.",
    )
    add_talking(command)
    command.add_argument(
        "--calls", type=whole, default=1, metavar="N", help="take so many (%(default)s); 0: until Ctrl-C"
    )
    command.add_argument("--decline", action="store_true", help="decline instead of answering")
    command.add_argument("--after", type=not_negative, default=0.0, metavar="S", help="let it ring for so long first")
    command.add_argument("--within", type=positive, metavar="S", help="give up if nobody calls")


def add_load(commands: Commands) -> None:
    stories = ", ".join(STORIES)
    command = add(
        commands,
        "load",
        run_load,
        "many calls at once, each by its script: percentiles, and whether all ended as scripted",
        "Plays calls between new people, each by a script that says how it has to end, and says what each step took.\n"
        "Signalling only, unless --media: then audio and data go through the relay, at five packets a second.\n"
        f"--every-end plays a story for each end of the contract:\n  {stories}.\n"
        "A deployment's Auth gives one address 100 new accounts an hour: two for each of --at-once, three with\n"
        "--every-end; raise that in the console first. Firestore and the functions are billed as for any caller.",
    )
    add_target(command)
    option = command.add_argument
    option("--calls", type=at_least_one, default=20, metavar="N", help="how many in all (%(default)s)")
    option("--at-once", type=at_least_one, metavar="N", help="how many of them at a time (all)")
    option("--ramp", type=not_negative, metavar="S", help=f"in which they begin ({RAMP_S:g} s for each of them)")
    option("--duration", type=not_negative, default=5.0, metavar="S", help="how long each talks (%(default)s)")
    option("--declines", type=percent, default=0, metavar="PERCENT", help="calls that the callee declines")
    option("--cancels", type=percent, default=0, metavar="PERCENT", help="calls that the caller cancels")
    option("--drops", type=percent, default=0, metavar="PERCENT", help="calls whose callee dies without a word")
    option("--every-end", action="store_true", help="a story for each end of the contract, in equal shares")
    option("--media", action="store_true", help="with audio and data through the relay, not signalling only")


def add_talking(command: argparse.ArgumentParser) -> None:
    add_target(command)
    command.add_argument(
        "--for", dest="lasts", type=positive, metavar="S", help="hang up so long after it has connected"
    )
    command.add_argument(
        "--account",
        type=Path,
        metavar="FILE",
        help="an account that is kept there, and made at first; else a new one, which is deleted afterwards",
    )


def add_target(command: argparse.ArgumentParser) -> None:
    option, environment = command.add_argument, os.environ.get
    option("--project", default=environment("WEBRTC_LITE_PROJECT", backend.PROJECT), help="project id (%(default)s)")
    option("--region", default=environment("WEBRTC_LITE_REGION", backend.REGION), help="the functions' (%(default)s)")
    option("--api-key", default=environment("WEBRTC_LITE_API_KEY"), metavar="KEY", help="a deployment's web API key")
    option("--port-offset", type=int, default=0, metavar="N", help="as the local stack was started with")
    option("--auth", default=environment("WEBRTC_LITE_AUTH"), metavar="HOST:PORT", help="the local stack's Auth")
    option("--firestore", default=environment("WEBRTC_LITE_FIRESTORE"), metavar="HOST:PORT", help="its Firestore")
    option("--functions", default=environment("WEBRTC_LITE_FUNCTIONS"), metavar="HOST:PORT", help="its functions")
    option("--relay", metavar="URI", help="turn:HOST:PORT?transport=udp to use, not the one that is issued")
    option("--relay-region", metavar="NAME", help="ask for the relays of this region first")
    option("--json", action="store_true", help="for machines: JSON, and nothing else on stdout")


def target(options: argparse.Namespace) -> backend.Backend:
    if not options.project.startswith("demo-"):  # Firebase's mark of what exists in emulators only
        return deployment(options)
    return backend.local_stack(
        options.project,
        options.region,
        auth=options.auth or local(backend.AUTH_PORT + options.port_offset),
        firestore=options.firestore or local(backend.FIRESTORE_PORT + options.port_offset),
        functions=options.functions or local(backend.FUNCTIONS_PORT + options.port_offset),
    )


def deployment(options: argparse.Namespace) -> backend.Backend:
    if not options.api_key:
        raise Problem(
            f"{options.project} is no project of the local stack, and there is no web API key for a deployment.",
            "Set WEBRTC_LITE_API_KEY, or name a demo- project.",
            Exit.USAGE,
        )
    return backend.deployment(options.project, options.api_key, options.region)


def local(port: int) -> str:
    return f"{backend.HOST}:{port}"


def manner(options: argparse.Namespace) -> Manner:
    return Manner(relay_uri=options.relay, region=options.relay_region)


def index_file(options: argparse.Namespace) -> Path | None:
    here = Path("firestore.indexes.json")
    named: Path | None = options.indexes
    return named or (here if here.exists() else None)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def not_negative(text: str) -> float:
    return 0.0 if float(text) == 0 else positive(text)


def percent(text: str) -> int:
    value = whole(text)
    if value > HUNDRED:
        raise argparse.ArgumentTypeError(f"{text} is more than {HUNDRED}")
    return value


def at_least_one(text: str) -> int:
    if whole(text) == 0:
        raise argparse.ArgumentTypeError("0 is less than 1")
    return int(text)


def whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value
