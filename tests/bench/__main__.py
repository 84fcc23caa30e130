"""What a cold start, a credential, a verdict and a set-up cost, as ratios within one run: machines cancel out.

Medians, the contenders interleaved so that a noisy moment meets all of them. CPU time, and the time that a client waits
where it says so.
"""

import base64
import datetime as dt
import hmac
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.bench import set_up
from tests.support.backend import client
from tests.support.firestore import PROJECT, running_firestore
from tests.support.functions import EMULATED, FUNCTIONS, RELAY, Server, bearer, deployed_python, serve, token
from tests.support.tokens import id_token
from tests.unit.core.hostile import HOSTILE

OFFER = FUNCTIONS.parent / "tests" / "sdp" / "chromium" / "av-trickle.offer.sdp"
ROUNDS = 9
SIGNATURES = 5_000
VERDICTS = 200

REQUESTS = 600  # of each contender, one after the other
WARM_UP = 20
CREDENTIALS = 20_000

type Contenders = Mapping[str, tuple[Server, dict[str, object]]]

# What an instance does from its start to its first answer, without the server, which is the same for all.
FIRST_ANSWER = """
import sys
sys.argv = ["functions-framework"]
from functions_framework import create_app
client = create_app({target!r}, {source!r}).test_client()
answer = client.post("/", headers={{"Authorization": "Bearer {token}"}}, json={{"data": None}})
assert answer.status_code == 200, answer.data
"""
HELLO = """
import firebase_admin
from firebase_functions import https_fn

firebase_admin.initialize_app()


@https_fn.on_call()
def hello(request: https_fn.CallableRequest) -> dict:
    if request.auth is None:
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAUTHENTICATED, "Who are you?")
    return {constant!r}
"""

MEASURE = "import resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"
FLOOR = "import firebase_admin; import firebase_functions.https_fn"
MAIN = "import os; os.environ['FUNCTION_TARGET'] = 'issue_turn_credentials'; import main"
PYDANTIC = f"{FLOOR}; import pydantic; pydantic.BaseModel"
EVERYTHING = f"{MAIN}; import google.cloud.firestore"


def main() -> None:
    _print(
        "cold import, CPU",
        "ms",
        _medians(
            {
                "the SDK's own floor": lambda: _cold(FLOOR),
                "the floor and pydantic": lambda: _cold(PYDANTIC),
                "main.py for the callable": lambda: _cold(MAIN),
                "the same and Firestore": lambda: _cold(EVERYTHING),
            }
        ),
    )
    sys.path.insert(0, str(FUNCTIONS))
    turn = importlib.import_module("webrtc_lite.core.turn")
    requests = importlib.import_module("webrtc_lite.edge.requests")
    relay = turn.Relay("turn.example.com", 3478, (5349, 443), "north-star-of-the-relay")
    granted = turn.grant(relay, "alice", 3600, 1_893_452_400)
    _print(
        "one credential, CPU",
        "us",
        _medians(
            {
                "HMAC-SHA1 and base64": lambda: _repeated(_hmac_alone),
                "grant()": lambda: _repeated(lambda: turn.grant(relay, "alice", 3600, 1_893_452_400)),
            }
        ),
    )
    with tempfile.TemporaryDirectory() as directory:
        hello = Path(directory) / "main.py"
        hello.write_text(HELLO.format(constant=requests.reply(granted)))
        _print(
            "cold start to the first answer, CPU",
            "ms",
            _medians(
                {
                    "the SDK's hello world": lambda: _first_answer("hello", hello),
                    "issue_turn_credentials": lambda: _first_answer("issue_turn_credentials", FUNCTIONS / "main.py"),
                }
            ),
        )
        _print("warm request, as a client waits for it", "ms", _warm(hello, Path(directory)), REQUESTS)
        _print("the same with Firestore", "ms", _with_firestore(Path(directory)), REQUESTS)
    _print_rates()
    _verdicts()
    print()  # noqa: T201
    set_up.main()


def _first_answer(target: str, source: Path) -> float:
    """Milliseconds of CPU of a fresh instance with one request behind it."""
    program = FIRST_ANSWER.format(target=target, source=str(source), token=token())
    environment = {"PATH": os.environ["PATH"], "FUNCTION_TARGET": target, **EMULATED, **RELAY}
    done = subprocess.run(
        [deployed_python(), "-c", f"{program}\n{MEASURE}"],
        cwd=FUNCTIONS,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1]) * 1e3


def _warm(hello: Path, logs: Path) -> dict[str, float]:
    """Over HTTP, a process each, with the same server."""
    free = RELAY | {"TURN_ISSUES_PER_USER": "0"}
    with ExitStack() as stack:
        return _p50(
            {
                "a constant, authenticated": (
                    stack.enter_context(serve("hello", logs / "hello", {"FUNCTION_SOURCE": str(hello)})), {}
                ),
                "issue_turn_credentials": (
                    stack.enter_context(serve("issue_turn_credentials", logs / "issue", free)), {}
                ),
            },
            bearer(token()),
        )  # fmt: skip


def _with_firestore(logs: Path) -> dict[str, float]:
    """What looking at the state of the pool adds, which is read once a minute, and at a session, which is read."""
    with ExitStack() as stack:
        firestore = stack.enter_context(running_firestore())
        address = firestore.http.base_url.netloc.decode()
        session = client(address).collection("webrtc_sessions").document("0123456789abcdef")
        session.set({"caller_id": "alice", "callee_id": "bob", "media": "audio", "status": "pending"} | _created_now())
        environment = RELAY | {
            "TURN_ISSUES_PER_USER": "0", "FIRESTORE_EMULATOR_HOST": address, "GCLOUD_PROJECT": PROJECT
        }  # fmt: skip
        listed = environment | {"TURN_CUT_OFF_LIST": "true"}
        plain = stack.enter_context(serve("issue_turn_credentials", logs / "plain", environment))
        contenders: Contenders = {
            "issue_turn_credentials": (plain, {}),
            "with a cut-off list": (stack.enter_context(serve("issue_turn_credentials", logs / "list", listed)), {}),
            "with session_id": (plain, {"session_id": session.id}),
        }
        return _p50(contenders, bearer(id_token("alice", PROJECT)))


def _p50(contenders: Contenders, headers: dict[str, str]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders.items())
    with httpx.Client(headers=headers) as http:
        for nth in range(REQUESTS + WARM_UP):
            for name, (server, body) in order:
                start = time.perf_counter()
                http.post(server.url, json={"data": body}).raise_for_status()
                if nth >= WARM_UP:
                    times[name].append((time.perf_counter() - start) * 1e3)
            order.reverse()  # whoever comes after one that waited finds the processor taken
    return {name: statistics.median(each) for name, each in times.items()}


def _created_now() -> dict[str, object]:
    return {"created_at": dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)}  # its half minute ends after the bench


def _print_rates() -> None:
    """How many credentials a core makes in a second, from checked request to reply, without HTTP around it."""
    requests = importlib.import_module("webrtc_lite.edge.requests")
    issuing = importlib.import_module("webrtc_lite.issuing")
    core = importlib.import_module("webrtc_lite.core.pool")
    turn = importlib.import_module("webrtc_lite.core.turn")
    budget = importlib.import_module("webrtc_lite.core.budget").Budget(0, 600)
    relays = [turn.Relay(f"turn-{n}.example.com", 3478, (5349, 443), "north-star-of-the-relay") for n in range(3)]
    now = dt.datetime.now(dt.UTC)
    print("credentials a second and core")  # noqa: T201 (that is what it is for)
    for count in (1, 3):
        pool = core.Pool(tuple(core.Member(relay) for relay in relays[:count]))
        desk = issuing.Desk(core.Terms(pool), budget.spend, lambda _pool: core.State(), None, None)
        start = time.process_time()
        for nth in range(CREDENTIALS):
            requests.reply(desk.issue(f"user-{nth}", requests.parse({"ttl": 3600}), now))
        rate = CREDENTIALS / (time.process_time() - start)
        print(f"  from a pool of {count:<11} {rate:8.0f} /s")  # noqa: T201


def _verdicts() -> None:
    """What the validator takes for an offer of 5 KB, against another parser, and as its input grows."""
    sdp = importlib.import_module("webrtc_lite.core.sdp")
    aiortc = importlib.import_module("aiortc.sdp")
    offer = OFFER.read_bytes().decode()
    _print(
        f"an offer of {len(offer)} bytes by Chromium, CPU",
        "us",
        _medians(
            {
                "aiortc's parser": lambda: _repeated(lambda: aiortc.SessionDescription.parse(offer), VERDICTS),
                "read and fully checked": lambda: _repeated(lambda: sdp.offer_problems(offer), VERDICTS),
            }
        ),
    )
    tracemalloc.start()
    sdp.offer_problems(offer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"  memory at its peak        {peak / len(offer):9.1f} x the input")  # noqa: T201
    print("a verdict over the size of its input, CPU ms")  # noqa: T201
    sizes = [2**power for power in range(12, 17)]
    print("  " + " " * 34 + "".join(f"{size // 1024:>7} K" for size in sizes))  # noqa: T201
    for shape, make in {"real sections": _sections, **HOSTILE}.items():
        times = [min(_repeated(lambda: sdp.offer_problems(text), 1) for _ in range(3)) for text in map(make, sizes)]  # noqa: B023
        print(f"  {shape:34}" + "".join(f"{each / 1e3:9.2f}" for each in times))  # noqa: T201


def _sections(size: int) -> str:
    """Of the offer, as many as fit."""
    head, *sections = OFFER.read_bytes().decode().split("m=")
    text = head
    while len(text) + len(sections[1]) + 2 < size:
        text += "m=" + sections[1]
    return text


def _cold(program: str) -> float:
    """Milliseconds of CPU of a fresh interpreter that runs it."""
    done = subprocess.run(
        [deployed_python(), "-c", f"{program}; {MEASURE}"], cwd=FUNCTIONS, capture_output=True, text=True, check=True
    )
    return float(done.stdout) * 1e3


def _repeated(call: Callable[[], object], times: int = SIGNATURES) -> float:
    """Microseconds of CPU of one call."""
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times * 1e6


def _hmac_alone() -> bytes:
    return base64.b64encode(hmac.digest(b"north-star-of-the-relay", b"1893456060:alice", "sha1"))


def _medians(contenders: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    for measure in contenders.values():
        measure()  # writes byte code, warms caches
    rounds = [{name: measure() for name, measure in contenders.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(figures[name] for figures in rounds) for name in contenders}


def _print(title: str, unit: str, medians: Mapping[str, float], rounds: int = ROUNDS) -> None:
    base = next(iter(medians.values()))
    print(f"{title} (median of {rounds})")  # noqa: T201 (that is what it is for)
    for name, figure in medians.items():
        print(f"  {name:26} {figure:8.1f} {unit}   x {figure / base:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
