"""core/budget.py."""

import pytest

from webrtc_lite.core import budget
from webrtc_lite.core.budget import Budget


def test_a_user_gets_as_many_as_there_are_and_then_hears_how_long_to_wait() -> None:
    kept = Budget(most=3, window=60)
    assert [kept.spend("alice", 100 + nth) for nth in range(3)] == [0, 0, 0]
    assert kept.spend("alice", 103) == 57
    assert kept.spend("alice", 159) == 1


def test_a_window_begins_with_the_first_request_and_the_next_with_the_first_after_it() -> None:
    kept = Budget(most=1, window=60)
    assert kept.spend("alice", 100) == 0
    assert kept.spend("alice", 160) == 0
    assert kept.spend("alice", 161) == 59


def test_a_refusal_costs_nothing() -> None:
    kept = Budget(most=1, window=60)
    kept.spend("alice", 100)
    for now in range(101, 160):
        assert kept.spend("alice", now) == 160 - now
    assert kept.spend("alice", 160) == 0


def test_one_user_leaves_others_theirs() -> None:
    kept = Budget(most=1, window=60)
    assert [kept.spend(uid, 100) for uid in ("alice", "bob", "alice", "bob")] == [0, 0, 60, 60]


def test_a_budget_of_none_bounds_nobody_and_keeps_nothing() -> None:
    free = Budget(most=0, window=60)
    assert {free.spend("alice", 100) for _ in range(1_000)} == {0}
    assert free == Budget(0, 60)


def test_so_many_are_counted_and_who_asked_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "USERS_MAX", 2)
    kept = Budget(most=2, window=60)
    for uid in ("alice", "bob", "alice", "carol"):  # bob is the one who asked longest ago
        assert kept.spend(uid, 100) == 0
    assert kept.spend("alice", 100) == 60
    assert [kept.spend("bob", 100), kept.spend("bob", 100), kept.spend("bob", 100)] == [0, 0, 60]


def test_an_instance_counts_ten_thousand_users() -> None:
    assert budget.USERS_MAX == 10_000
