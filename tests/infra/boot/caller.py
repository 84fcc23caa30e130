"""A client on the internet: TURN by aioice, and what an attacker would try beside it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator

from aioice import stun, turn

from tests.infra.boot.machine import CALLER, PUBLIC

WITHIN_S = 20.0
REQUEST = "{:04x}00002112a442"  # of a method, without attributes (RFC 8489, 5)


def credential(secret: str, user: str = "alice", seconds: int = 600) -> tuple[str, str]:
    username = f"{int(time.time()) + seconds}:{user}"
    return username, base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()


class Peer(asyncio.DatagramProtocol):
    """What arrives through an allocation."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait((data, addr))


class Allocation:
    def __init__(self, transport: turn.TurnTransport, peer: Peer) -> None:
        self.transport, self.peer = transport, peer

    @property
    def relayed(self) -> tuple[str, int]:
        address: tuple[str, int] = self.transport.get_extra_info("sockname")
        return address

    @property
    def client(self) -> turn.TurnClientMixin:
        inner: turn.TurnClientMixin = vars(self.transport)["_TurnTransport__inner_protocol"]
        return inner

    async def heard(self, within: float = 5) -> tuple[bytes, tuple[str, int]]:
        async with asyncio.timeout(within):
            return await self.peer.heard.get()


@contextlib.asynccontextmanager
async def allocation(
    username: str | None,
    password: str | None,
    port: int = 3478,
    way: str = "udp",
    trusted: ssl.SSLContext | None = None,
) -> AsyncIterator[Allocation]:
    context: ssl.SSLContext | bool = False
    if way == "tls":
        context = trusted or ssl._create_unverified_context()  # noqa: S323  (its own tests hold the certificate against a name)
    async with asyncio.timeout(WITHIN_S):
        transport, peer = await turn.create_turn_endpoint(
            Peer,
            server_addr=(PUBLIC, port),
            username=username,
            password=password,
            ssl=context,
            transport="udp" if way == "udp" else "tcp",
        )
    try:
        yield Allocation(transport, peer)
    finally:
        transport.close()
        await asyncio.sleep(0.5)  # the goodbye is sent


async def refusal(username: str | None, password: str | None) -> int | None:
    """The number with which an allocation is refused."""
    try:
        async with allocation(username, password):
            return None
    except stun.TransactionFailed as failed:
        code: int = failed.response.attributes["ERROR-CODE"][0]
        return code


async def peer_refusal(of: Allocation, host: str, port: int = 9) -> int | None:
    """The number with which relaying to a peer is refused; nothing is sent to it."""
    client = of.client
    client.channel_number += 1
    try:
        await client.channel_bind(client.channel_number, (host, port))
    except stun.TransactionFailed as failed:
        code: int = failed.response.attributes["ERROR-CODE"][0]
        return code
    return None


def certificate(port: int) -> bytes:
    """What the relay shows, in DER."""
    context = ssl._create_unverified_context()  # noqa: S323
    with socket.create_connection((PUBLIC, port), 10, (CALLER, 0)) as tcp, context.wrap_socket(tcp) as tls:
        return tls.getpeercert(binary_form=True) or b""


def connects(port: int, within: float = 2.0) -> bool:
    try:
        socket.create_connection((PUBLIC, port), within, (CALLER, 0)).close()
    except OSError:
        return False
    return True


def answered(count: int, method: int = 1) -> tuple[int, float]:
    """Of so many requests, of Binding if of nothing else, a millisecond apart; and how long it took to send them."""
    request = bytes.fromhex(REQUEST.format(method))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((PUBLIC, 3478))
        udp.setblocking(False)  # noqa: FBT003
        seen, started, took = 0, time.monotonic(), 0.0
        for left in range(count, -1000, -1):  # a second more, for the last answers
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):  # nothing yet, or nobody there
                if left > 0:
                    udp.send(request + secrets.token_bytes(12))
                    took = time.monotonic() - started
                while udp.recv(1500):
                    seen += 1
            time.sleep(0.001)
        return seen, took
