"""edge/probe.py against a real Coturn, and against what is none."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.conftest import RunningCoturn
from tests.support.ports import free_port
from tests.support.waiting import until
from tools import coturn as tools_coturn
from tools.provision import coturn as turnserver
from webrtc_lite.core import stun
from webrtc_lite.core.stun import Attribute, Kind, Message, Method
from webrtc_lite.core.turn import Grant, Relay, Way, grant, ways
from webrtc_lite.edge import probe
from webrtc_lite.edge.stun_client import Client

NAME = "webrtc-lite-probe"


def granted(relay: Relay) -> Grant:
    return grant(relay, NAME, 60, int(time.time()))


def problems(asked: list[Way], relay: Relay) -> list[str]:
    return [finding.problem for finding in probe.probe(asked, granted(relay))]


@pytest.fixture
def trusted(coturn: RunningCoturn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test relay's own certificate, as one of a public authority is trusted in production."""
    monkeypatch.setenv("SSL_CERT_FILE", str(coturn.coturn.certificate))


@pytest.mark.usefixtures("trusted")
def test_a_relay_that_is_there_answers_over_udp_tcp_and_tls_and_its_certificate_has_days_left(
    coturn: RunningCoturn,
) -> None:
    found = probe.probe(ways(coturn.relay), granted(coturn.relay))
    assert [finding.problem for finding in found] == ["", "", ""]
    assert [finding.way for finding in found] == list(ways(coturn.relay))
    assert [finding.certificate_days for finding in found] == [None, None, 396]


@pytest.mark.usefixtures("trusted")
def test_a_probe_gives_back_what_it_took(coturn: RunningCoturn) -> None:
    """Or its own quota of 32 would make every relay look dead after some minutes."""
    for _ in range(15):
        assert problems(list(ways(coturn.relay)), coturn.relay) == ["", "", ""]


@pytest.mark.usefixtures("trusted")
def test_a_relay_that_checks_with_another_secret_is_dead_to_us(coturn: RunningCoturn) -> None:
    other = replace(coturn.relay, secret="not the secret of this relay")
    assert problems(list(ways(coturn.relay)), other) == ["no allocation: 401"] * 3


def test_a_certificate_that_nobody_trusts_is_named(coturn: RunningCoturn) -> None:
    *plain, over_tls = problems(list(ways(coturn.relay)), coturn.relay)
    assert plain == ["", ""]
    assert over_tls == "its certificate is refused: self-signed certificate"


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_named(coturn: RunningCoturn, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: resolve("127.0.0.1", *rest, **more))
    (problem,) = problems([Way("turns", "turn.example.com", coturn.coturn.tls_port, "tcp")], coturn.relay)
    assert problem.startswith("its certificate is refused: Hostname mismatch")


def test_an_expired_certificate_is_named(
    coturn: RunningCoturn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_coturn, "CERTIFICATE_DAYS", 0)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    tools_coturn.make_certificate(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        assert problems([Way("turns", "127.0.0.1", port, "tcp")], coturn.relay) == [
            "its certificate is refused: certificate has expired"
        ]


def test_where_nothing_listens_tcp_hears_so_at_once(coturn: RunningCoturn) -> None:
    relay = Relay("127.0.0.1", free_port(), (free_port(),), coturn.relay.secret)
    assert problems(list(ways(relay)), relay) == ["cannot be reached: Connection refused"] * 3


def test_silence_over_udp_is_waited_for_and_no_longer(coturn: RunningCoturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ANSWERS_WITHIN_S", 1.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        before = time.monotonic()
        assert problems([Way("turn", "127.0.0.1", silent.getsockname()[1], "udp")], coturn.relay) == [
            "no answer in 1 s"
        ]
        assert 0.9 < time.monotonic() - before < 3
        silent.settimeout(1)
        repeated = [silent.recv(100) for _ in range(2)]
        assert repeated[0] == repeated[1]  # one lost packet is asked for again


def test_a_name_that_leads_nowhere_is_a_problem_and_no_error(coturn: RunningCoturn) -> None:
    assert problems([Way("turn", "nowhere.invalid", 3478, "udp")], coturn.relay) == ["its name leads nowhere"]


def test_a_port_that_speaks_no_tls_is_told(coturn: RunningCoturn) -> None:
    def babble(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"220 this is no TLS\r\n")

    with listening(babble) as port:
        (problem,) = problems([Way("turns", "127.0.0.1", port, "tcp")], coturn.relay)
    assert problem.startswith("no TLS: ")


def test_a_relay_that_hangs_up_is_told(coturn: RunningCoturn) -> None:
    with listening(lambda connection: connection.recv(4096)) as port:
        (problem,) = problems([Way("turn", "127.0.0.1", port, "tcp")], coturn.relay)
    assert problem in {"cannot be reached: ConnectionResetError", "cannot be reached: Connection reset by peer"}


def test_an_open_relay_is_a_dead_one(coturn: RunningCoturn, tmp_path: Path) -> None:
    """Coturn without a line about authentication relays for anybody: that is what the packaged default does."""
    port = free_port()
    command = [str(turnserver()), "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip=127.0.0.1"]
    command += ["--relay-ip=127.0.0.1", f"--listening-port={port}", "--no-auth", "--log-file=stdout"]
    command += [f"--userdb={tmp_path / 'turndb'}", f"--pidfile={tmp_path / 'pid'}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: tools_coturn.binding_over_udp(port), "the open relay")
        assert problems([Way("turn", "127.0.0.1", port, "udp")], coturn.relay) == [
            "it relays without a credential: an open relay"
        ]
    finally:
        server.kill()
        server.wait()


def answer(kind: Kind, *attributes: tuple[Attribute, bytes]) -> Callable[[Message], bytes]:
    return lambda asked: stun.encode(Message(asked.method, kind, asked.transaction, attributes))


@pytest.mark.parametrize(
    ("binding", "allocation", "problem"),
    [
        (answer(Kind.ERROR), answer(Kind.ERROR), "no STUN binding"),
        (
            answer(Kind.SUCCESS),
            answer(Kind.ERROR, (Attribute.ERROR_CODE, b"\0\0\x03\0")),
            "an allocation without a credential is answered with 300",
        ),
        (
            answer(Kind.SUCCESS),
            answer(Kind.ERROR, (Attribute.ERROR_CODE, b"\0\0\x04\x01")),
            "no allocation: 401",
        ),
    ],
)
def test_what_answers_otherwise_than_a_relay_is_dead(
    coturn: RunningCoturn,
    binding: Callable[[Message], bytes],
    allocation: Callable[[Message], bytes],
    problem: str,
) -> None:
    def serve(connection: socket.socket) -> None:
        client = Client(connection, True, 2)  # noqa: FBT003 (a stream)
        while asked := client.receive(time.monotonic() + 2):
            reply = (binding if asked.method == Method.BINDING else allocation)(asked)
            connection.sendall(reply[:5])  # a stream is cut anywhere
            connection.sendall(reply[5:])

    with listening(serve) as port:
        assert problems([Way("turn", "127.0.0.1", port, "tcp")], coturn.relay) == [problem]


def test_over_udp_what_is_no_answer_of_ours_is_passed_over(coturn: RunningCoturn) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            request, client = server.recvfrom(1500)
            asked = stun.decode(request)
            assert asked is not None
            other = replace(asked, transaction=bytes(12))
            for reply in (b"garbage", answer(Kind.SUCCESS)(other), answer(Kind.ERROR)(asked)):
                server.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        assert problems([Way("turn", "127.0.0.1", server.getsockname()[1], "udp")], coturn.relay) == ["no STUN binding"]
        thread.join()


@contextmanager
def listening(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """A TCP server that serves one client, whatever becomes of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def accept() -> None:
            connection, _ = server.accept()
            try:
                with connection:
                    serve(connection)
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()
