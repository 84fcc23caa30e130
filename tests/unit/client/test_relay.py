"""TURN URIs, and which of them is used."""

import pytest

from webrtc_lite_client.credentials import Issued
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.relay import Address, Relay, chosen

TCP, UDP, TLS = "turn:t:3478?transport=tcp", "turn:t:3478?transport=udp", "turns:t:443?transport=tcp"


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        (UDP, Address("t", 3478, "udp")),
        (TCP, Address("t", 3478, "tcp")),
        (TLS, Address("t", 443, "tls")),
        ("turn:t", Address("t", 3478, "udp")),
        ("turns:t", Address("t", 5349, "tls")),
        ("turn:[2001:db8::1]:9", Address("2001:db8::1", 9, "udp")),
    ],
)
def test_a_uri_says_where_and_over_what_with_the_defaults_of_its_rfc(uri: str, address: Address) -> None:
    assert Address.parse(uri) == address


@pytest.mark.parametrize("uri", ["", "t:3478", "stun:t", "turn:", "turn:t:x", "turn:t?transport=sctp"])
def test_what_is_no_turn_uri_is_a_wrong_option(uri: str) -> None:
    with pytest.raises(Problem, match="is no TURN URI") as problem:
        Address.parse(uri)
    assert problem.value.ends is Exit.USAGE


def issued(*uris: str) -> Issued:
    return Issued("1:alice", "p", uris, 3600, expires_at=4600, refresh_at=4300, server_time=1000)


def test_the_way_over_udp_is_used_or_the_first_or_the_one_that_is_given() -> None:
    assert chosen(issued(TCP, TLS, UDP)) == Relay(UDP, "1:alice", "p")
    assert chosen(issued(TCP, TLS)).uri == TCP
    assert chosen(issued(TCP, UDP), "turn:other").uri == "turn:other"
