"""The local relay: what is written for it, and whether something answers as a relay does."""

import datetime as dt
import socket
import sqlite3
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.support.ports import free_port
from tests.support.programs import Programs
from tools import coturn
from tools.coturn import Coturn

SECRET = "a secret of the tests"
CALLED_WITHIN_S = 5.0  # a server that nobody calls ends its test


@pytest.fixture(autouse=True)
def turnserver(programs: Programs) -> Path:
    return programs.add("turnserver")


@pytest.fixture
def relay(tmp_path: Path) -> Coturn:
    return Coturn(tmp_path / "relay", 41000, 41001, (42000, 42100))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def accepted(relay: Coturn) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(relay.directory / "turndb")) as database:
        return database.execute("SELECT realm, value FROM turn_secret").fetchall()


def certificate(relay: Coturn) -> x509.Certificate:
    return x509.load_pem_x509_certificate(relay.certificate.read_bytes())


# What is written for it


def test_it_starts_in_the_foreground_with_a_configuration_of_its_own(relay: Coturn, turnserver: Path) -> None:
    assert relay.prepare(SECRET) == [str(turnserver), "-c", str(relay.directory / "turnserver.conf")]


def test_the_configuration_holds_every_value_and_no_open_place(relay: Coturn) -> None:
    relay.prepare(SECRET)

    written = (relay.directory / "turnserver.conf").read_text()
    lines = written.splitlines()
    assert "$" not in written
    for line in (
        "listening-ip=127.0.0.1",
        "relay-ip=127.0.0.1",
        "listening-port=41000",
        "tls-listening-port=41001",
        "min-port=42000",
        "max-port=42100",
        f"userdb={relay.directory}/turndb",
        f"cert={relay.directory}/certificate.pem",
        f"pkey={relay.directory}/private-key.pem",
        f"pidfile={relay.directory}/turnserver.pid",
    ):
        assert lines.count(line) == 1, line


def test_it_differs_from_the_deployed_one_in_three_lines(relay: Coturn) -> None:
    relay.prepare(SECRET)

    names = {line.split("=")[0] for line in (relay.directory / "turnserver.conf").read_text().splitlines()}
    template = [*coturn.TEMPLATE.read_text().splitlines(), *coturn.DISTRIBUTION.read_text().splitlines()]
    deployed = {line.split("=")[0] for line in template if not line.startswith("$")}
    assert names - deployed == {"allow-loopback-peers", "allowed-peer-ip", "verbose"}


def test_the_secret_stands_in_the_database_and_nowhere_else(relay: Coturn) -> None:
    relay.prepare(SECRET)

    assert accepted(relay) == [("webrtc-lite.local", SECRET)]
    others = [path for path in relay.directory.iterdir() if path.name != "turndb"]
    assert others
    assert [path for path in others if SECRET.encode() in path.read_bytes()] == []


def test_no_other_user_of_the_machine_reads_the_secret_or_the_private_key(relay: Coturn) -> None:
    relay.prepare(SECRET)

    assert mode(relay.directory) == 0o700
    assert mode(relay.directory / "turndb") == 0o600
    assert mode(relay.directory / "private-key.pem") == 0o600


def test_in_the_middle_of_a_rotation_both_secrets_are_accepted(relay: Coturn) -> None:
    relay.prepare(SECRET, "the next one")

    assert {value for _, value in accepted(relay)} == {SECRET, "the next one"}


def test_a_new_secret_replaces_the_old_one(relay: Coturn) -> None:
    relay.prepare("the old one")
    relay.prepare(SECRET)

    assert [value for _, value in accepted(relay)] == [SECRET]


def test_a_private_file_is_private_even_where_an_open_one_stood(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o644)

    coturn.write_private(path, b"new")

    assert (mode(path), path.read_bytes()) == (0o600, b"new")


# The certificate


def test_the_certificate_is_for_loopback_and_of_its_private_key(relay: Coturn) -> None:
    relay.prepare(SECRET)

    names = certificate(relay).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name) for name in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    key = serialization.load_pem_private_key((relay.directory / "private-key.pem").read_bytes(), None)
    assert key.public_key() == certificate(relay).public_key()


def test_the_certificate_is_valid_now_and_no_longer_than_clients_accept(relay: Coturn) -> None:
    relay.prepare(SECRET)

    now, made = dt.datetime.now(dt.UTC), certificate(relay)
    assert made.not_valid_before_utc < now - dt.timedelta(minutes=55)
    assert dt.timedelta(days=396) < made.not_valid_after_utc - now
    assert made.not_valid_after_utc - made.not_valid_before_utc < dt.timedelta(days=398)


def test_a_valid_certificate_is_kept(relay: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coturn, "CERTIFICATE_DAYS", 2)
    relay.prepare(SECRET)
    before = certificate(relay)

    relay.prepare(SECRET)

    assert certificate(relay) == before


def test_a_certificate_that_ends_within_a_day_is_replaced_with_its_key(
    relay: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short:
        short.setattr(coturn, "CERTIFICATE_DAYS", 1)
        relay.prepare(SECRET)
    ending, its_key = certificate(relay), (relay.directory / "private-key.pem").read_bytes()

    relay.prepare(SECRET)

    assert certificate(relay).not_valid_after_utc > ending.not_valid_after_utc
    assert (relay.directory / "private-key.pem").read_bytes() != its_key


# Whether it answers. The real Coturn is asked in tests/interop.


def right(request: bytes) -> bytes:
    """A Binding success response without attributes (RFC 8489, 5)."""
    return b"\x01\x01\x00\x00" + request[4:20]


def of_another(request: bytes) -> bytes:
    return right(request)[:8] + bytes(12)


def refusing(request: bytes) -> bytes:
    return b"\x01\x11" + right(request)[2:]


type Answer = Callable[[bytes], bytes]


@contextmanager
def udp_server(answer: Answer, port: int = 0) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        server.settimeout(CALLED_WITHIN_S)

        def serve() -> None:
            request, client = server.recvfrom(1500)
            server.sendto(answer(request), client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@contextmanager
def tcp_server(answer: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(CALLED_WITHIN_S)

        def serve() -> None:
            plain, _ = server.accept()
            with tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                connection.sendall(answer(connection.recv(1500)))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    coturn.make_certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return context


each_answer = pytest.mark.parametrize(("answer", "binds"), [(right, True), (of_another, False), (refusing, False)])


@each_answer
def test_only_a_success_to_our_own_transaction_counts_over_udp(answer: Answer, binds: bool) -> None:  # noqa: FBT001
    with udp_server(answer) as port:
        assert coturn.binding_over_udp(port) is binds


@each_answer
def test_only_a_success_to_our_own_transaction_counts_over_tcp(answer: Answer, binds: bool) -> None:  # noqa: FBT001
    with tcp_server(answer) as port:
        assert coturn.binding_over_tcp(port) is binds


def test_a_self_signed_relay_answers_over_tls(tls: ssl.SSLContext) -> None:
    with tcp_server(right, tls) as port:
        assert coturn.binding_over_tls(port)


def test_a_port_that_speaks_no_tls_does_not_answer_over_tls() -> None:
    with tcp_server(right) as port:
        assert not coturn.binding_over_tls(port)


def test_nothing_answers_where_nothing_listens() -> None:
    port = free_port()

    assert not coturn.binding_over_udp(port)
    assert not coturn.binding_over_tcp(port)
    assert not coturn.binding_over_tls(port)


def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coturn, "ANSWERS_WITHIN_S", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        assert not coturn.binding_over_udp(silent.getsockname()[1])


def test_a_relay_answers_when_all_three_ways_do(tls: ssl.SSLContext, tmp_path: Path) -> None:
    port = free_port()
    with udp_server(right, port), tcp_server(right, port=port), tcp_server(right, tls) as tls_port:
        assert Coturn(tmp_path, port, tls_port).answers()


def test_a_relay_without_tls_does_not_answer_yet(tmp_path: Path) -> None:
    port = free_port()
    with udp_server(right, port), tcp_server(right, port=port):
        assert not Coturn(tmp_path, port, free_port()).answers()
