"""What the parts print, as a person reads it. The lines are those of firebase-tools 15 and of Coturn 4.6.1."""

import re

import pytest

from tools.stack.logs import declared, readable

# A start of the emulators, a visit of the page, and their end: all of it, but for what is repeated.
EMULATORS = """\
⚠  firestore: Env variable override detected. Using firestore emulator at .stack/firestore-emulator.jar
⚠  emulators: You are not currently authenticated so some features may not work correctly. Please run firebase login \
to authenticate the CLI.
i  emulators: Starting emulators: auth, functions, firestore, hosting, eventarc, tasks, extensions
i  emulators: Detected demo project ID "demo-x", emulated services will use a demo configuration and attempts to \
access non-emulated services for this project will fail.
i  firestore: Firestore Emulator logging to firestore-debug.log
✔  firestore: Firestore Emulator was started in standard edition.
✔  firestore: Firestore Emulator UI websocket is running on 29150.
i  hosting[demo-x]: Serving hosting files from: web/public
✔  hosting[demo-x]: Local server: http://127.0.0.1:25000
⚠  emulators: The Emulator UI is not starting because none of the running emulators have a UI component.
i  functions: Watching ".stack/demo-x/suite/functions" for Cloud Functions...
i  functions: Loaded environment variables from parameters/.env
i  hosting: 127.0.0.1 - - [20/Nov/2026:17:25:19 +0000] "GET / HTTP/1.1" 200 42 "-" "Python-urllib/3.12"
 * Serving Flask app 'serving'
 * Debug mode: off

\x1b[31m\x1b[1mWARNING: This is a development server. Do not use it in a production deployment. Use a production WSGI \
server instead.\x1b[0m
 * Running on http://127.0.0.1:8081

\x1b[33mPress CTRL+C to quit\x1b[0m

127.0.0.1 - - [20/Nov/2026 17:25:19] "GET /__/functions.yaml HTTP/1.1" 200 -

127.0.0.1 - - [20/Nov/2026 17:25:19] "GET /__/quitquitquit HTTP/1.1" 200 -

Terminated

✔  functions: Loaded functions definitions from source: tick.
i  functions[us-central1-tick]: function ignored because the pubsub emulator does not exist or is not running.

┌─────────────────────────────────────────────────────────────┐
│ ✔  All emulators ready! It is now safe to connect your app. │
└─────────────────────────────────────────────────────────────┘

┌────────────────┬─────────────────┐
│ Emulator       │ Host:Port       │
├────────────────┼─────────────────┤
│ Authentication │ 127.0.0.1:29099 │
└────────────────┴─────────────────┘
  Emulator Hub host: 127.0.0.1 port: 24400
  Other reserved ports: 24500, 29150
Issues? Report them at https://github.com/firebase/firebase-tools/issues and attach the *-debug.log files.
 
i  hosting: 127.0.0.1 - - [20/Nov/2026:17:25:20 +0000] "GET /__/firebase/init.json HTTP/1.1" 200 - "-" "curl/7.88.1"
 
i  functions: Beginning execution of "us-central1-issue_turn_credentials"
>  {"severity": "INFO", "event": "credentials_issued", "uid": "4bL7bbtjy2tvESSgu7mFAQ6nVVxz", "ttl": 3600, \
"region": null, "message": "Relay credentials issued."}
i  functions: Finished "us-central1-issue_turn_credentials" in 3.595033ms
i  emulators: Received SIGINT (Ctrl-C) for the first time. Starting a clean shutdown.
i  emulators: Please wait for a clean shutdown or send the SIGINT (Ctrl-C) signal again to stop right now.
i  emulators: Shutting down emulators.
i  functions: Stopping Functions Emulator
i  logging: Stopping Logging Emulator
"""  # noqa: W293  as they print it

UID = "4bL7bbtjy2tvESSgu7mFAQ6nVVxz"
USER = "<1795199634:LaW6Mi0KiQV8djFRINW3mFQensL2>"
CLOSED = (
    "351: : session 001000000000000008: closed (2nd stage), user {user} realm <webrtc-lite.local> origin <>, "
    "local 127.0.0.1:33478, remote 127.0.0.1:53175, reason: allocation timeout"
)


def shown(part: str, line: str) -> str | None:
    """A readable line without its time."""
    text = readable(part, line)
    if text is None:
        return None
    time, _, rest = text.partition(" ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", time)
    return rest


def test_of_a_whole_run_only_what_a_developer_did_is_shown() -> None:
    lines = [shown("emulators", line) for line in EMULATORS.splitlines()]

    assert [line for line in lines if line] == [
        "functions  loaded tick",
        f"functions  Relay credentials issued.  event=credentials_issued uid={UID} ttl=3600 region=None",
        "functions  issue_turn_credentials took 3 ms",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '>  {"severity": "WARNING", "event": "request_refused", "code": "malformed_request", "message": "No."}',
            "functions  WARNING No.  event=request_refused code=malformed_request",
        ),
        (
            '>  {"severity": "NOTICE", "message": "quiet", "logging.googleapis.com/trace": "projects/x/traces/y"}',
            "functions  quiet",
        ),
        ('>  {"severity": "ERROR", "event": "broken"}', "functions  ERROR   event=broken"),
        (">  a word by print", "functions  a word by print"),
        ('>  ["no", "entry"]', 'functions  ["no", "entry"]'),
        (">  42", "functions  42"),
    ],
)
def test_what_a_function_prints_is_shown_and_its_structured_lines_are_opened(line: str, expected: str) -> None:
    assert shown("emulators", line) == expected


def test_what_goes_wrong_is_shown_with_who_says_so() -> None:
    failed = (
        "⬢  functions: Failed to load function definition from source: FirebaseError: Functions codebase could not be "
        "analyzed successfully. It may have a syntax or runtime error"
    )

    assert shown("emulators", failed) == f"functions  {failed.removeprefix('⬢  functions: ')}"
    assert shown("emulators", f"\x1b[31m\x1b[1m{failed[:13]}\x1b[22m\x1b[39m{failed[13:]}") == shown(
        "emulators", failed
    )
    assert shown("emulators", "⚠  hosting[demo-x]: Port 25000 is not open") == "hosting    Port 25000 is not open"


def test_a_traceback_keeps_its_lines_and_their_indentation() -> None:
    assert shown("emulators", "Traceback (most recent call last):") == "emulators  Traceback (most recent call last):"
    assert shown("emulators", '  File "main.py", line 3, in <module>') == (
        'emulators    File "main.py", line 3, in <module>'
    )


def test_rules_that_were_loaded_again_are_named() -> None:
    assert shown("emulators", "i  firestore: Change detected, updating rules...") is None
    assert shown("emulators", "✔  firestore: Rules updated.") == "firestore  rules updated"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f"350: : session 001000000000000008: new, realm=<webrtc-lite.local>, username={USER}, lifetime=600",
            "coturn     allocation opened for LaW6Mi0KiQV8djFRINW3mFQensL2",
        ),
        (CLOSED.format(user=USER), "coturn     closed for LaW6Mi0KiQV8djFRINW3mFQensL2: allocation timeout"),
        (
            f"9: : check_stun_auth: Cannot find credentials of user {USER}",
            "coturn     refused LaW6Mi0KiQV8djFRINW3mFQensL2: wrong or expired credential",
        ),
        (
            "9: : check_stun_auth: Cannot find credentials of user <mallory>",
            "coturn     refused <mallory>: wrong or expired credential",
        ),
        (
            "0: : Bad configuration format: no-such-option",
            "coturn     Bad configuration format: no-such-option",
        ),
        (
            "0: : error resolving '10.0.0.0/8' hostname: Name or service not known",
            "coturn     error resolving '10.0.0.0/8' hostname: Name or service not known",
        ),
        (
            "9: : A peer IP 10.0.0.1 denied in the range: 10.0.0.0-10.255.255.255",
            "coturn     A peer IP 10.0.0.1 denied in the range: 10.0.0.0-10.255.255.255",
        ),
    ],
)
def test_coturn_says_who_came_who_went_who_was_refused_and_why(line: str, expected: str) -> None:
    assert shown("coturn", line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "0: : Black listing: 10.0.0.0-10.255.255.255",
        "0: : IPv4. UDP listener opened on: 127.0.0.1:23478",
        "socket: Protocol not supported",
        "0: : session 001000000000000001: usage: realm=<webrtc-lite.local>, username=<>, rp=1, rb=20, sp=1, sb=52",
        CLOSED.format(user="<>"),  # a binding, as the stack itself makes one to see whether Coturn answers
        "350: : ERROR: session 001000000000000009: TCP socket error: Connection reset by peer 127.0.0.1:34788",
        "",
    ],
)
def test_what_else_coturn_says_stays_in_its_log(line: str) -> None:
    assert shown("coturn", line) is None


def test_braces_in_a_username_are_no_format() -> None:
    assert shown("coturn", CLOSED.format(user="<{why} {0}>")) == "coturn     closed for <{why} {0}>: allocation timeout"


def test_the_stacks_own_words_are_shown_as_they_are() -> None:
    assert shown("schedule", "tick failed: 500 boom") == "schedule   tick failed: 500 boom"


def test_the_declared_functions_are_those_that_were_loaded_last() -> None:
    before = "i  functions: Watching\n"
    first = "✔  functions: Loaded functions definitions from source: tick.\n"
    second = "✔  functions: Loaded functions definitions from source: issue, tick, tock.\n"

    assert declared(before) == frozenset()
    assert declared(before + first + second) == {"issue", "tick", "tock"}
