"""A STUN and TURN client on one socket, over UDP, TCP or TLS: asks and waits, nothing more."""

import secrets
import socket
import ssl
import time
from types import TracebackType
from typing import Self

from webrtc_lite.core import stun
from webrtc_lite.core.stun import Attribute, Kind, Message, Method
from webrtc_lite.core.turn import Way

FIRST_WAIT_S = 0.5  # RFC 8489 section 6.2.1: a request over UDP is repeated after this, then after twice as long
DATAGRAM_MAX = 65_535


class Client:
    """The long-term credential (RFC 8489 section 9.2) comes with `sign_in`, the realm and nonce from the server."""

    def __init__(self, connection: socket.socket, stream: bool, within_s: float) -> None:  # noqa: FBT001 (as connect gives it)
        self.connection = connection
        self.within_s = within_s
        self.nonce = b""
        self.realm = ""
        self._stream = stream
        self._username = ""
        self._password = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def sign_in(self, username: str, password: str, realm: str, nonce: bytes) -> None:
        self._username, self._password, self.realm, self.nonce = username, password, realm, nonce

    def request(self, method: Method, *attributes: tuple[Attribute, bytes]) -> Message:
        """The answer to one request; TimeoutError where none comes."""
        return self.ask(method, secrets.token_bytes(stun.TRANSACTION), attributes)

    def ask(self, method: Method, transaction: bytes, attributes: tuple[tuple[Attribute, bytes], ...]) -> Message:
        key = None
        if self._username:
            key = stun.long_term_key(self._username, self.realm, self._password)
            attributes += (
                (Attribute.USERNAME, self._username.encode()),
                (Attribute.REALM, self.realm.encode()),
                (Attribute.NONCE, self.nonce),
            )
        sent = stun.encode(Message(method, Kind.REQUEST, transaction, attributes), key)
        until = time.monotonic() + self.within_s
        self.connection.settimeout(self.within_s)
        self.connection.sendall(sent)
        wait = FIRST_WAIT_S
        again = time.monotonic() + wait
        while True:
            try:
                answer = self.receive(until if self._stream else min(again, until))
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
                self.connection.sendall(sent)
                wait *= 2
                again = time.monotonic() + wait
                continue
            if answer is not None and answer.transaction == transaction:
                return answer

    def receive(self, until: float) -> Message | None:
        """What comes next; nothing where it is no STUN message."""
        if not self._stream:
            self._wait_at_most(until)
            return stun.decode(self.connection.recv(DATAGRAM_MAX))
        head = self._read(stun.HEADER, until)
        return stun.decode(head + self._read(stun.length(head) - stun.HEADER, until))

    def _read(self, size: int, until: float) -> bytes:
        read = bytearray()
        while len(read) < size:
            self._wait_at_most(until)
            part = self.connection.recv(size - len(read))
            if not part:
                raise ConnectionResetError("the relay closed the connection")
            read += part
        return bytes(read)

    def _wait_at_most(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)


def connect(way: Way, within_s: float, trusted: ssl.SSLContext | None = None) -> tuple[socket.socket, bool]:
    """A socket that reaches the relay, and whether it is a stream.

    Over TLS only where the relay's certificate stands up to `trusted`, else to what the system trusts.
    """
    host = way.host.strip("[]")  # in a URI an IPv6 address stands in brackets
    if way.transport == "udp":
        return _udp(host, way.port), False
    connection = socket.create_connection((host, way.port), within_s)
    if way.scheme == "turns":
        connection = (trusted or ssl.create_default_context()).wrap_socket(connection, server_hostname=host)
    return connection, True


def _udp(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    connection = socket.socket(family, kind, protocol)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


REQUESTED_UDP = (Attribute.REQUESTED_TRANSPORT, bytes((stun.UDP, 0, 0, 0)))


def lifetime(seconds: int) -> tuple[Attribute, bytes]:
    return Attribute.LIFETIME, seconds.to_bytes(4, "big")
