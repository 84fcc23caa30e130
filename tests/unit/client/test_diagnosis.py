"""What a reply or a relay's answer says about a deployment."""

from dataclasses import replace
from typing import Any

import pytest

from webrtc_lite_client.credentials import Issued
from webrtc_lite_client.diagnosis import CLOCKS_AGREE_S, compare, good_news, relay_problem
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.relay import Standing

GOOD = Issued("4660:alice", "p", ("turn:t",), 3600, expires_at=4600, refresh_at=4300, server_time=1000)
URI = "turn:t:3478?transport=udp"


def test_a_reply_of_the_contract_is_no_problem() -> None:
    compare(GOOD, 1000.0)
    compare(GOOD, 1000.0 + CLOCKS_AGREE_S)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"uris": ()}, "no uris"),
        ({"username": "alice:4660"}, "username"),
        ({"username": "4660:"}, "username"),
        ({"expires_at": 4601}, "expires_at"),
        ({"refresh_at": 4600}, "refresh_at"),
        ({"refresh_at": 1000}, "refresh_at"),
    ],
)
def test_each_thing_that_the_contract_says_of_a_reply_is_looked_at(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem, match=said):
        compare(replace(GOOD, **wrong), 1000.0)


@pytest.mark.parametrize(("by", "which"), [(CLOCKS_AGREE_S + 1, "behind"), (-CLOCKS_AGREE_S - 1, "ahead of")])
def test_a_function_whose_clock_is_not_auths_is_named(by: float, which: str) -> None:
    with pytest.raises(Problem, match=f"31 s {which} that of Auth") as problem:
        compare(GOOD, 1000.0 + by)
    assert problem.value.ends is Exit.FUNCTIONS


@pytest.mark.parametrize(
    ("standing", "longer", "said", "hint"),
    [
        (Standing(URI, "it refuses an allocation, 401", 401), Standing(URI, "so", 401), "401", "secret"),
        (Standing(URI, "it refuses an allocation, 401", 401), Standing(URI), "none for an hour", "clock"),
        (Standing(URI, "it refuses an allocation, 486", 486), None, "486", "quota"),
        (Standing(URI, "it refuses an allocation, 508", 508), None, "508", "quota"),
        (Standing(URI, "its certificate is refused: it has expired"), None, "expired", "Renew it"),
        (Standing(URI, "it relays without a credential: an open relay"), None, "open relay", "Stop it now"),
        (Standing(URI, "no answer within 3 s"), None, "no answer", "Is Coturn running"),
    ],
)
def test_each_way_in_which_a_relay_fails_comes_with_what_to_do(
    standing: Standing, longer: Standing | None, said: str, hint: str
) -> None:
    problem = relay_problem(standing, longer, 1, 1)

    assert said in str(problem)
    assert str(problem).startswith(URI)
    assert hint in problem.hint
    assert problem.ends is Exit.RELAY


def test_of_several_ways_it_is_said_how_many_fail() -> None:
    assert "2 of 3 URIs fail" in str(relay_problem(Standing(URI, "no answer"), None, 2, 3))


def test_good_news_has_the_days_that_a_certificate_has_left() -> None:
    assert good_news(Standing(URI, took_ms=3.2)) == f"{URI}: allocation in 3 ms"
    assert good_news(Standing(URI, certificate_days=9)).endswith("certificate good for 9 days")
