"""Waiting that ends."""

import asyncio
from contextlib import suppress

import pytest

from webrtc_lite_client.problem import Problem
from webrtc_lite_client.waiting import Changing, meanwhile, to_its_end, within


def test_what_takes_too_long_is_named() -> None:
    async def wait() -> None:
        async with within(0.01, "an answer"):
            await asyncio.Event().wait()

    with pytest.raises(Problem, match=r"an answer: not within 0\.01 s"):
        asyncio.run(wait())


def test_everybody_who_waits_for_a_change_sees_it_and_nobody_before_it_is_so() -> None:
    async def wait() -> None:
        state, count = Changing(), 0
        first, second, later = (
            asyncio.create_task(state.until(lambda least=least: count >= least))  # type: ignore[misc]
            for least in (1, 1, 2)
        )
        for count in (0, 1):  # noqa: B007  the tasks read it
            await asyncio.sleep(0)
            state.changed()
        await asyncio.gather(first, second)
        assert not later.done()
        count = 2
        state.changed()
        async with within(1.0, "the later one"):
            await later

    asyncio.run(wait())


def test_a_follower_ends_with_the_body() -> None:
    async def follow() -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        async with within(1.0, "the end of the follower"), meanwhile(follow()):
            pass

    asyncio.run(run())


def test_a_follower_that_fails_ends_the_body() -> None:
    async def refused() -> None:
        raise Problem("refused")

    async def run() -> None:
        async with within(1.0, "the follower's failure"), meanwhile(refused()):
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(run())
    assert [str(each) for each in failure.value.exceptions] == ["refused"]


def test_a_step_that_does_not_end_keeps_nobody_who_was_interrupted() -> None:
    broken_off: list[bool] = []

    async def step() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            broken_off.append(True)
            raise

    async def run() -> None:
        taking = asyncio.create_task(to_its_end(step(), 0.01))
        await asyncio.sleep(0)
        taking.cancel()
        async with within(5.0, "the end of who was interrupted"):
            with suppress(asyncio.CancelledError):
                await taking
        assert taking.cancelled()

    asyncio.run(run())
    assert broken_off == [True]


def test_what_is_wrong_with_a_step_is_what_its_caller_hears() -> None:
    async def refused() -> None:
        raise Problem("refused")

    with pytest.raises(Problem, match="refused"):
        asyncio.run(to_its_end(refused(), 1.0))
