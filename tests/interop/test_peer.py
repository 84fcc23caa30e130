"""Two peers of the headless client, through a real relay."""

import asyncio
import time
from contextlib import AsyncExitStack

from tests.interop.conftest import RunningCoturn
from tests.support.turn_client import HOST
from webrtc_lite.core.turn import grant
from webrtc_lite_client.peer import Peer
from webrtc_lite_client.relay import Relay


def test_a_side_knows_which_candidates_won_also_after_the_other_side_has_closed(coturn: RunningCoturn) -> None:
    issued = grant(coturn.relay, "alice", 600, int(time.time()))
    relay = Relay(f"turn:{HOST}:{coturn.relay.port}?transport=udp", issued.username, issued.password)

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
