"""TURN credentials in the form that Coturn's `use-auth-secret` checks (SPEC 3.5; draft-uberti-behave-turn-rest-00).

What Coturn takes and refuses was measured on 4.6.1, and is proved again by tests/interop.
"""

import base64
import functools
import hashlib
import hmac
from dataclasses import dataclass, field

TTL_MIN = 60
TTL_MAX = 86_400  # a day: a stolen credential relays no longer than that
TTL_DEFAULT = 3_600

GRACE = 60  # the username outlives expires_at by this, so that a slow phone never holds a dead credential
REFRESH_MAX = 300  # nobody needs to refresh earlier than this before expires_at ...
REFRESH_SHARE = 5  # ... nor in more than the last fifth of a short life
LAST_SECOND = 2_147_483_647  # Coturn compares the expiry in 32 signed bits: anything later counts as long past
USERNAME_MAX = 512  # bytes of UTF-8; Coturn answers 401 to 513
NAME_MAX = USERNAME_MAX - len(f"{LAST_SECOND}:")  # for the longest expiry, so that a name never depends on the time

HASHED = "sha256-"


@dataclass(frozen=True)
class Relay:
    """One Coturn: where it is reached (`host` as in a URI, IPv6 in brackets), and the secret it shares with us."""

    host: str
    port: int
    tls_ports: tuple[int, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Way:
    """One way to a relay, and how a URI says it (RFC 7065)."""

    scheme: str
    host: str
    port: int
    transport: str

    @functools.cached_property
    def uri(self) -> str:
        return f"{self.scheme}:{self.host}:{self.port}?transport={self.transport}"


@dataclass(frozen=True)
class Grant:
    """What lets one user allocate, until `expires_at`."""

    username: str
    password: str = field(repr=False)
    ttl: int
    expires_at: int
    refresh_at: int
    server_time: int
    uris: tuple[str, ...]
    stun_uris: tuple[str, ...]

    @property
    def relay(self) -> str:
        """Where a client begins: host and port of the first URI."""
        return self.uris[0].partition(":")[2].partition("?")[0]


def grant(relay: Relay, uid: str, ttl: int, now: int) -> Grant:
    """Credentials for `uid`: `ttl` is within its bounds (the edge has checked it), `now` is in unix seconds."""
    expires_at = now + ttl
    # Timestamp first, name second: Coturn reads them in that order and counts user-quota by what follows the colon.
    username = f"{min(expires_at + GRACE, LAST_SECOND)}:{relay_name(uid)}"
    return Grant(
        username=username,
        password=_password(relay.secret, username),
        ttl=ttl,
        expires_at=expires_at,
        refresh_at=expires_at - min(REFRESH_MAX, ttl // REFRESH_SHARE),
        server_time=now,
        uris=tuple(way.uri for way in ways(relay)),
        stun_uris=(stun_uri(relay),),
    )


def relay_name(uid: str) -> str:
    """The uid as Coturn knows it: itself wherever Coturn takes it, else a stable form that no other uid has."""
    if not uid:
        raise ValueError("an empty name would escape Coturn's user-quota")
    if _coturn_takes(uid) and not uid.startswith(HASHED):  # a uid may not pass for another one's stable form
        return uid
    digest = hashlib.sha256(uid.encode(errors="surrogatepass")).digest()
    return HASHED + base64.urlsafe_b64encode(digest).decode().removesuffix("=")


def _coturn_takes(name: str) -> bool:
    """Coturn's is_secure_string and its length limit, drawn a little tighter: nothing that does not print."""
    lower = name.lower()
    return (
        name.isprintable()  # which leaves the plain space as the only white space; lone surrogates do not print either
        and not any(refused in name for refused in " '\"\\")
        and not ("union" in lower and "select" in lower)  # what Coturn takes for an attack on its SQL
        and len(name.encode()) <= NAME_MAX
    )


def _password(secret: str, username: str) -> str:
    """Over the whole username, in standard base64 with its padding: Coturn refuses every other variant."""
    mac = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return base64.b64encode(mac).decode()


@functools.cache  # of a handful of relays, for every credential
def ways(relay: Relay) -> tuple[Way, ...]:
    """The cheapest way first: UDP, TCP for networks without UDP, TLS for those that let nothing else out."""
    return (
        Way("turn", relay.host, relay.port, "udp"),
        Way("turn", relay.host, relay.port, "tcp"),
        *(Way("turns", relay.host, port, "tcp") for port in relay.tls_ports),
    )


def stun_uri(relay: Relay) -> str:
    """RFC 7064: the port that TURN over UDP has."""
    return f"stun:{relay.host}:{relay.port}"
