"""The one turnserver.conf, proved from outside: Coturn fails open, so what it refuses is asked, not read."""

import asyncio
import re
import socket
import ssl
import string
import time

import pytest

from tests.interop.conftest import SECRET, RunningCoturn
from tests.support.turn_client import HOST, allocation, peer_refusal
from tools.coturn import TEMPLATE
from webrtc_lite.core.turn import grant

FORBIDDEN_IP = 403
DENIED = re.findall(r"^denied-peer-ip=([\d.]+)-([\d.]+)$", TEMPLATE.read_text(), re.MULTILINE)


def asked_for_peers(coturn: RunningCoturn, peers: list[str]) -> dict[str, int | None]:
    """What the relay answers to a request to relay to each peer. Nothing is sent to any of them."""
    issued = grant(coturn.relay, "alice", 600, int(time.time()))

    async def ask() -> dict[str, int | None]:
        async with allocation(issued.username, issued.password, coturn.relay.port) as client:
            return {peer: await peer_refusal(client, peer) for peer in peers}

    return asyncio.run(ask())


def test_the_template_uses_only_names_that_terraform_and_python_read_alike() -> None:
    template = TEMPLATE.read_text()

    assert string.Template(template).is_valid()
    assert set(re.findall(r"\$(.)", template)) == {"{"}
    assert "%{" not in template


def test_coturn_knows_every_line_of_its_configuration(coturn: RunningCoturn) -> None:
    log = coturn.log.read_text(errors="replace")

    assert "Version Coturn" in log
    assert not re.search(r"Bad configuration format|Wrong address format|CONFIG ERROR|error resolving", log)


def test_the_configuration_holds_no_secret(coturn: RunningCoturn) -> None:
    configuration = coturn.coturn.directory / "turnserver.conf"

    assert "use-auth-secret" in configuration.read_text()
    assert SECRET not in configuration.read_text()
    assert SECRET not in coturn.log.read_text(errors="replace")


def test_nobody_else_on_the_machine_reads_the_secret_or_the_private_key(coturn: RunningCoturn) -> None:
    directory = coturn.coturn.directory

    for path in (directory / "turndb", directory / "private-key.pem"):
        assert path.stat().st_mode & 0o077 == 0


def test_no_denied_range_is_relayed_to_at_either_end(coturn: RunningCoturn) -> None:
    ends = [end for first_and_last in DENIED for end in first_and_last]
    assert len(ends) == 34

    assert asked_for_peers(coturn, ends) == dict.fromkeys(ends, FORBIDDEN_IP)


def test_the_addresses_beside_the_denied_ranges_are_relayed_to(coturn: RunningCoturn) -> None:
    beside = ["9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "8.8.8.8"]

    assert asked_for_peers(coturn, beside) == dict.fromkeys(beside)


def test_the_local_relay_lets_two_clients_of_this_machine_meet_and_no_other_loopback_address(
    coturn: RunningCoturn,
) -> None:
    assert asked_for_peers(coturn, ["127.0.0.1", "127.0.0.2"]) == {"127.0.0.1": None, "127.0.0.2": FORBIDDEN_IP}


def test_tls_presents_the_certificate_under_its_name_and_speaks_nothing_older_than_1_2(coturn: RunningCoturn) -> None:
    context = ssl.create_default_context(cafile=coturn.coturn.certificate)
    with (
        socket.create_connection((HOST, coturn.coturn.tls_port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as tls,
    ):
        assert tls.version() in {"TLSv1.2", "TLSv1.3"}


def test_tls_refuses_a_client_that_knows_only_what_is_older(coturn: RunningCoturn) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((HOST, coturn.coturn.tls_port), timeout=2) as connection,
        pytest.raises((ssl.SSLError, TimeoutError)),  # Debian's build hangs up on some, and never answers others
    ):
        context.wrap_socket(connection)
