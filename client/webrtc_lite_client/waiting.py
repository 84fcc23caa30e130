"""Waiting for something to be so, never longer than a stated time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

from webrtc_lite_client.problem import Exit, Problem


class Changing:
    """Something with a state that others wait for: whoever changes it calls `changed`."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    def changed(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def until(self, so: Callable[[], bool]) -> None:
        while not so():
            await self._change.wait()

    async def change_within(self, seconds: float) -> None:
        """Returns with the next change, or when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if math.isfinite(seconds) else None):
                await self._change.wait()


@asynccontextmanager
async def within(seconds: float | None, what: str, hint: str = "", ends: Exit = Exit.CALL) -> AsyncIterator[None]:
    """Fails by name if it takes longer. None: for ever, as a listener does."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Problem(f"{what}: not within {seconds:g} s.", hint, ends) from None


@asynccontextmanager
async def meanwhile(*followers: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs the followers beside the body. The first of all that fails ends all of them; so does the body's end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follower) for follower in followers]
        yield
        for task in tasks:
            task.cancel()
