"""STUN and TURN messages as bytes (RFC 8489, RFC 8656): as much of them as asking a relay takes.

Decoding is total: whatever came over the network is a message or nothing.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, replace
from enum import IntEnum

MAGIC = 0x2112A442
COOKIE = MAGIC.to_bytes(4, "big")
HEADER = 20  # bytes before the attributes
TRANSACTION = 12  # bytes of a transaction's id
INTEGRITY = 24  # bytes of MESSAGE-INTEGRITY with its own header
IPV4, IPV6 = 0x01, 0x02
UDP, TCP = 17, 6  # REQUESTED-TRANSPORT, by IANA's protocol numbers


class Method(IntEnum):
    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009
    CONNECT = 0x00A  # RFC 6062


class Kind(IntEnum):
    """The class of a message, as its two bits say it."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


class Attribute(IntEnum):
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    OTHER_ADDRESS = 0x802C


@dataclass(frozen=True)
class Message:
    method: int
    kind: Kind
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    def get(self, name: Attribute) -> bytes | None:
        """The first attribute of that name: later ones do not count (RFC 8489 section 14)."""
        return next((value for found, value in self.attributes if found == name), None)

    def text(self, name: Attribute) -> str:
        return (self.get(name) or b"").decode(errors="replace")

    def number(self, name: Attribute) -> int | None:
        value = self.get(name)
        return None if value is None else int.from_bytes(value, "big")

    @property
    def error(self) -> int | None:
        """The number of a refusal (RFC 8489 section 14.8); 0 where it names none."""
        if self.kind is not Kind.ERROR:
            return None
        value = self.get(Attribute.ERROR_CODE) or b""
        return (value[2] & 0x07) * 100 + value[3] if len(value) >= 4 else 0  # noqa: PLR2004 (class and number)

    def address(self, name: Attribute) -> tuple[str, int] | None:
        """An XOR-...-ADDRESS (RFC 8489 section 14.2)."""
        value = self.get(name) or b""
        length = {IPV4: 4, IPV6: 16}.get(value[1] if len(value) > 1 else 0)
        if length is None or len(value) != 4 + length:
            return None
        port = int.from_bytes(value[2:4], "big") ^ (MAGIC >> 16)
        host = bytes(a ^ b for a, b in zip(value[4:], COOKIE + self.transaction, strict=False))
        return str(ipaddress.ip_address(host)), port


def xor_address(host: str, port: int, transaction: bytes) -> bytes:
    packed = ipaddress.ip_address(host).packed
    family = IPV4 if len(packed) == 4 else IPV6  # noqa: PLR2004 (bytes of an address)
    xored = bytes(a ^ b for a, b in zip(packed, COOKIE + transaction, strict=False))
    return bytes((0, family)) + (port ^ (MAGIC >> 16)).to_bytes(2, "big") + xored


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """RFC 8489 section 9.2.2."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def encode(message: Message, key: bytes | None = None) -> bytes:
    """The bytes of a message, signed where there is a key."""
    body = b"".join(_attribute(name, value) for name, value in message.attributes)
    if key is None:
        return _header(message, len(body)) + body
    signed = _header(message, len(body) + INTEGRITY) + body  # the length as it is with the signature
    return signed + _attribute(Attribute.MESSAGE_INTEGRITY, hmac.digest(key, signed, hashlib.sha1))


def decode(data: bytes) -> Message | None:
    """One message and nothing behind it, else nothing."""
    if len(data) < HEADER or data[0] & 0xC0 or data[4:8] != COOKIE or length(data) != len(data):
        return None
    word = int.from_bytes(data[:2], "big")
    kind = Kind(word & 0x0110)
    method = (word & 0x000F) | (word & 0x00E0) >> 1 | (word & 0x3E00) >> 2
    message = Message(method, kind, data[8:HEADER])
    at = HEADER
    while at < len(data):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        value = data[at + 4 : at + 4 + size]
        if len(value) < size:
            return None
        name = int.from_bytes(data[at : at + 2], "big")
        message = replace(message, attributes=(*message.attributes, (name, value)))
        at += 4 + size + -size % 4
    return message


def length(data: bytes) -> int:
    """How long the message is that begins so, its header included: what a stream is cut by."""
    return HEADER + int.from_bytes(data[2:4], "big")


def _header(message: Message, size: int) -> bytes:
    method = message.method
    word = (method & 0x000F) | (method & 0x0070) << 1 | (method & 0x0F80) << 2 | message.kind
    return word.to_bytes(2, "big") + size.to_bytes(2, "big") + COOKIE + message.transaction


def _attribute(name: int, value: bytes) -> bytes:
    return name.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
