"""Attacks a relay from outside, as anybody on the internet can: `make relay-check HOST=turn.example.com`.

Coturn's configuration fails open: with a misspelt line it starts, and relays for strangers or into its own network. So
what it refuses is asked, not read. The secret is only used to make credentials here; the relay's is read from the
variable TURN_SECRET or typed in, and never stands in a command.

Nothing is sent to any peer but the relay's own address.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from webrtc_lite.core import stun
from webrtc_lite.core.stun import Attribute, Kind, Message, Method
from webrtc_lite.core.turn import Relay, Way, grant, ways
from webrtc_lite.edge.stun_client import REQUESTED_UDP, Client, connect, lifetime

WITHIN_S = 5.0
CLOSED_WITHIN_S = 1.5  # a firewall that drops never answers
TTL = 600
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, MISMATCH, STALE_NONCE = 400, 401, 403, 437, 438
FAMILY_NOT_SUPPORTED, QUOTA_REACHED = 440, 486
USER_QUOTA = 32
MAX_BPS = 375_000  # bytes a second, SPEC section 5
LIFETIME_MAX = 3_600
ASKED_BYTES = 28  # an allocation without a credential
AMPLIFIED_MAX = 4  # a nonce and a realm have to be in the answer
RELAY_PORTS = range(49_152, 65_536)

# Both ends of every special-purpose range (IANA's registry, RFC 6890), and what an attacker on a cloud asks for first.
# A second statement of the deny list, not read from it.
SPECIAL = (
    "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.0.0.2", "10.255.255.255", "100.64.0.0", "100.127.255.255",
    "127.0.0.2", "127.255.255.255", "169.254.0.0", "169.254.0.2", "169.254.169.254", "169.254.255.255", "172.16.0.0",
    "172.17.0.1", "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.0.255", "192.0.2.0", "192.0.2.255",
    "192.31.196.0", "192.31.196.255", "192.52.193.0", "192.52.193.255", "192.88.99.0", "192.88.99.255", "192.168.0.0",
    "192.168.255.255", "192.175.48.0", "192.175.48.255", "198.18.0.0", "198.19.255.255", "198.51.100.0",
    "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "224.0.0.1", "239.255.255.255", "240.0.0.0",
    "255.255.255.254", "255.255.255.255",
)  # fmt: skip
SPECIAL_IPV6 = (
    "::", "::1", "::ffff:10.0.0.2", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::10.0.0.2",
    "64:ff9b::a00:2", "64:ff9b::a9fe:a9fe", "2002:a00:2::", "fc00::1", "fe80::1", "ff02::1", "2001:db8::1",
    "2606:4700:4700::1111",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "9.255.255.255", "100.63.255.255", "172.32.0.0")  # beside the ranges: these it has to relay to
CLOSED = {5766: "Coturn's CLI", 8080: "its web admin", 9641: "its metrics", 3479: "RFC 5780", 5350: "RFC 5780"}


class Failed(Exception):  # noqa: N818  it reads as what it says
    """The relay does what it must not, or does not what it must."""


class NotAsked(Exception):  # noqa: N818  it reads as what it says
    """It cannot be asked of this relay; the message says why."""


@dataclass
class Target:
    """A relay, its secret, and what may be tried on it."""

    relay: Relay
    trusted: ssl.SSLContext
    total_quota: int = 0  # 0: not tried, because it takes the relay away from its users for a moment
    run: str = field(default_factory=lambda: secrets.token_hex(4))  # a quota of its own for every run

    def credential(self, name: str, seconds: int = TTL) -> tuple[str, str]:
        granted = grant(self.relay, f"relay-check-{name}-{self.run}", TTL, int(time.time()) + seconds - TTL)
        return granted.username, granted.password

    def password(self, username: str, secret: str | None = None) -> str:
        key = self.relay.secret if secret is None else secret
        return base64.b64encode(hmac.digest(key.encode(), username.encode(), hashlib.sha1)).decode()

    @property
    def udp(self) -> Way:
        return ways(self.relay)[0]

    @property
    def tcp(self) -> Way:
        return ways(self.relay)[1]

    def connect(self, way: Way | None = None) -> Attacker:
        return Attacker(*connect(way or self.udp, WITHIN_S, self.trusted), WITHIN_S)


class Attacker(Client):
    """Names peers, which the probe never does."""

    def request_to(
        self, method: Method, host: str, port: int, *attributes: tuple[Attribute, bytes], also: tuple[str, ...] = ()
    ) -> Message:
        transaction = secrets.token_bytes(stun.TRANSACTION)
        named = [(Attribute.XOR_PEER_ADDRESS, stun.xor_address(each, port, transaction)) for each in (host, *also)]
        return self.ask(method, transaction, (*named, *attributes))

    def send_to(self, host: str, port: int, data: bytes) -> None:
        """An indication: whatever becomes of it, nobody answers."""
        transaction = secrets.token_bytes(stun.TRANSACTION)
        peer = (Attribute.XOR_PEER_ADDRESS, stun.xor_address(host, port, transaction))
        indication = Message(Method.SEND, Kind.INDICATION, transaction, (peer, (Attribute.DATA, data)))
        self.connection.sendall(stun.encode(indication))


type Check = Callable[[Target], None]
CHECKS: dict[str, Check] = {}
PROMISES: dict[str, str] = {}


def check(promise: str) -> Callable[[Check], Check]:
    """A function's name is the attempt, the promise what has to come of it."""

    def register(function: Check) -> Check:
        CHECKS[function.__name__], PROMISES[function.__name__] = function, promise
        return function

    return register


def expect(said: str, found: object, *allowed: object) -> None:
    if found not in allowed:
        raise Failed(f"{said}: {found if found is not None else 'granted'}")


def challenge(client: Attacker) -> Message:
    return client.request(Method.ALLOCATE, REQUESTED_UDP)


def allocate(client: Attacker, username: str, password: str, *more: tuple[Attribute, bytes]) -> Message:
    """Asks for an allocation with the realm and nonce that the relay names."""
    first = challenge(client)
    if first.error != UNAUTHORIZED:
        raise Failed(f"without a credential it answers {first.error or 'with an allocation'}, not 401")
    client.sign_in(username, password, first.text(Attribute.REALM), first.get(Attribute.NONCE) or b"")
    return client.request(Method.ALLOCATE, REQUESTED_UDP, *more)


@contextmanager
def allocation(target: Target, name: str, way: Way | None = None) -> Iterator[tuple[Attacker, Message]]:
    """One allocation of a user of its own, given back at the end."""
    with target.connect(way) as client:
        granted = allocate(client, *target.credential(name))
        if granted.kind is not Kind.SUCCESS:
            raise Failed(f"a good credential is refused with {granted.error}")
        yield client, granted
        client.request(Method.REFRESH, lifetime(0))


def refusal(target: Target, username: str, password: str, way: Way | None = None) -> int | None:
    """How an allocation is refused, or nothing where it is granted."""
    with target.connect(way) as client:
        answer = allocate(client, username, password)
        if answer.kind is Kind.SUCCESS:
            client.request(Method.REFRESH, lifetime(0))
        return answer.error


def peer_refusal(client: Attacker, host: str, method: Method = Method.CREATE_PERMISSION) -> int | None:
    """How a peer is refused, or nothing where the relay would relay to it. No data is sent."""
    channel = ((Attribute.CHANNEL_NUMBER, (0x4000 + secrets.randbelow(0x0FFF)).to_bytes(2, "big") + b"\0\0"),)
    return client.request_to(method, host, 9, *(channel if method is Method.CHANNEL_BIND else ())).error


# --- who may use it


@check("is granted an allocation over UDP, TCP and TLS")
def a_good_credential_on_every_way(target: Target) -> None:
    for way in ways(target.relay):
        try:
            with allocation(target, "good", way) as (_, granted):
                relayed = granted.address(Attribute.XOR_RELAYED_ADDRESS)
                if relayed is None or relayed[1] not in RELAY_PORTS:
                    raise Failed(f"{way.uri}: the allocation is at {relayed}")
        except OSError as error:
            raise Failed(f"{way.uri}: {error.strerror or type(error).__name__}") from None


@check("is refused on every way")
def nobody_without_a_credential(target: Target) -> None:
    for way in ways(target.relay):
        with target.connect(way) as client:
            expect(way.uri, challenge(client).error, UNAUTHORIZED)


@check("is refused, the empty secret included")
def a_credential_signed_with_another_secret(target: Target) -> None:
    username, _ = target.credential("forged")
    for secret in (secrets.token_hex(32), ""):
        expect("signed with another secret", refusal(target, username, target.password(username, secret)), UNAUTHORIZED)


@check("is refused, however old")
def an_expired_credential(target: Target) -> None:
    for expiry in (int(time.time()) - 1, int(time.time()) - 86_400, 1, 0):
        username = f"{expiry}:relay-check-expired-{target.run}"
        expect(f"expired at {expiry}", refusal(target, username, target.password(username)), UNAUTHORIZED)


@check("is refused: an expiry beyond 32 bits, none, or one that is no number")
def a_credential_that_would_never_expire(target: Target) -> None:
    for expiry in ("4294967295", "9999999999", "-1", "never"):
        username = f"{expiry}:relay-check-forever-{target.run}"
        answer = refusal(target, username, target.password(username, "a guess"))
        expect(f"expiry {expiry}", answer, UNAUTHORIZED)
    beyond = f"4294967295:relay-check-forever-{target.run}"
    expect("signed, expiry beyond 32 bits", refusal(target, beyond, target.password(beyond)), UNAUTHORIZED)


@check("is refused with a later expiry than it was signed for")
def a_stolen_credential_made_to_last(target: Target) -> None:
    username, password = target.credential("stolen")
    expiry, _, name = username.partition(":")
    expect("a later expiry", refusal(target, f"{int(expiry) + 86_400}:{name}", password), UNAUTHORIZED)


@check("is refused: its quota stays the one of its user")
def a_stolen_credential_under_another_name(target: Target) -> None:
    username, password = target.credential("stolen")
    expect("another name", refusal(target, username + "x", password), UNAUTHORIZED)
    expect("no name", refusal(target, username.partition(":")[0] + ":", password), UNAUTHORIZED)


@check("is refused")
def a_credential_for_a_foreign_realm(target: Target) -> None:
    username, password = target.credential("realm")
    with target.connect(target.tcp) as client:
        nonce = challenge(client).get(Attribute.NONCE) or b""
        client.sign_in(username, password, "another.realm.example", nonce)
        expect("foreign realm", client.request(Method.ALLOCATE, REQUESTED_UDP).error, UNAUTHORIZED, MISMATCH, 441)


@check("is refused, so that a recorded request cannot be replayed")
def a_nonce_that_the_relay_did_not_give(target: Target) -> None:
    username, password = target.credential("nonce")
    with target.connect(target.tcp) as client:
        realm = challenge(client).text(Attribute.REALM)
        client.sign_in(username, password, realm, b"0123456789abcdef")
        expect("foreign nonce", client.request(Method.ALLOCATE, REQUESTED_UDP).error, STALE_NONCE, UNAUTHORIZED)


@check("cannot be refreshed, used or ended from another address, not even with the same credential")
def the_allocation_of_another(target: Target) -> None:
    username, password = target.credential("other")
    with allocation(target, "other") as (mine, _), target.connect() as thief:
        first = challenge(thief)
        thief.sign_in(username, password, first.text(Attribute.REALM), first.get(Attribute.NONCE) or b"")
        expect("refresh", thief.request(Method.REFRESH, lifetime(0)).error, MISMATCH)
        expect("permission", thief.request_to(Method.CREATE_PERMISSION, PUBLIC[0], 9).error, MISMATCH, BAD_REQUEST)
        expect("the owner's own refresh", mine.request(Method.REFRESH, lifetime(TTL)).kind, Kind.SUCCESS)


# --- whom it relays to


def special(own: str) -> Iterator[str]:
    """Without the relay's own address: two of its clients meet there."""
    yield from (host for host in SPECIAL if host != own)


def own_address(granted: Message) -> str:
    relayed = granted.address(Attribute.XOR_RELAYED_ADDRESS)
    if relayed is None:
        raise Failed("an allocation without an address")
    return relayed[0]


@check("is refused: private, loopback, link-local, metadata, CGNAT, multicast, broadcast, reserved")
def a_permission_for_a_special_address(target: Target) -> None:
    with allocation(target, "permission", target.tcp) as (client, granted):
        for host in special(own_address(granted)):
            expect(host, peer_refusal(client, host), FORBIDDEN)


@check("is refused as a permission is")
def a_channel_to_a_special_address(target: Target) -> None:
    with allocation(target, "channel", target.tcp) as (client, granted):
        for host in special(own_address(granted)):
            expect(host, peer_refusal(client, host, Method.CHANNEL_BIND), FORBIDDEN)


@check("is refused whole")
def a_permission_that_names_a_good_and_a_special_address(target: Target) -> None:
    with allocation(target, "mixed", target.tcp) as (client, _):
        answer = client.request_to(Method.CREATE_PERMISSION, PUBLIC[0], 9, also=("10.0.0.2",))
        expect("8.8.8.8 and 10.0.0.2", answer.error, FORBIDDEN)


@check("is refused: 4.6.1 lets IPv4-mapped ones past its deny list where there is an IPv6 relay")
def an_ipv6_or_mapped_peer(target: Target) -> None:
    with allocation(target, "mapped", target.tcp) as (client, _):
        for host in SPECIAL_IPV6:
            for method in (Method.CREATE_PERMISSION, Method.CHANNEL_BIND):
                if peer_refusal(client, host, method) is None:
                    raise Failed(f"{host}: granted")


@check("is refused")
def an_ipv6_allocation(target: Target) -> None:
    with target.connect(target.tcp) as client:
        family = (Attribute.REQUESTED_ADDRESS_FAMILY, bytes((stun.IPV6, 0, 0, 0)))
        answer = allocate(client, *target.credential("ipv6"), family)
        expect("an IPv6 relay", answer.error, FAMILY_NOT_SUPPORTED)


@check("is relayed to: the ranges end where they should")
def a_public_address(target: Target) -> None:
    with allocation(target, "public", target.tcp) as (client, _):
        for host in PUBLIC:
            expect(host, peer_refusal(client, host), None)


@check("does not get through to a client")
def a_peer_without_permission(target: Target) -> None:
    with allocation(target, "closed") as (client, granted), allocation(target, "stranger") as (stranger, _):
        port = (granted.address(Attribute.XOR_RELAYED_ADDRESS) or ("", 0))[1]
        stranger.request_to(Method.CREATE_PERMISSION, own_address(granted), port)
        stranger.send_to(own_address(granted), port, b"let me in")
        if received(client, 0.5):
            raise Failed("data of a stranger arrived")


@check("are out of reach through it: the firewall's work, because Coturn allows its own address as a peer")
def the_services_of_the_relays_own_machine(target: Target) -> None:
    if ipaddress.ip_address(socket.gethostbyname(target.relay.host)).is_loopback:
        raise NotAsked("this is the local relay, whose machine is this one")
    with allocation(target, "own") as (client, granted):
        own = own_address(granted)
        client.request_to(Method.CREATE_PERMISSION, own, target.relay.port)
        binding = stun.encode(Message(Method.BINDING, Kind.REQUEST, secrets.token_bytes(stun.TRANSACTION)))
        client.send_to(own, target.relay.port, binding)
        if received(client, 1.0):
            raise Failed(f"{own}:{target.relay.port} answers through the relay: its egress firewall is missing")


# --- what else it offers


@check("is refused (RFC 6062): it would reach every web server")
def a_relay_over_tcp(target: Target) -> None:
    with target.connect(target.tcp) as client:
        first = challenge(client)
        username, password = target.credential("tcp")
        client.sign_in(username, password, first.text(Attribute.REALM), first.get(Attribute.NONCE) or b"")
        transport = (Attribute.REQUESTED_TRANSPORT, bytes((stun.TCP, 0, 0, 0)))
        if client.request(Method.ALLOCATE, transport).kind is Kind.SUCCESS:
            raise Failed("a TCP allocation is granted")


@check("is no product, no other address, and little: a forged source gains nothing")
def what_answers_tell_and_weigh(target: Target) -> None:
    with target.connect() as client:
        binding, refused = client.request(Method.BINDING), challenge(client)
        expect("STUN binding", binding.kind, Kind.SUCCESS)
        for answer in (binding, refused):
            for name in (Attribute.SOFTWARE, Attribute.OTHER_ADDRESS):
                expect(name.name, answer.get(name), None)
        weight = len(stun.encode(refused)) / ASKED_BYTES
        if weight > AMPLIFIED_MAX:
            raise Failed(f"an answer weighs {weight:.1f} times what was asked")


@check("is served under a name that is verified, in version 1.2 or newer and in nothing older")
def tls(target: Target) -> None:
    host = target.relay.host.strip("[]")
    if not target.relay.tls_ports:
        raise NotAsked("it has no TLS port")
    for port in target.relay.tls_ports:
        try:
            with target.connect(Way("turns", target.relay.host, port, "tcp")) as client:
                version = client.connection.version() if isinstance(client.connection, ssl.SSLSocket) else None
                expect(f"{port}", version, "TLSv1.2", "TLSv1.3")
        except ssl.SSLCertVerificationError as error:
            raise Failed(f"{port}: {error.verify_message}") from None
        except OSError as error:
            raise Failed(f"{port}: {error.strerror or type(error).__name__}") from None
        if speaks_old_tls(host, port):
            raise Failed(f"{port}: TLS 1.0 or 1.1 is spoken")


def speaks_old_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection((host, port), CLOSED_WITHIN_S) as plain, context.wrap_socket(plain):
            return True
    except OSError:  # Debian's build hangs up on some, and never answers others
        return False


@check("are closed: no CLI, no web admin, no metrics, no alternates")
def the_ports_of_what_is_switched_off(target: Target) -> None:
    for port, what in CLOSED.items():
        if port == target.relay.port or port in target.relay.tls_ports:
            continue
        try:
            socket.create_connection((target.relay.host.strip("[]"), port), CLOSED_WITHIN_S).close()
        except OSError:
            continue
        raise Failed(f"{port} ({what}) is open")


@check("is not served on any port")
def a_web_page(target: Target) -> None:
    for way in ways(target.relay)[1:]:
        with target.connect(way) as client:
            client.connection.sendall(b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n")
            client.connection.settimeout(CLOSED_WITHIN_S)
            try:
                page = client.connection.recv(100)
            except OSError:
                continue
            if page.startswith(b"HTTP"):
                raise Failed(f"{way.port} answers {page.splitlines()[0].decode(errors='replace')}")


# --- how much


@check("lasts an hour at most until it is refreshed")
def an_allocation_for_ever(target: Target) -> None:
    with target.connect(target.tcp) as client:
        granted = allocate(client, *target.credential("long"), lifetime(1_000_000))
        asked = granted.number(Attribute.LIFETIME)
        if asked is None or asked > LIFETIME_MAX:
            raise Failed(f"{asked} seconds")


@check("gets 32 allocations and no more, and takes none from another user")
def one_user_with_many_credentials(target: Target) -> None:
    with ExitStack() as open_ones:
        for nth in range(USER_QUOTA + 1):
            client = open_ones.enter_context(target.connect(target.tcp))
            answer = allocate(client, *target.credential("greedy", TTL + nth))
            if nth < USER_QUOTA:
                expect(f"allocation {nth + 1} of {USER_QUOTA}", answer.error, None)
            else:
                expect(f"allocation {nth + 1}", answer.error, QUOTA_REACHED)
        expect("another user", refusal(target, *target.credential("modest"), target.tcp), None)


@check("get as many allocations as the relay has, and no more")
def many_users_together(target: Target) -> None:
    if not target.total_quota:
        raise NotAsked("it would take the relay away from its users for a moment: say --total-quota N to ask")
    with ExitStack() as open_ones:
        for nth in range(target.total_quota + 1):
            client = open_ones.enter_context(target.connect(target.tcp))
            answer = allocate(client, *target.credential(f"crowd-{nth // USER_QUOTA}"))
            if answer.error is None:
                continue
            expect(f"allocation {nth + 1} of {target.total_quota}", answer.error, QUOTA_REACHED)
            if nth < target.total_quota * 9 // 10:  # some were taken before
                raise Failed(f"refused at allocation {nth + 1} of {target.total_quota}")
            return
    raise Failed(f"{target.total_quota + 1} are granted")


@check("is held to max-bps: 375,000 bytes a second")
def a_flood_through_one_allocation(target: Target) -> None:
    seconds = 2.0
    with allocation(target, "sender") as (sender, sent), allocation(target, "receiver") as (receiver, got):
        address = got.address(Attribute.XOR_RELAYED_ADDRESS) or ("", 0)
        sender.request_to(Method.CREATE_PERMISSION, *address)
        receiver.request_to(Method.CREATE_PERMISSION, own_address(sent), 9)
        arrived = flood(sender, receiver, address, seconds)
    if not arrived:
        raise Failed("nothing arrives: two clients of this relay cannot talk")
    if arrived > MAX_BPS * seconds * 1.5:
        raise Failed(f"{arrived / seconds:.0f} bytes a second arrive")


def flood(sender: Attacker, receiver: Attacker, address: tuple[str, int], seconds: float) -> int:
    """How many bytes of payload arrive of four times what is allowed."""
    payload, arrived, sent_bytes = bytes(1_000), 0, 0
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds + 0.2:
        while sent_bytes < 4 * MAX_BPS * min(elapsed, seconds):
            sender.send_to(*address, payload)
            sent_bytes += len(payload)
        arrived += received(receiver, 0.005)
    return arrived


def received(client: Attacker, within_s: float) -> int:
    """Bytes of payload that arrive from peers meanwhile."""
    until, count = time.monotonic() + within_s, 0
    while True:
        try:
            message = client.receive(until)
        except TimeoutError:
            return count
        if message is not None and message.kind is Kind.INDICATION:
            count += len(message.get(Attribute.DATA) or b"")


# --- a run


@dataclass(frozen=True)
class Outcome:
    name: str
    promise: str
    problem: str | None = None
    not_asked: str | None = None

    def __str__(self) -> str:
        sentence = f"{self.name.replace('_', ' ')} {self.promise.partition(':')[0]}"
        if self.problem:
            return f"  ✗ {self.name.replace('_', ' ')}: has to be so: {self.promise}. Found: {self.problem}"
        return f"  - {sentence}: not asked, {self.not_asked}" if self.not_asked else f"  ✓ {sentence}"


def attempt(name: str, target: Target) -> Outcome:
    promise = PROMISES[name]
    try:
        CHECKS[name](target)
    except NotAsked as reason:
        return Outcome(name, promise, not_asked=str(reason))
    except Failed as found:
        return Outcome(name, promise, problem=str(found))
    except TimeoutError:
        return Outcome(name, promise, problem=f"no answer in {WITHIN_S:.0f} s")
    except OSError as error:
        return Outcome(name, promise, problem=f"{type(error).__name__}: {error.strerror or error}")
    return Outcome(name, promise)


def known_secret() -> str:
    given = os.environ.get("TURN_SECRET", "")
    if not given and sys.stdin.isatty():
        given = getpass.getpass("The relay's secret (TURN_SECRET): ")
    return given


def ports(text: str) -> tuple[int, ...]:
    return tuple(int(port) for port in text.split(",") if port.strip())


def main() -> int:
    parser = argparse.ArgumentParser(prog="make relay-check HOST=...", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("host", help="the relay's name, as in TURN_HOST")
    parser.add_argument("--port", type=int, default=3478)
    parser.add_argument("--tls-ports", type=ports, default=(5349, 443))
    parser.add_argument("--ca-file", help="a certificate to trust beside the system's, as the local relay's own")
    parser.add_argument("--total-quota", type=int, default=0, help="also fill the relay up, to this total-quota")
    parser.add_argument("--only", choices=CHECKS, metavar="NAME", help="one attempt alone")
    given = parser.parse_args()
    secret = known_secret()
    if not secret:
        print("Set TURN_SECRET in the environment, or run it in a terminal, where it asks.", file=sys.stderr)
        return 2
    trusted = ssl.create_default_context()
    if given.ca_file:
        trusted.load_verify_locations(given.ca_file)
    target = Target(Relay(given.host, given.port, given.tls_ports, secret), trusted, given.total_quota)
    refused = 0
    for name in [given.only] if given.only else CHECKS:
        outcome = attempt(name, target)
        print(outcome, flush=True)
        refused += outcome.problem is not None
    print(f"\n  {refused or 'No'} of {len(CHECKS)} attempts came out as they must not." if not given.only else "")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
