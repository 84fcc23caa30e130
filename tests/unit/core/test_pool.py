"""core/pool.py. The same over Firestore, with relays that die: tests/relay."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webrtc_lite.core.errors import CutOffError, NoHealthyRelayError
from webrtc_lite.core.pool import Member, Pool, State, Terms, addressed, every_way, in_order
from webrtc_lite.core.turn import Grant, Relay, grant, ways

SECRET = "north-star-of-the-relay"
NOW = 1_893_452_400


def relay(name: str, *tls_ports: int) -> Relay:
    return Relay(f"{name}.example.com", 3478, tls_ports, SECRET)


EU_1, EU_2 = Member(relay("eu-1", 443), "eu"), Member(relay("eu-2"), "eu")
US, ASIA = Member(relay("us"), "us"), Member(relay("asia"), "asia")
WORLD = Pool((EU_1, EU_2, US, ASIA))
ALONE = Pool((EU_1,))


def issued(pool: Pool, state: State = State(), uid: str = "alice", region: str | None = None) -> Grant:  # noqa: B008 (frozen)
    return addressed(grant(EU_1.relay, uid, 3600, NOW), pool, state, uid, region)


def hosts(granted: Grant) -> list[str]:
    """The relays of a grant in their order, each once."""
    return list(dict.fromkeys(uri.split(":")[1].partition(".")[0] for uri in granted.uris))


def dead(*members: Member, probed_at: int = NOW) -> State:
    return State(frozenset(way.uri for member in members for way in ways(member.relay)), probed_at)


# --- which


def test_one_relay_is_issued_as_it_always_was() -> None:
    assert issued(ALONE) == grant(EU_1.relay, "alice", 3600, NOW)


def test_several_are_issued_together_under_one_credential() -> None:
    granted = issued(WORLD)
    assert set(granted.uris) == {way.uri for way in every_way(WORLD)}
    assert len(granted.uris) == len(every_way(WORLD)) == 9
    assert len(granted.stun_uris) == 4
    assert (granted.username, granted.password) == (issued(ALONE).username, issued(ALONE).password)


def test_a_dead_relay_leaves_the_list_with_its_stun() -> None:
    granted = issued(WORLD, dead(EU_1, US))
    assert set(hosts(granted)) == {"eu-2", "asia"}
    assert set(granted.stun_uris) == {"stun:eu-2.example.com:3478", "stun:asia.example.com:3478"}


def test_a_dead_way_leaves_the_list_and_the_others_of_its_relay_stay() -> None:
    over_udp = "turn:eu-1.example.com:3478?transport=udp"
    granted = issued(ALONE, State(frozenset({over_udp}), NOW))
    assert granted.uris == ("turn:eu-1.example.com:3478?transport=tcp", "turns:eu-1.example.com:443?transport=tcp")
    assert granted.stun_uris == ()


def test_stun_stays_while_udp_answers() -> None:
    over_tls = "turns:eu-1.example.com:443?transport=tcp"
    assert issued(ALONE, State(frozenset({over_tls}), NOW)).stun_uris == ("stun:eu-1.example.com:3478",)


def test_where_none_is_alive_nobody_gets_a_list_of_dead_ones() -> None:
    with pytest.raises(NoHealthyRelayError) as raised:
        issued(WORLD, dead(EU_1, EU_2, US, ASIA))
    assert raised.value.message == "No relay answers at the moment."
    assert raised.value.hint == "Try again in a minute: relays are probed that often."


@pytest.mark.parametrize(("age", "relays"), [(0, 3), (299, 3), (300, 4), (10_000, 4)])
def test_a_verdict_that_nobody_has_renewed_for_five_minutes_counts_for_nothing(age: int, relays: int) -> None:
    assert len(hosts(issued(WORLD, dead(US, probed_at=NOW - age)))) == relays


def test_what_is_dead_and_not_of_this_pool_is_nothing_to_it() -> None:
    assert issued(ALONE, State(frozenset({"turn:old.example.com:3478?transport=udp"}), NOW)) == issued(ALONE)


def test_without_a_state_every_relay_is_tried() -> None:
    assert len(hosts(issued(WORLD, State()))) == 4


# --- in which order


def test_the_region_that_was_asked_for_comes_first_then_the_deployments_own_then_the_rest() -> None:
    at_home = replace(WORLD, region="us")
    assert hosts(issued(at_home, region="asia"))[:2] == ["asia", "us"]
    assert hosts(issued(at_home))[0] == "us"
    assert set(hosts(issued(at_home, region="eu"))[:2]) == {"eu-1", "eu-2"}
    assert hosts(issued(at_home, region="eu"))[2:] == ["us", "asia"]


@pytest.mark.parametrize("region", ["mars", None])
def test_a_region_that_is_not_there_gets_the_deployments_own(region: str | None) -> None:
    assert hosts(issued(replace(WORLD, region="us"), region=region))[0] == "us"


@pytest.mark.parametrize(("own", "asked"), [("EU", "us"), ("", "eu"), ("eU", "Eu")])
def test_how_a_region_is_spelt_does_not_matter(own: str, asked: str) -> None:
    assert hosts(issued(replace(WORLD, region=own), region=asked.upper())) == hosts(
        issued(replace(WORLD, region=own.lower()), region=asked.lower())
    )
    assert hosts(issued(replace(WORLD, region=own), region=asked.upper()))[0].startswith(asked.lower())


def test_a_user_finds_the_same_order_every_time_and_users_are_spread() -> None:
    assert hosts(issued(WORLD, uid="alice")) == hosts(issued(WORLD, uid="alice"))
    assert {hosts(issued(WORLD, uid=f"user-{number}"))[0] for number in range(50)} == {"eu-1", "eu-2", "us", "asia"}


def test_a_relay_that_leaves_moves_nobody_else() -> None:
    for number in range(50):
        before = hosts(issued(WORLD, uid=f"user-{number}"))
        assert hosts(issued(WORLD, dead(US), uid=f"user-{number}")) == [host for host in before if host != "us"]


def test_a_relay_of_three_times_the_weight_comes_first_for_three_times_the_users() -> None:
    pool = Pool((replace(EU_1, weight=3), EU_2))
    first = Counter(in_order(pool, f"user-{number}", None)[0].relay.host for number in range(4_000))
    assert 2_850 < first["eu-1.example.com"] < 3_150


def test_two_relays_on_one_host_have_draws_of_their_own() -> None:
    twins = Pool((Member(Relay("r", 1, (), SECRET)), Member(Relay("r", 2, (), SECRET))))
    assert len({in_order(twins, f"user-{number}", None)[0].relay.port for number in range(50)}) == 2


@given(st.text(st.characters(codec=None)), st.text(max_size=5))
@example("\ud800", "")
def test_any_user_and_region_give_every_relay_once(uid: str, region: str) -> None:
    assert sorted(member.relay.host for member in in_order(WORLD, uid, region)) == sorted(
        member.relay.host for member in WORLD.members
    )


# --- to whom


def test_who_is_cut_off_gets_nothing_from_any_relay() -> None:
    state = State(cut_off=frozenset({"mallory"}))
    with pytest.raises(CutOffError) as raised:
        issued(WORLD, state, uid="mallory")
    assert raised.value.message == "This user gets no relay credentials."
    assert raised.value.hint == "The operator has cut this user off."
    assert issued(WORLD, state, uid="alice").uris


def test_the_list_of_those_cut_off_does_not_show_when_printed() -> None:
    assert "mallory" not in repr(State(cut_off=frozenset({"mallory"})))


def test_a_list_of_uids_holds_whoever_has_exactly_that_uid() -> None:
    assert issued(ALONE, State(cut_off=frozenset({"Alice", "alic", ""})), uid="alice").uris


def test_relay_only_leaves_no_stun_that_would_tell_an_address() -> None:
    granted = issued(replace(WORLD, relay_only=True))
    assert granted.stun_uris == ()
    assert set(granted.uris) == set(issued(WORLD).uris)


# --- what there is to look up


@pytest.mark.parametrize(
    ("pool", "has_state"), [(ALONE, False), (replace(ALONE, cut_off_list=True), True), (Pool((EU_1, US)), True)]
)
def test_with_one_relay_and_no_list_there_is_nothing_to_look_up(pool: Pool, *, has_state: bool) -> None:
    assert pool.has_state is has_state


def test_a_deployment_that_says_nothing_has_the_terms_of_the_specification() -> None:
    assert Terms(ALONE) == Terms(Pool((EU_1,), "", cut_off_list=False, relay_only=False), False, 600, 600)  # noqa: FBT003
    assert (Member(relay("a")).region, Member(relay("a")).weight) == ("", 1)
