"""Credentials that are kept for as long as they are good, by the server's clock."""

import asyncio
from dataclasses import replace

import pytest

from webrtc_lite_client.credentials import Held, Issued, RelayCredentials
from webrtc_lite_client.problem import Exit, Problem

HOUR = Issued("4600:alice", "p", ("turn:t",), 3600, expires_at=4600, refresh_at=4300, server_time=1000)
DAY_S = 86_400


@pytest.mark.parametrize("wrong_by", [0, DAY_S, -DAY_S])
@pytest.mark.parametrize(("later", "good"), [(0, True), (3299, True), (3300, False), (9999, False)])
def test_a_reply_is_good_until_refresh_at_whatever_this_machines_clock_says(
    wrong_by: int, later: int, *, good: bool
) -> None:
    held = Held.at(HOUR, wall=1000 + wrong_by)

    assert held.is_good(1000 + wrong_by + later) is good


class Desk:
    """Who issues, and a clock to be turned."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.wall = 50.0
        self.credentials = RelayCredentials(self.issue, lambda: self.wall)

    async def issue(self, session_id: str | None) -> Issued:
        self.asked.append(session_id)
        await asyncio.sleep(0)
        return replace(HOUR, username=f"4600:{len(self.asked)}")


def test_who_asks_at_the_same_time_shares_one_request_and_later_calls_use_its_reply() -> None:
    desk = Desk()

    async def ask() -> list[Issued]:
        return [
            *await asyncio.gather(*(desk.credentials.fresh(f"call {n}") for n in range(3))),
            await desk.credentials.fresh(),
        ]

    assert len({each.username for each in asyncio.run(ask())}) == 1
    assert desk.asked == ["call 0"]


def test_what_is_due_or_was_refused_by_the_relay_is_asked_for_anew() -> None:
    desk = Desk()

    async def ask() -> None:
        first = await desk.credentials.fresh()
        desk.wall += 3300
        second = await desk.credentials.fresh()
        desk.credentials.discard(first)  # long replaced: nothing to be discarded
        assert await desk.credentials.fresh() == second
        desk.credentials.discard(second)
        assert await desk.credentials.fresh() != second

    asyncio.run(ask())
    assert len(desk.asked) == 3


def test_the_servers_clock_is_this_machines_until_it_has_answered() -> None:
    desk = Desk()
    assert desk.credentials.server_now() == 50.0

    asyncio.run(desk.credentials.fresh())

    assert desk.credentials.server_now() == 1000.0


@pytest.mark.parametrize("reply", [{}, {"username": "x"}, {**vars(HOUR), "ttl": "soon"}, {**vars(HOUR), "uris": None}])
def test_a_reply_of_another_form_is_reported_and_not_believed(reply: dict[str, object]) -> None:
    with pytest.raises(Problem, match=r"not that of SPEC 3\.5") as problem:
        Issued.parse(reply)
    assert problem.value.ends is Exit.FUNCTIONS
