"""What a phone would find: a STUN binding and a TURN allocation through one way to a relay."""

import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from webrtc_lite.core.stun import Attribute, Kind, Method
from webrtc_lite.core.turn import Grant, Way
from webrtc_lite.edge.stun_client import REQUESTED_UDP, Client, connect, lifetime

ANSWERS_WITHIN_S = 3.0
AGAIN_AFTER_S = 2.0  # SPEC section 5: a failure is repeated after this
UNAUTHORIZED = 401
DAY_S = 86_400


@dataclass(frozen=True)
class Finding:
    """How one way stood up; `problem` is a few words of ours, with nothing of a credential in them."""

    way: Way
    problem: str = ""
    certificate_days: int | None = None  # left, where the way is over TLS


def pause() -> None:
    time.sleep(AGAIN_AFTER_S)


def probe(ways: Iterable[Way], granted: Grant) -> list[Finding]:
    """All of them side by side, so that one that is silent costs the others nothing."""
    asked = list(ways)
    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(lambda way: _probe_one(way, granted), asked))


def _probe_one(way: Way, granted: Grant) -> Finding:
    try:
        with Client(*connect(way, ANSWERS_WITHIN_S), ANSWERS_WITHIN_S) as client:
            days = _certificate_days(client.connection)
            problem = _ask(client, granted)
            return Finding(way, problem, days)
    except ssl.SSLCertVerificationError as error:
        return Finding(way, f"its certificate is refused: {error.verify_message}")
    except ssl.SSLError as error:
        return Finding(way, f"no TLS: {error.reason}")
    except TimeoutError:
        return Finding(way, f"no answer in {ANSWERS_WITHIN_S:.0f} s")
    except socket.gaierror:
        return Finding(way, "its name leads nowhere")
    except OSError as error:
        return Finding(way, f"cannot be reached: {error.strerror or type(error).__name__}")


def _certificate_days(connection: socket.socket) -> int | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    certificate = connection.getpeercert() or {}
    return int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) // DAY_S)


def _ask(client: Client, granted: Grant) -> str:
    if client.request(Method.BINDING).kind is not Kind.SUCCESS:
        return "no STUN binding"
    challenge = client.request(Method.ALLOCATE, REQUESTED_UDP)
    if challenge.kind is Kind.SUCCESS:
        client.request(Method.REFRESH, lifetime(0))
        return "it relays without a credential: an open relay"
    if challenge.error != UNAUTHORIZED:
        return f"an allocation without a credential is answered with {challenge.error}"
    client.sign_in(
        granted.username,
        granted.password,
        challenge.text(Attribute.REALM),
        challenge.get(Attribute.NONCE) or b"",
    )
    allocated = client.request(Method.ALLOCATE, REQUESTED_UDP)
    if allocated.kind is not Kind.SUCCESS:
        return f"no allocation: {allocated.error}"
    client.request(Method.REFRESH, lifetime(0))  # whatever it answers: a repeated goodbye is refused, and gone is gone
    return ""
