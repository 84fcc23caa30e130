"""Every story of a few people with a few devices, to its end (SPEC section 2)."""

import pytest

from tests.model import lost
from tests.model.explore import explored
from tests.model.scenes import FAST
from tests.model.world import Scene


@pytest.mark.parametrize(
    ("scene", "floor"), FAST.items(), ids=lambda each: each.name if isinstance(each, Scene) else ""
)
def test_every_story_of_a_scene_keeps_every_promise(
    scene: Scene, floor: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fewer states than the floor: it no longer goes where it went."""
    found = explored(scene)
    with capsys.disabled():
        print(f"\n{found}")  # noqa: T201 (how much was looked at is the point)

    assert found.states >= floor


def test_a_lost_event_changes_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    found = lost.explored(next(iter(FAST)))
    with capsys.disabled():
        print(f"\n{found}")  # noqa: T201 (as above)

    assert found.states > 5_000
