"""Waiting for something to be so, never longer than a stated time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
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


async def to_its_end(step: Awaitable[None], within_s: float) -> None:
    """Takes a step that is not broken off half-way: whoever is interrupted meanwhile waits so long until it is done.

    A request that is given up may have been sent, and is done a moment later: after what was to take it back.
    """
    taken = asyncio.ensure_future(step)
    try:
        await asyncio.shield(taken)
    except asyncio.CancelledError:
        with suppress(Problem):
            async with within(within_s, "the end of the step"):
                await taken
        raise


@asynccontextmanager
async def meanwhile(*followers: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs the followers beside the body. The first of all that fails ends all of them; so does the body's end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follower) for follower in followers]
        yield
        for task in tasks:
            task.cancel()
