"""How often one user may ask within a window, kept by whoever asks here and nowhere else."""

from dataclasses import dataclass, field

USERS_MAX = 10_000  # of whom one instance keeps count: a megabyte or two


@dataclass
class Budget:
    """`most` requests of a user in a window of so many seconds, which begins with its first. 0 is no bound at all."""

    most: int
    window: int
    _spent: dict[str, tuple[int, int]] = field(default_factory=dict)  # by user: when its window began, how much

    def spend(self, uid: str, now: int) -> int:
        """Takes one from a user's budget. How many seconds to wait where there is none left, else 0."""
        if not self.most:
            return 0
        began, spent = self._spent.get(uid, (now, 0))
        if now >= began + self.window:
            began, spent = now, 0
        if spent >= self.most:
            return began + self.window - now
        self._spent.pop(uid, None)  # and to the end: what stands first was used longest ago
        self._spent[uid] = (began, spent + 1)
        if len(self._spent) > USERS_MAX:
            del self._spent[next(iter(self._spent))]
        return 0
