"""Deployment parameters and secrets -> settings: checked together, cached once right, refused otherwise.

A param declared twice raises, so all of them are declared here. An unset SecretParam reads as "", and an HMAC with an
empty key is one that everybody can compute: nothing here has a way round the check.

Durations fail the other way: with a wrong one the default counts, and an error says so. A typing error in how long a
phone rings must not stop every call.
"""

import functools
import ipaddress
import os
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from firebase_functions.params import IntParam, SecretParam, StringParam

from webrtc_lite.core.deadlines import Durations
from webrtc_lite.core.errors import RelayNotConfiguredError
from webrtc_lite.core.turn import Relay
from webrtc_lite.edge import logs

REGION = "us-central1"

TURN_HOST = StringParam("TURN_HOST", description="Host name or address of the Coturn relay")
TURN_PORT = IntParam("TURN_PORT", default=3478, description="Its port for UDP and TCP")
TURN_TLS_PORTS = StringParam("TURN_TLS_PORTS", default="5349,443", description="Its ports for TLS, with commas between")
TURN_SECRET = SecretParam("TURN_SECRET", description="The secret that Coturn checks with")

PORT_MAX = 65_535
HOST_MAX = 253  # RFC 1035 section 2.3.4, without the root's dot
SECRET_MIN = 16  # bytes: less can be guessed from a single captured username and password
NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # RFC 1123 section 2.1

SET_SECRET = "type `firebase functions:secrets:set TURN_SECRET`, paste the relay's secret, and deploy again."  # noqa: S105 (a command)


@functools.cache  # keeps a relay, never a refusal: raising is not a result
def relay() -> Relay:
    """The relay of this deployment. The client hears that there is none; why not, the operator reads in the log."""
    host, host_problem = usable_host(TURN_HOST.value)
    ports, ports_problem = _ports()
    secret = TURN_SECRET.value
    problems = tuple(filter(None, (host_problem, ports_problem, _secret_problem(secret))))
    if problems:
        refuse(problems)
    port, *tls_ports = ports
    return Relay(host, port, tuple(tls_ports), secret)


def refuse(problems: tuple[str, ...]) -> NoReturn:
    """Nothing is issued by a deployment of which anything is wrong."""
    _tell(problems)
    raise RelayNotConfiguredError(
        "This deployment cannot issue relay credentials.",
        hint="Nothing is wrong with the request: the operator finds the reason in the function's log.",
    )


_tell = functools.cache(logs.relay_not_configured)  # once per instance, not once per call of every phone


def usable_host(text: str, name: str = "TURN_HOST") -> tuple[str, str]:
    """The host as it stands in a URI, and what is wrong with it."""
    if not text:
        return (
            "",
            f"{name} is not set: put TURN_HOST=turn.example.com into functions/.env.<project> and deploy again.",
        )
    address = _address(text)
    if address is None and not _is_host_name(text):
        return "", (
            f"{name} is not a bare host name or address: leave out scheme, port, path and spaces,"
            " as in TURN_HOST=turn.example.com, in functions/.env.<project>."
        )
    if _reaches_nobody(text, address) and not os.environ.get("FUNCTIONS_EMULATOR"):
        return "", (
            f"{name} is an address that no phone can reach: put the relay's public name"
            " into functions/.env.<project>, as in TURN_HOST=turn.example.com."
        )
    # RFC 3986 section 3.2.2, which RFC 7064 and 7065 take over: an IPv6 address stands in brackets.
    return (f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else text), ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in bare or (bare != text and ":" not in bare):  # a zone means nothing elsewhere; brackets are IPv6's
        return None
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        return None


def _is_host_name(text: str) -> bool:
    labels = text.split(".")
    # A name whose last label is a number is an address in disguise, or a mistyped one (RFC 3696 section 2).
    return len(text) <= HOST_MAX and all(map(LABEL.fullmatch, labels)) and not NUMBER.fullmatch(labels[-1])


def _reaches_nobody(text: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if address is None:
        return text.lower().split(".")[-1] == "localhost"  # RFC 6761 section 6.3
    plain = getattr(address, "ipv4_mapped", None) or address
    return any((plain.is_loopback, plain.is_unspecified, plain.is_link_local, plain.is_multicast, plain.is_reserved))


def _ports() -> tuple[list[int], str]:
    """The plain port, then those for TLS, and what is wrong with them. No TLS ports at all is a choice."""
    try:
        listed = TURN_TLS_PORTS.value.strip()
        ports = [TURN_PORT.value, *map(int, listed.split(",") if listed else ())]
    except ValueError:  # IntParam.value is int() of whatever the environment holds
        ports = [0]
    if all(1 <= port <= PORT_MAX for port in ports) and len(set(ports)) == len(ports):
        return ports, ""
    return [0], (
        f"TURN_PORT and TURN_TLS_PORTS have to be different whole numbers from 1 to {PORT_MAX}:"
        " put TURN_PORT=3478 and TURN_TLS_PORTS=5349,443 into functions/.env.<project>."
    )


def _secret_problem(secret: str) -> str:
    """A sentence that never shows the secret, nor its length."""
    if not secret:
        return f"TURN_SECRET is not set, or not bound to this function: {SET_SECRET}"
    if secret != secret.strip():
        return (
            "TURN_SECRET begins or ends with white space, most likely the line break that `echo` adds"
            f" (`printf %s` does not): {SET_SECRET}"
        )
    if not (secret.isascii() and secret.isprintable()):
        return f"TURN_SECRET holds characters other than printable ASCII, which Coturn may read otherwise: {SET_SECRET}"
    if len(secret) < SECRET_MIN:
        return f"TURN_SECRET is shorter than {SECRET_MIN} characters: `openssl rand -hex 32` makes one; {SET_SECRET}"
    return ""


# --- durations


@dataclass(frozen=True)
class Bounds:
    """One duration that an operator may set: its place in Durations, its unit, and from where to where it may go."""

    place: str
    unit: timedelta
    least: int
    most: int


# Names of the environment alone, not declared parameters: firebase-tools asks for every declared one, and a deployment
# that cannot ask stops at each that stands in no file.
DURATIONS = {
    "CALL_OFFER_SECONDS": Bounds("offer", timedelta(seconds=1), 10, 120),
    "CALL_SETTLED_SECONDS": Bounds("settled", timedelta(seconds=1), 60, 600),
    "CALL_RING_SECONDS": Bounds("ring", timedelta(seconds=1), 10, 120),
    "CALL_CONNECT_SECONDS": Bounds("connect", timedelta(seconds=1), 10, 120),
    "CALL_UNANSWERED_MINUTES": Bounds("unanswered", timedelta(minutes=1), 3, 1_440),
    "CALL_LEASE_MINUTES": Bounds("lease", timedelta(minutes=1), 11, 60),  # clients say every 10 that they are alive
    "SESSION_KEPT_MINUTES": Bounds("session_kept", timedelta(minutes=1), 10, 1_440),
    "HISTORY_KEPT_DAYS": Bounds("history_kept", timedelta(days=1), 1, 3_650),
}
DIGITS = re.compile(r"[0-9]{1,6}")


@functools.cache  # and so told once by an instance
def durations() -> Durations:
    """The durations of this deployment; what is out of bounds has its default."""
    problems = []
    read: dict[str, Any] = {}
    for name, bounds in DURATIONS.items():
        text = os.environ.get(name, "").strip()
        number = int(text) if DIGITS.fullmatch(text) else -1
        if bounds.least <= number <= bounds.most:
            read[bounds.place] = number * bounds.unit
        elif text:
            problems.append(
                f"{name} has to be a whole number from {bounds.least} to {bounds.most},"
                f" and counts as {default(bounds)}."
            )
    found = Durations(**read)
    if found.settled <= found.offer:  # nobody would be given the time that CALL_OFFER_SECONDS promises
        problems.append("CALL_SETTLED_SECONDS has to be more than CALL_OFFER_SECONDS: both have their defaults.")
        found = replace(found, offer=Durations.offer, settled=Durations.settled)
    if problems:
        logs.durations_not_usable(tuple(problems))
    return found


# --- checks that only warn

WARN_ONLY = "SDP_WARN_ONLY"  # codes with commas between; of the environment alone, for the reason that durations are
CODE = re.compile("sdp_[a-z_]{1,40}")


@functools.cache
def warn_only() -> frozenset[str]:
    """The checks of descriptions that refuse nothing here: the way out when an engine's update fails one."""
    from webrtc_lite.core.sdp import CODES  # noqa: PLC0415 (a cold callable is spared what judges descriptions)

    named = {code for each in os.environ.get(WARN_ONLY, "").split(",") if (code := each.strip())}
    unknown = named - CODES
    if unknown:
        logs.checks_unknown(tuple(sorted(code if CODE.fullmatch(code) else "(not a code)" for code in unknown)))
    return frozenset(named & CODES)


def durations_and_checks() -> Durations:
    """For who judges calls."""
    return replace(durations(), warn_only=warn_only())


def default(bounds: Bounds) -> int:
    found: timedelta = getattr(Durations(), bounds.place)
    return found // bounds.unit
