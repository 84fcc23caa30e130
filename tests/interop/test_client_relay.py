"""What the headless client says of a real Coturn, good and bad."""

import asyncio
import time
from base64 import b64encode
from hmac import digest
from pathlib import Path

import pytest

from tests.interop.conftest import SECRET, RunningCoturn
from tests.support.ports import free_port
from tests.support.relays import running_relay
from tests.support.turn_client import HOST
from tools.coturn import Coturn, make_certificate
from webrtc_lite_client.relay import Relay, Standing, probe

PLENTY_S = 600


def asked(
    uri: str, secret: str = SECRET, lasts_s: int = PLENTY_S, name: str = "alice", *, trusting: bool = True
) -> Standing:
    username = f"{int(time.time()) + lasts_s}:{name}"
    password = b64encode(digest(secret.encode(), username.encode(), "sha1")).decode()
    return asyncio.run(probe(Relay(uri, username, password), trusting=trusting))


def uris(server: Coturn) -> list[str]:
    return [
        f"turn:{HOST}:{server.port}?transport=udp",
        f"turn:{HOST}:{server.port}?transport=tcp",
        f"turns:{HOST}:{server.tls_port}?transport=tcp",
    ]


@pytest.mark.parametrize("way", range(3), ids=["udp", "tcp", "tls"])
def test_a_good_relay_gives_an_allocation_and_gets_it_back(coturn: RunningCoturn, way: int) -> None:
    name = f"gives-back-{way}"

    standing = asked(uris(coturn.coturn)[way], name=name)

    assert standing.problem == ""
    said = [line for line in coturn.log.read_text().splitlines() if f":{name}>" in line]
    assert sum("new, realm" in line for line in said) == 1
    assert sum("lifetime=0" in line or "delete: realm" in line for line in said) >= 1


def test_over_tls_it_says_how_many_days_the_certificate_has_left(coturn: RunningCoturn) -> None:
    assert asked(uris(coturn.coturn)[2]).certificate_days in (395, 396)
    assert asked(uris(coturn.coturn)[0]).certificate_days is None


def test_a_certificate_of_nobody_is_trusted_only_in_the_local_stack(coturn: RunningCoturn) -> None:
    assert "certificate is refused: self-signed" in asked(uris(coturn.coturn)[2], trusting=False).problem


@pytest.mark.parametrize("way", range(3), ids=["udp", "tcp", "tls"])
@pytest.mark.parametrize(("secret", "lasts_s"), [("another", PLENTY_S), (SECRET, -5)], ids=["wrong secret", "expired"])
def test_a_credential_that_is_refused_is_told_from_a_relay_that_is_down(
    coturn: RunningCoturn, way: int, secret: str, lasts_s: int
) -> None:
    standing = asked(uris(coturn.coturn)[way], secret, lasts_s)

    assert (standing.code, standing.problem[:31]) == (401, "it refuses an allocation, 401 U")


def test_a_relay_that_is_down_is_silent_over_udp_and_refuses_over_tcp() -> None:
    nobody = free_port()

    assert "cannot be reached" in asked(f"turn:127.0.0.1:{nobody}?transport=tcp").problem
    assert asked(f"turn:127.0.0.1:{nobody}?transport=udp").problem
    assert "its name leads nowhere" in asked("turn:relay.invalid:3478").problem
    assert (
        "TLS" in asked(f"turns:127.0.0.1:{nobody}").problem or "reached" in asked(f"turns:127.0.0.1:{nobody}").problem
    )


def test_a_certificate_that_has_expired_is_refused_also_where_its_issuer_is_taken_on_faith(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.coturn.CERTIFICATE_DAYS", 0)  # ends as it is made
    monkeypatch.setattr("tools.coturn.valid_tomorrow", lambda certificate: certificate.exists())
    make_certificate(tmp_path / "certificate.pem", tmp_path / "private-key.pem")
    with running_relay(tmp_path, SECRET) as expired:
        assert "certificate has expired" in asked(uris(expired.coturn)[2]).problem
        assert asked(uris(expired.coturn)[1]).problem == ""
