"""A relay, seen from outside: a STUN binding, a stranger who is turned away, and an allocation that is given back."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aioice import stun, turn

from webrtc_lite_client.credentials import Issued
from webrtc_lite_client.problem import Exit, Problem

ANSWERS_WITHIN_S = 3.0
GOODBYE_WITHIN_S = 1.0
LIFETIME_S = 600
UNAUTHORIZED, MISMATCH, QUOTA, FULL = 401, 437, 486, 508  # RFC 8656, 19
DAY_S = 86_400
# RFC 7065; a host may be an IPv6 address in brackets
URI = re.compile(r"(turns?):(\[[^\]]+\]|[^:?\[\]]+)(?::(\d+))?(?:\?transport=(udp|tcp))?")


@dataclass(frozen=True)
class Relay:
    """One TURN server with the credential for it."""

    uri: str
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    over: str  # udp, tcp or tls

    @classmethod
    def parse(cls, uri: str) -> Address:
        found = URI.fullmatch(uri)
        if found is None:
            raise Problem(f"{uri} is no TURN URI.", "Like turn:turn.example.com:3478?transport=udp", Exit.USAGE)
        scheme, host, port, transport = found.groups()
        if scheme == "turns":
            return cls(host.strip("[]"), int(port or 5349), "tls")
        return cls(host.strip("[]"), int(port or 3478), transport or "udp")


@dataclass(frozen=True)
class Standing:
    """How one URI stood up; `problem` is a few words, and `code` what the relay answered, where it did."""

    uri: str
    problem: str = ""
    code: int | None = None
    took_ms: float = 0.0
    certificate_days: int | None = None  # left, over TLS


def chosen(issued: Issued, instead: str | None = None) -> Relay:
    """The one TURN server that aiortc uses: the issued one that speaks UDP, or the one that is given in its place."""
    over_udp = (each for each in issued.uris if Address.parse(each).over == "udp")
    return Relay(instead or next(over_udp, issued.uris[0]), issued.username, issued.password)


class Asking(turn.TurnClientMixin):
    """Knows its server, and when its socket is closed."""

    def __init__(self, address: Address, username: str | None, password: str | None) -> None:
        super().__init__((address.host, address.port), username, password, LIFETIME_S, LIFETIME_S)
        self.closed = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set()


class Udp(Asking, turn.TurnClientUdpProtocol): ...


class Tcp(Asking, turn.TurnClientTcpProtocol): ...


async def probe(relay: Relay, *, trusting: bool = False) -> Standing:
    """How a relay stands up to a phone. `trusting`: a certificate may be its own issuer, as in the local stack."""
    standing = await look(relay, trusting=trusting)
    # For a while Coturn answers with 437 where another client had this port: a phone would take another one as well.
    return await look(relay, trusting=trusting) if standing.code == MISMATCH else standing


async def look(relay: Relay, *, trusting: bool) -> Standing:  # noqa: PLR0911 (a line an answer)
    began = time.monotonic()
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            address = Address.parse(relay.uri)
            trust = await trusted(address, trusting=trusting)
            if await lets_strangers_in(address, trust):
                return Standing(relay.uri, "it relays without a credential: an open relay")
            days = await allocate(relay, address, trust)
    except ssl.SSLCertVerificationError as refused:
        return Standing(relay.uri, f"its certificate is refused: {refused.verify_message}")
    except ssl.SSLError as failed:
        return Standing(relay.uri, f"no TLS: {failed.reason}")
    except TimeoutError:
        return Standing(relay.uri, f"no answer within {ANSWERS_WITHIN_S:g} s")
    except stun.TransactionFailed as refused:
        code, text = refused.response.attributes["ERROR-CODE"]
        return Standing(relay.uri, f"it refuses an allocation, {code} {text}".strip(), code)
    except socket.gaierror:
        return Standing(relay.uri, "its name leads nowhere")
    except (OSError, stun.TransactionError) as failed:
        return Standing(
            relay.uri, f"it cannot be reached: {getattr(failed, 'strerror', None) or type(failed).__name__}"
        )
    return Standing(relay.uri, took_ms=(time.monotonic() - began) * 1000, certificate_days=days)


async def trusted(address: Address, *, trusting: bool) -> ssl.SSLContext | None:
    """What the machine trusts; and with `trusting` what is served, of which only the issuer is then taken on faith."""
    if address.over != "tls":
        return None
    context = ssl.create_default_context()
    if trusting:
        context.load_verify_locations(cadata=await served_certificate(address))
    return context


async def served_certificate(address: Address) -> str:
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(address.host, address.port, ssl=unverified)
    try:
        served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return ssl.DER_cert_to_PEM_cert(served)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def lets_strangers_in(address: Address, trust: ssl.SSLContext | None) -> bool:
    async with client(address, trust) as stranger:
        await stranger.request(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))
        try:
            await stranger.connect()
        except stun.TransactionFailed as refused:
            if refused.response.error_code == UNAUTHORIZED:
                return False
            raise
        await give_back(stranger)
        return True


async def allocate(relay: Relay, address: Address, trust: ssl.SSLContext | None) -> int | None:
    """An allocation, given back at once. Over TLS: how many days its certificate has left."""
    async with client(address, trust, relay.username, relay.password) as user:
        await user.connect()
        tls = user.transport.get_extra_info("ssl_object")
        await give_back(user)
        if tls is None:
            return None
        ends = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])
        return int((ends - time.time()) // DAY_S)


async def give_back(user: Udp | Tcp) -> None:
    """Coturn answers a repeated goodbye with an unsigned 437, which aioice does not hear: gone is gone."""
    with suppress(TimeoutError, stun.TransactionError):
        async with asyncio.timeout(GOODBYE_WITHIN_S):
            await user.delete()


@asynccontextmanager
async def client(
    address: Address, trust: ssl.SSLContext | None, username: str | None = None, password: str | None = None
) -> AsyncIterator[Udp | Tcp]:
    """One that has asked for nothing yet, its socket closed at the end."""
    loop = asyncio.get_running_loop()
    server = (address.host, address.port)
    found: Udp | Tcp
    if address.over == "udp":
        _, found = await loop.create_datagram_endpoint(lambda: Udp(address, username, password), remote_addr=server)
    else:
        _, found = await loop.create_connection(lambda: Tcp(address, username, password), *server, ssl=trust)
    try:
        yield found
    finally:
        found.transport.close()
        await found.closed.wait()
