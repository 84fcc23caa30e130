"""core/stun.py, held against RFC 5769's test vectors and a codec that is not ours. With a real relay: tests/relay."""

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from webrtc_lite.core import stun
from webrtc_lite.core.stun import Attribute, Kind, Message, Method

ID = bytes(range(12))

# RFC 5769 section 2.4: a request with long-term authentication, and what it was made of.
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382af"
    "e382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b"
    "6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
USER, REALM, PASSWORD = "マトリックス", "example.org", "TheMatrIX"

# RFC 5769 section 2.2 and 2.3: responses with an IPv4 and an IPv6 address.
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def request(*attributes: tuple[int, bytes]) -> Message:
    return Message(Method.ALLOCATE, Kind.REQUEST, ID, attributes)


def error(value: bytes) -> Message:
    return Message(Method.ALLOCATE, Kind.ERROR, ID, ((Attribute.ERROR_CODE, value),))


# --- as bytes


def test_a_signed_request_is_the_one_of_the_rfc() -> None:
    read = stun.decode(LONG_TERM)
    assert read is not None
    assert (read.text(Attribute.USERNAME), read.text(Attribute.REALM)) == (USER, REALM)
    unsigned = Message(Method.BINDING, Kind.REQUEST, read.transaction, read.attributes[:3])
    assert stun.encode(unsigned, stun.long_term_key(USER, REALM, PASSWORD)) == LONG_TERM


@pytest.mark.parametrize(
    ("data", "address"),
    [(IPV4_RESPONSE, ("192.0.2.1", 32853)), (IPV6_RESPONSE, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
)
def test_an_address_is_the_one_of_the_rfc(data: bytes, address: tuple[str, int]) -> None:
    read = stun.decode(data)
    assert read is not None
    assert (read.method, read.kind) == (Method.BINDING, Kind.SUCCESS)
    assert read.address(Attribute.XOR_MAPPED_ADDRESS) == address
    assert read.get(Attribute.XOR_MAPPED_ADDRESS) == stun.xor_address(*address, read.transaction)


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("kind", Kind)
def test_every_method_and_kind_is_what_another_codec_reads(method: Method, kind: Kind) -> None:
    data = stun.encode(Message(method, kind, ID))
    assert int.from_bytes(data[:2], "big") == ((method & 0xF) | (method & 0x70) << 1 | (method & 0xF80) << 2 | kind)
    if method in {Method.BINDING, Method.ALLOCATE, Method.REFRESH, Method.CHANNEL_BIND}:
        theirs = aioice_stun.parse_message(data)
        assert (int(theirs.message_method), int(theirs.message_class)) == (int(method), int(kind))


@given(
    st.sampled_from(Kind),
    st.integers(0, 0xFFF),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5),
)
def test_what_was_written_is_read_again(kind: Kind, method: int, attributes: list[tuple[int, bytes]]) -> None:
    message = Message(method, kind, ID, tuple(attributes))
    assert stun.decode(stun.encode(message)) == message


def test_a_long_attribute_is_read_whole() -> None:
    message = request((Attribute.DATA, bytes(700)), (Attribute.NONCE, b"after it"))
    assert stun.decode(stun.encode(message)) == message
    assert stun.length(stun.encode(message)) == 20 + 4 + 700 + 4 + 8


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_message_or_nothing(data: bytes) -> None:
    assert stun.decode(data) is None or data[4:8] == stun.COOKIE


WHOLE = stun.encode(request((Attribute.NONCE, b"abcde")))


@pytest.mark.parametrize(
    "data",
    [
        b"", WHOLE[:19], WHOLE[:-1], WHOLE + b"\0", b"\x80" + WHOLE[1:], b"\x40" + WHOLE[1:],
        WHOLE[:4] + b"\0\0\0\0" + WHOLE[8:], WHOLE[:22] + b"\xff\xff" + WHOLE[24:],
    ],
    ids=["empty", "short", "cut", "more", "channel data", "rtp", "no cookie", "attribute beyond the end"],
)  # fmt: skip
def test_what_is_no_message_is_nothing(data: bytes) -> None:
    assert stun.decode(data) is None


def test_a_stream_is_cut_by_the_length_that_a_message_begins_with() -> None:
    assert stun.length(WHOLE) == len(WHOLE)


# --- what stands in it


def test_an_attribute_that_stands_there_twice_counts_once() -> None:
    assert request((Attribute.NONCE, b"a"), (Attribute.NONCE, b"b")).get(Attribute.NONCE) == b"a"


def test_an_attribute_that_is_missing_is_nothing() -> None:
    assert request().get(Attribute.NONCE) is None
    assert request().text(Attribute.REALM) == ""
    assert request().number(Attribute.LIFETIME) is None
    assert request().address(Attribute.XOR_MAPPED_ADDRESS) is None


def test_a_number_is_read_in_network_order() -> None:
    assert request((Attribute.LIFETIME, b"\0\0\x02\x58")).number(Attribute.LIFETIME) == 600


def test_a_text_that_is_none_does_no_harm() -> None:
    assert request((Attribute.REALM, b"a\xff")).text(Attribute.REALM) == "a\ufffd"


@pytest.mark.parametrize(
    ("value", "number"), [(b"\0\0\x04\x01", 401), (b"\0\0\x04\x56reason", 486), (b"\0\0\xfc\x01", 401), (b"\0\0\4", 0)]
)
def test_a_refusal_has_its_number_and_one_without_is_refused_all_the_same(value: bytes, number: int) -> None:
    assert error(value).error == number


def test_what_is_no_refusal_has_no_number() -> None:
    assert request((Attribute.ERROR_CODE, b"\0\0\x04\x01")).error is None
    assert Message(Method.ALLOCATE, Kind.ERROR, ID).error == 0


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\1\0\0abc", b"\0\1\0\0abcde", b"\0\2\0\0abcd", b"\0\3\0\0abcd"])
def test_an_address_of_a_wrong_form_is_nothing(value: bytes) -> None:
    assert request((Attribute.XOR_PEER_ADDRESS, value)).address(Attribute.XOR_PEER_ADDRESS) is None
