"""A TURN client that is not ours: aioice's, with refusals told by number."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aioice import stun, turn

HOST = "127.0.0.1"
WITHIN_S = 20.0
LIFETIME_S = 600
BAD_REQUEST = 400

type Way = Literal["udp", "tcp", "tls"]


@asynccontextmanager
async def allocation(
    username: str | None, password: str | None, port: int, way: Way = "udp", certificate: Path | None = None
) -> AsyncIterator[turn.TurnClientProtocol]:
    """One allocation, given back at the end."""
    loop = asyncio.get_running_loop()
    server = (HOST, port)
    arguments = (server, username, password, LIFETIME_S, LIFETIME_S)
    protocol: turn.TurnClientProtocol
    async with asyncio.timeout(WITHIN_S):
        if way == "udp":
            _, protocol = await loop.create_datagram_endpoint(
                lambda: turn.TurnClientUdpProtocol(*arguments), remote_addr=server
            )
        else:
            trusted = ssl.create_default_context(cafile=certificate) if way == "tls" else None
            _, protocol = await loop.create_connection(
                lambda: turn.TurnClientTcpProtocol(*arguments), HOST, port, ssl=trusted
            )
        try:
            await protocol.connect()
            yield protocol
            await protocol.delete()
        finally:
            protocol.transport.close()


class Listening(turn.TurnClientUdpProtocol):
    """Hears the 400 that Coturn does not sign, and that aioice by RFC 8489 section 9.2.5 waits past in vain."""

    def __init__(self, server: tuple[str, int], username: str | None, password: str | None) -> None:
        super().__init__(server, username, password, LIFETIME_S, LIFETIME_S)
        self.bad_request: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        if isinstance(data, bytes):
            message = stun.parse_message(data)
            if message.message_class == stun.Class.ERROR and message.error_code == BAD_REQUEST:
                self.bad_request.set_result(None)
        super().datagram_received(data, addr)


async def refusal(username: str | None, password: str | None, port: int) -> int | None:
    """The number with which the relay refuses an allocation over UDP, or nothing where it grants one."""
    server = (HOST, port)
    _, client = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Listening(server, username, password), remote_addr=server
    )
    connecting = asyncio.create_task(client.connect())
    try:
        async with asyncio.timeout(WITHIN_S):
            either: set[asyncio.Future[Any]] = {connecting, client.bad_request}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if client.bad_request.done():
            return BAD_REQUEST
        await connecting
        await client.delete()
    except stun.TransactionFailed as failed:
        return failed.response.error_code
    else:
        return None
    finally:
        connecting.cancel()
        client.transport.close()


async def peer_refusal(client: turn.TurnClientProtocol, peer: str) -> int | None:
    """The number with which the relay refuses to relay to a peer, or nothing where it would. No data is sent."""
    client.channel_number += 1
    try:
        await client.channel_bind(client.channel_number, (peer, 9))
    except stun.TransactionFailed as failed:
        return failed.response.error_code
    return None
