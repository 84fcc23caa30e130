"""Breadth first through everything that can happen in a scene, until nothing new does."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from tests.model.invariants import Invariants
from tests.model.world import Broken, Explored, Move, Play, Scene, World
from webrtc_lite.core import sdp


@contextmanager
def remembered_verdicts() -> Iterator[None]:
    """The check of a description is pure, and here are three of them: each is judged once, by the real check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdp, "offer_problems", cache(sdp.offer_problems))
        patch.setattr(sdp, "reoffer_problems", cache(sdp.reoffer_problems))
        patch.setattr(sdp, "answer_problems", cache(sdp.answer_problems))
        patch.setattr(sdp, "agree", cache(sdp.agree))
        yield


def explored(scene: Scene) -> Explored:
    return explore(Play(scene))


def explore(play: Play) -> Explored:
    """A shortest way to the first world that breaks an invariant is noted on the exception."""
    invariants = Invariants(play)
    came_from: dict[World, World | None] = {play.start: None}
    waiting = deque([play.start])
    transitions = 0
    while waiting:
        world = waiting.popleft()
        try:
            invariants.of_world(world)
            for move, after in play.moves(world):
                transitions += 1
                invariants.of_move(world, move, after)
                if after not in came_from:
                    came_from[after] = world
                    waiting.append(after)
        except Broken as broken:
            for told in way(play, came_from, world):
                broken.add_note(told)
            raise
    return Explored(play.scene.name, len(came_from), transitions)


def way(play: Play, came_from: dict[World, World | None], world: World) -> list[str]:
    """How it came to this, and how it stands."""
    moves: list[Move] = []
    last, before = world, came_from[world]
    while before is not None:
        moves.append(next(move for move, after in play.moves(before) if after == last))
        last, before = before, came_from[before]
    stands = [f"stands: {play.known[number]}" for number in world.sessions if number >= 0]
    return [*(told(play.scene, move) for move in reversed(moves)), *stands, *map(str, world.settlers)]


def told(scene: Scene, move: Move) -> str:
    slot, what = move
    return f"{scene.calls[slot].name if slot >= 0 else 'time'}: {what!r}"
