"""A TURN client that is not ours: aioice's, with refusals told by number."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from aioice import stun, turn

HOST = "127.0.0.1"
WITHIN_S = 20.0
GOODBYE_WITHIN_S = 2.0
LIFETIME_S = 600
BAD_REQUEST = 400

type Way = Literal["udp", "tcp", "tls"]


class UdpClient(turn.TurnClientUdpProtocol):
    """Says when its socket is closed, and hears the 400 that Coturn does not sign.

    By RFC 8489 section 9.2.5 aioice waits past an unsigned answer, in vain.
    """

    def __init__(self, server: tuple[str, int], username: str | None, password: str | None) -> None:
        super().__init__(server, username, password, LIFETIME_S, LIFETIME_S)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bad_request: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set_result(None)

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        if isinstance(data, bytes):
            message = stun.parse_message(data)
            if message.message_class == stun.Class.ERROR and message.error_code == BAD_REQUEST:
                self.bad_request.set_result(None)
        super().datagram_received(data, addr)


class TcpClient(turn.TurnClientTcpProtocol):
    def __init__(self, server: tuple[str, int], username: str | None, password: str | None) -> None:
        super().__init__(server, username, password, LIFETIME_S, LIFETIME_S)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set_result(None)


type Client = UdpClient | TcpClient


def fresh_socket(server: tuple[str, int]) -> socket.socket:
    """A UDP socket whose port no later one gets: for a while Coturn answers another client there with 437."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(0)
    udp.connect(server)
    os.dup(udp.fileno())  # keeps the port until the tests end
    return udp


@asynccontextmanager
async def connected(
    username: str | None, password: str | None, port: int, way: Way, certificate: Path | None = None
) -> AsyncIterator[Client]:
    """A client that has asked for nothing yet, its socket closed at the end."""
    loop = asyncio.get_running_loop()
    server = (HOST, port)
    client: Client
    async with asyncio.timeout(WITHIN_S):
        if way == "udp":
            _, client = await loop.create_datagram_endpoint(
                lambda: UdpClient(server, username, password), sock=fresh_socket(server)
            )
        else:
            trusted = ssl.create_default_context(cafile=certificate) if way == "tls" else None
            _, client = await loop.create_connection(
                lambda: TcpClient(server, username, password), HOST, port, ssl=trusted
            )
    try:
        yield client
    finally:
        client.transport.close()
        await client.closed


@asynccontextmanager
async def allocation(
    username: str | None, password: str | None, port: int, way: Way = "udp", certificate: Path | None = None
) -> AsyncIterator[Client]:
    """One allocation, given back at the end."""
    async with connected(username, password, port, way, certificate) as client:
        async with asyncio.timeout(WITHIN_S):
            await client.connect()
        yield client
        await give_back(client)


async def refusal(username: str | None, password: str | None, port: int) -> int | None:
    """The number with which the relay refuses an allocation over UDP, or nothing where it grants one."""
    async with connected(username, password, port, "udp") as client:
        assert isinstance(client, UdpClient)
        connecting = asyncio.create_task(client.connect())
        either: set[asyncio.Future[Any]] = {connecting, client.bad_request}
        await asyncio.wait(either, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if client.bad_request.done():
            connecting.cancel()
            return BAD_REQUEST
        try:
            await connecting
        except stun.TransactionFailed as failed:
            return failed.response.error_code
        await give_back(client)
        return None


async def give_back(client: Client) -> None:
    """Coturn answers a repeated goodbye with an unsigned 437, which aioice does not hear: gone is gone."""
    with suppress(TimeoutError, stun.TransactionError):
        async with asyncio.timeout(GOODBYE_WITHIN_S):
            await client.delete()


async def peer_refusal(client: Client, peer: str) -> int | None:
    """The number with which the relay refuses to relay to a peer, or nothing where it would. No data is sent."""
    client.channel_number += 1
    try:
        await client.channel_bind(client.channel_number, (peer, 9))
    except stun.TransactionFailed as failed:
        return failed.response.error_code
    return None
