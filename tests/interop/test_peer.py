"""Two peers of the headless client, through a real relay."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import pytest

from tests.interop.conftest import RunningCoturn
from tests.support.turn_client import HOST
from tests.support.waiting import until
from webrtc_lite.core.turn import grant
from webrtc_lite_client.peer import Peer
from webrtc_lite_client.relay import Relay


def test_a_side_knows_which_candidates_won_also_after_the_other_side_has_closed(coturn: RunningCoturn) -> None:
    relay = relay_for(coturn, "alice")

    async def pair_after_the_close() -> str:
        async with asyncio.timeout(20), AsyncExitStack() as closing:
            caller, callee = (Peer(relay, lambda _: None) for _ in range(2))
            closing.push_async_callback(caller.close)
            closing.push_async_callback(callee.close)
            offer, candidates = await caller.offer()
            answer, others = await callee.answer(offer)
            await caller.take_answer(answer)
            for each in candidates:
                await callee.add(each)
            for each in others:
                await caller.add(each)
            await caller.until(lambda: caller.state == "connected")
            await callee.until(lambda: callee.state == "connected")
            await callee.until(lambda: callee.echoed)  # so DTLS stands, and its end is heard
            await caller.close()
            await callee.until(lambda: callee.state == "lost")
            await callee.close()  # which waits for the close that is under way
            return callee.pair

    assert asyncio.run(pair_after_the_close()) == "relay/relay"


@pytest.mark.parametrize("after_ms", [0, 1, 2, 4, 8])
def test_a_peer_that_is_closed_while_it_gathers_keeps_no_allocation_and_no_socket(
    coturn: RunningCoturn, after_ms: int
) -> None:
    name = f"interrupted-{after_ms}"

    async def tasks_left() -> int:
        peer = Peer(relay_for(coturn, name), lambda _: None)
        gathering = asyncio.create_task(peer.offer())
        await asyncio.sleep(after_ms / 1000)
        gathering.cancel()
        with suppress(asyncio.CancelledError):
            await gathering
        await peer.close()
        return len(asyncio.all_tasks()) - 1  # but for this one

    assert asyncio.run(tasks_left()) == 0
    until(lambda: said(coturn, name, "delete: realm") == said(coturn, name, ": new, realm") == 1, "it is given back")


def relay_for(coturn: RunningCoturn, name: str) -> Relay:
    issued = grant(coturn.relay, name, 600, int(time.time()))
    return Relay(f"turn:{HOST}:{coturn.relay.port}?transport=udp", issued.username, issued.password)


def said(coturn: RunningCoturn, name: str, what: str) -> int:
    return sum(f":{name}>" in line and what in line for line in coturn.log.read_text(errors="replace").splitlines())
