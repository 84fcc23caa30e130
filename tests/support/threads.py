"""Acts that begin at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def together[T](*acts: Callable[[], T]) -> list[T]:
    """Each in a thread of its own, none before all are ready; their results in the order of the acts."""
    barrier = Barrier(len(acts))

    def when_all_are_ready(act: Callable[[], T]) -> T:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(when_all_are_ready, acts))
