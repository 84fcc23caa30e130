"""The order of a rotation, over stores in memory. With the real stack and a call that stays up: tests/e2e."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tools.rotate import Rotation, Steps
from tools.rotation import NotDone, OutOfOrder, free_at
from webrtc_lite.core.turn import TTL_MAX

NOW = 1_893_452_400
FREE_S = TTL_MAX + 60


@dataclass
class Memory:
    """A relay and functions, and everything that was done to them, in order."""

    relay: set[str] = field(default_factory=lambda: {"first"})
    functions: str = "first"
    record: Rotation | None = None
    clock: int = NOW
    deaf: bool = False  # the relay takes no more secrets
    stuck: bool = False  # the functions go on signing with what they have
    done: list[str] = field(default_factory=list)
    _signing: str = "first"

    def load(self) -> Rotation | None:
        return self.record

    def save(self, rotation: Rotation) -> None:
        self.record = rotation
        self.done.append("save")

    def accept(self, secret: str) -> None:
        self.done.append("accept")
        if not self.deaf:
            self.relay.add(secret)

    def forget(self, secret: str) -> None:
        self.done.append("forget")
        if not self.deaf:
            self.relay.discard(secret)

    def accepts(self, secret: str) -> bool:
        return secret in self.relay

    def configured(self) -> str:
        return self.functions

    def configure(self, secret: str) -> None:
        self.done.append("configure")
        self.functions = secret
        if not self.stuck:
            self._signing = secret

    def signs_with(self, secret: str) -> bool:
        return self._signing == secret

    def now(self) -> int:
        return self.clock


@dataclass
class Operator:
    stores: Memory = field(default_factory=Memory)
    heard: list[str] = field(default_factory=list)

    def steps(self, *, dry: bool = False) -> Steps:
        return Steps(self.stores, self.heard.append, dry)

    @property
    def refused_user(self) -> bool:
        """Whether a credential that is issued now would be refused by the relay."""
        return not self.stores.accepts(self.stores._signing)


@pytest.fixture
def operator() -> Operator:
    return Operator()


def test_three_steps_change_the_secret_and_at_no_moment_is_a_user_refused(operator: Operator) -> None:
    steps, stores = operator.steps(), operator.stores
    for step in (steps.accept, steps.sign):
        step()
        assert not operator.refused_user
        assert "first" in stores.relay
    stores.clock += FREE_S
    steps.retire(TTL_MAX)
    assert not operator.refused_user
    assert stores.relay == {stores.functions} != {"first"}
    assert len(stores.functions) == 64


def test_every_step_may_be_repeated_and_changes_nothing_then(operator: Operator) -> None:
    steps, stores = operator.steps(), operator.stores
    for step in (steps.accept, steps.sign):
        step()
        before = (set(stores.relay), stores.functions, stores.record)
        stores.clock += 60
        step()
        assert (set(stores.relay), stores.functions, stores.record) == before
    stores.clock += FREE_S
    steps.retire(TTL_MAX)
    before = (set(stores.relay), stores.functions, stores.record)
    steps.retire(TTL_MAX)
    steps.sign()
    assert (set(stores.relay), stores.functions, stores.record) == before
    assert operator.heard[-1].endswith("Nothing is left to do.")


@pytest.mark.parametrize(
    ("before", "step", "reason"),
    [
        ([], "sign", "the first step is accept"),
        ([], "retire", "the first step is accept"),
        (["accept"], "retire", "the next step is sign"),
        (["accept", "sign"], "accept", "retire it"),
        (["accept", "sign"], "retire", "Until 2030-01-01 23:01:00 UTC somebody may hold a credential"),
    ],
)
def test_a_step_out_of_order_is_refused_and_says_what_comes_next(
    operator: Operator, before: list[str], step: str, reason: str
) -> None:
    steps = operator.steps()
    named: dict[str, Callable[[], None]] = {
        "accept": steps.accept,
        "sign": steps.sign,
        "retire": lambda: steps.retire(TTL_MAX),
    }
    for each in before:
        named[each]()
    done = list(operator.stores.done)
    with pytest.raises(OutOfOrder, match=reason):
        named[step]()
    assert operator.stores.done == done


def test_the_old_secret_stays_until_the_last_credential_of_it_has_ended(operator: Operator) -> None:
    steps, stores = operator.steps(), operator.stores
    steps.accept()
    stores.clock += 5_000  # it does not matter how long the relay has known both
    steps.sign()
    stores.clock += 3_600 + 60 - 1
    with pytest.raises(OutOfOrder):
        steps.retire(3_600)
    stores.clock += 1
    steps.retire(3_600)
    assert "first" not in stores.relay


def test_a_secret_that_leaked_goes_at_once(operator: Operator) -> None:
    steps = operator.steps()
    steps.accept()
    with pytest.raises(OutOfOrder, match="still sign"):
        steps.retire(TTL_MAX, at_once=True)  # but never before the functions sign with another
    steps.sign()
    steps.retire(TTL_MAX, at_once=True)
    assert operator.stores.relay == {operator.stores.functions}


def test_an_old_secret_is_not_kept_when_it_is_gone(operator: Operator) -> None:
    steps = operator.steps()
    steps.accept()
    steps.sign()
    steps.retire(TTL_MAX, at_once=True)
    assert operator.stores.record is not None
    assert operator.stores.record.old == ""


def test_who_is_interrupted_goes_on_with_the_same_secret(operator: Operator) -> None:
    stores = operator.stores
    stores.deaf = True
    with pytest.raises(NotDone, match="does not accept both"):
        operator.steps().accept()
    begun = stores.record
    stores.deaf = False
    operator.steps().accept()
    assert stores.record == begun
    stores.stuck = True
    with pytest.raises(NotDone, match="do not sign with the new secret yet"):
        operator.steps().sign()
    assert stores.record == begun  # the time until the old one may go has not begun
    with pytest.raises(OutOfOrder, match="the next step is sign"):
        operator.steps().retire(TTL_MAX, at_once=True)


def test_a_relay_that_forgets_the_new_secret_stops_every_later_step(operator: Operator) -> None:
    steps, stores = operator.steps(), operator.stores
    steps.accept()
    assert stores.record is not None
    stores.relay.discard(stores.record.new)
    with pytest.raises(OutOfOrder, match="repeat accept"):
        steps.sign()
    steps.accept()
    steps.sign()
    stores.relay.discard(stores.record.new)
    with pytest.raises(OutOfOrder, match="it would accept none"):
        steps.retire(TTL_MAX, at_once=True)


def test_functions_that_were_set_back_keep_the_old_secret_alive(operator: Operator) -> None:
    steps, stores = operator.steps(), operator.stores
    steps.accept()
    steps.sign()
    stores.configure("first")
    with pytest.raises(OutOfOrder, match="repeat sign"):
        steps.retire(TTL_MAX, at_once=True)


def test_an_old_secret_that_does_not_go_is_told(operator: Operator) -> None:
    steps = operator.steps()
    steps.accept()
    steps.sign()
    operator.stores.deaf = True
    with pytest.raises(NotDone, match="the new secret alone"):
        steps.retire(TTL_MAX, at_once=True)


def test_a_relay_that_refuses_todays_credentials_is_mended_first(operator: Operator) -> None:
    operator.stores.relay.clear()
    with pytest.raises(OutOfOrder, match="mend that first"):
        operator.steps().accept()


def test_the_next_rotation_begins_where_the_last_one_ended(operator: Operator) -> None:
    steps = operator.steps()
    seen = set()
    for _ in range(3):
        steps.accept()
        steps.sign()
        steps.retire(TTL_MAX, at_once=True)
        seen |= operator.stores.relay
    assert len(seen) == 3


def test_a_dry_run_says_what_would_be_done_checks_the_order_and_does_nothing(operator: Operator) -> None:
    dry, wet, stores = operator.steps(dry=True), operator.steps(), operator.stores
    dry.accept()
    assert stores.done == []
    with pytest.raises(OutOfOrder):
        dry.sign()
    wet.accept()
    done = list(stores.done)
    dry.accept()
    dry.sign()
    with pytest.raises(OutOfOrder):
        dry.retire(TTL_MAX)
    assert stores.done == done
    wet.sign()
    done = list(stores.done)
    dry.retire(TTL_MAX, at_once=True)
    assert stores.done == done
    assert [line for line in operator.heard if line.startswith("Would")] == [
        "Would have the relay accept a new secret beside the old one.",
        "Would have the relay accept a new secret beside the old one.",
        "Would have the functions sign with the new secret.",
        "Would have the relay forget the old secret.",
    ]


def test_status_says_what_comes_next(operator: Operator) -> None:
    steps = operator.steps()
    every: list[Callable[[], None]] = [steps.accept, steps.sign, lambda: steps.retire(TTL_MAX, at_once=True)]
    steps.status()
    for step in every:
        step()
        steps.status()
    told = [line for line in operator.heard if "next step" in line]
    assert [line.partition("The next step is ")[2].split()[0].strip(".,") for line in told] == [
        "accept", "sign", "sign", "retire", "retire", "accept",
    ]  # fmt: skip
    assert free_at(NOW) == NOW + 86_460


def test_nothing_that_is_said_holds_a_secret(operator: Operator) -> None:
    steps = operator.steps()
    retire: Callable[[], None] = lambda: steps.retire(TTL_MAX, at_once=True)  # noqa: E731 (one step of several)
    for step in (steps.accept, steps.sign, steps.status, retire):
        step()
        said = " ".join(operator.heard)
        assert operator.stores.functions not in said
        assert "first" not in said.replace("the first step", "")
