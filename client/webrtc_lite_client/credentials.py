"""Relay credentials: asked for once, used by every call until `refresh_at` (SPEC 3.5).

That is five minutes before they expire, by the server's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from webrtc_lite_client.problem import Exit, Problem

ISSUE = "issue_turn_credentials"


@dataclass(frozen=True)
class Issued:
    """A reply of `issue_turn_credentials`. Whoever sees it printed sees no credential."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    uris: tuple[str, ...]
    ttl: int
    expires_at: int
    refresh_at: int
    server_time: int

    @classmethod
    def parse(cls, reply: Mapping[str, Any]) -> Self:
        try:
            return cls(
                username=str(reply["username"]),
                password=str(reply["password"]),
                uris=tuple(map(str, reply["uris"])),
                ttl=int(reply["ttl"]),
                expires_at=int(reply["expires_at"]),
                refresh_at=int(reply["refresh_at"]),
                server_time=int(reply["server_time"]),
            )
        except (KeyError, TypeError, ValueError) as wrong:
            raise Problem(
                f"The reply of issue_turn_credentials is not that of SPEC 3.5: {type(wrong).__name__}.",
                "Is it of another version than this client? Deploy the functions again.",
                Exit.FUNCTIONS,
            ) from None


@dataclass(frozen=True)
class Held:
    """A reply, and by how much the server's clock was ahead of this machine's when it came."""

    issued: Issued
    ahead_s: float

    @classmethod
    def at(cls, issued: Issued, wall: float) -> Self:
        return cls(issued, issued.server_time - wall)

    def is_good(self, wall: float) -> bool:
        """By the server's clock: a machine whose own is a day wrong works like any other."""
        return wall + self.ahead_s < self.issued.refresh_at


type Ask = Callable[[str | None], Awaitable[Issued]]


class RelayCredentials:
    """The credentials of one user, for all calls. `ask` asks for new ones; `wall` is this machine's clock."""

    def __init__(self, ask: Ask, wall: Callable[[], float]) -> None:
        self._ask = ask
        self._wall = wall
        self._held: Held | None = None
        self._asking = asyncio.Lock()  # who asks at the same time shares one request

    async def fresh(self, session_id: str | None = None) -> Issued:
        """For an allocation that starts now. A deployment may give them for a live call only: it is named."""
        async with self._asking:
            if self._held is None or not self._held.is_good(self._wall()):
                self._held = Held.at(await self._ask(session_id), self._wall())
            return self._held.issued

    def discard(self, refused: Issued) -> None:
        """The relay has refused these (401): whoever asks next gets others."""
        if self._held is not None and self._held.issued == refused:
            self._held = None

    def server_now(self) -> float:
        """Unix seconds by the server's clock, as well as it is known."""
        return self._wall() + (self._held.ahead_s if self._held else 0.0)
