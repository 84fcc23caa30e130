"""On which terms this deployment issues credentials, and for which relays: read together, refused together.

Names of the environment alone, not declared parameters, as the durations of edge/config.py. They fail closed as the one
relay's do: whoever misspells a switch that keeps strangers out is told so, and issues nothing meanwhile.
"""

import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import TypeGuard

from webrtc_lite.core.budget import Budget
from webrtc_lite.core.pool import Member, Pool, State, Terms
from webrtc_lite.core.turn import Relay
from webrtc_lite.edge import config

RELAYS_MAX = 8  # with four URIs each; browsers warn of far fewer
WEIGHT_MAX = 1_000
ISSUES_MAX = 1_000_000
WINDOW_MAX = 86_400
REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as a request may name one
SWITCHES = ("TURN_SESSION_REQUIRED", "TURN_RELAY_ONLY", "TURN_CUT_OFF_LIST", "TURN_APP_CHECK_REQUIRED")
FIELDS = ("host", "region", "weight", "port", "tls_ports")
EXAMPLE = """TURN_RELAYS=[{"host":"turn-1.example.com","region":"eu"},{"host":"turn-2.example.com","region":"us"}]"""


@functools.cache  # keeps terms, never a refusal: raising is not a result
def terms() -> Terms:
    relay = config.relay()
    wrong = [name for name in SWITCHES if _text(name).lower() not in ("", "true", "false")]
    problems = [f"{name} has to be true or false." for name in wrong]
    region = _text("TURN_REGION")
    if region and not REGION.fullmatch(region):
        problems.append("TURN_REGION has to be 1 to 64 characters out of A-Z, a-z, 0-9, _ and -.")
    members = _members(relay, region, problems)
    usual = Terms(Pool(members))
    found = Terms(
        Pool(members, region, cut_off_list=switch("TURN_CUT_OFF_LIST"), relay_only=switch("TURN_RELAY_ONLY")),
        session_required=switch("TURN_SESSION_REQUIRED"),
        issues_per_user=_number("TURN_ISSUES_PER_USER", usual.issues_per_user, 0, ISSUES_MAX, problems),
        window=_number("TURN_ISSUES_WINDOW_SECONDS", usual.window, 1, WINDOW_MAX, problems),
    )
    if problems:
        config.refuse(tuple(problems))
    return found


@functools.cache
def budget() -> Budget:
    """What the users of this instance have left."""
    return Budget(terms().issues_per_user, terms().window)


SPENDING = Lock()  # requests are served in threads


def spend(uid: str, now: int) -> int:
    with SPENDING:
        return budget().spend(uid, now)


def state(pool: Pool) -> State:
    from webrtc_lite.edge import pool_state  # noqa: PLC0415 (only several relays, or a cut-off list, pay for Firestore)

    return pool_state.pool_state().current(pool)


def keep(dead: Iterable[str], probed_at: datetime) -> None:
    from webrtc_lite.edge import pool_state  # noqa: PLC0415 (as above)

    pool_state.pool_state().write(dead, probed_at)


def switch(name: str) -> bool:
    """Anything but an explicit false is on: a typing error leaves no door open."""
    return _text(name).lower() not in ("", "false")


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _number(name: str, usual: int, least: int, most: int, problems: list[str]) -> int:
    text = _text(name)
    if not text:
        return usual
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    problems.append(f"{name} has to be a whole number from {least} to {most}.")
    return usual


def _members(relay: Relay, region: str, problems: list[str]) -> tuple[Member, ...]:
    """The relays of TURN_RELAYS where it is set, else the one of TURN_HOST."""
    text = _text("TURN_RELAYS")
    if not text:
        return (Member(relay, region),)
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    if not (isinstance(listed, list) and 1 <= len(listed) <= RELAYS_MAX and all(isinstance(it, dict) for it in listed)):
        problems.append(f"TURN_RELAYS has to be a list of 1 to {RELAYS_MAX} relays in one line of JSON: {EXAMPLE}.")
        return (Member(relay, region),)
    members = tuple(_member(relay, entry, f"TURN_RELAYS[{at}]", problems) for at, entry in enumerate(listed))
    places = [(member.relay.host.lower(), member.relay.port) for member in members]
    if len(set(places)) < len(places):
        problems.append("TURN_RELAYS names the same host and port twice.")
    if (relay.host.lower(), relay.port) not in places:
        problems.append(
            "TURN_RELAYS, where it is set, lists every relay: that of TURN_HOST and TURN_PORT is not in it."
        )
    if region.casefold() not in {"", *(member.region.casefold() for member in members)}:
        problems.append("TURN_REGION has to be the region of a relay in TURN_RELAYS.")
    return members


def _member(usual: Relay, entry: Mapping[str, object], name: str, problems: list[str]) -> Member:
    unknown = sorted(entry.keys() - set(FIELDS))
    if unknown:
        problems.append(f"{name} has fields that are not known: the fields are {', '.join(FIELDS)}.")
    given = entry.get("host")
    host, problem = config.usable_host(given if isinstance(given, str) else "", f"{name}.host")
    if problem:
        problems.append(problem)
    port, tls_ports = entry.get("port", usual.port), entry.get("tls_ports", list(usual.tls_ports))
    ports = [port, *tls_ports] if isinstance(tls_ports, list) else [0]
    if not (all(_is_whole(each, config.PORT_MAX) for each in ports) and len(set(ports)) == len(ports)):
        problems.append(f"{name}: port and tls_ports have to be different whole numbers from 1 to {config.PORT_MAX}.")
        ports = [0]
    region, weight = entry.get("region", ""), entry.get("weight", 1)
    if not (isinstance(region, str) and (not region or REGION.fullmatch(region))):
        problems.append(f"{name}.region has to be 1 to 64 characters out of A-Z, a-z, 0-9, _ and -.")
        region = ""
    if not _is_whole(weight, WEIGHT_MAX):
        problems.append(f"{name}.weight has to be a whole number from 1 to {WEIGHT_MAX}.")
        weight = 1
    plain, *over_tls = ports
    return Member(Relay(host, plain, tuple(over_tls), usual.secret), region, weight)


def _is_whole(value: object, most: int) -> TypeGuard[int]:
    """From 1 on, and `true` is none."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
