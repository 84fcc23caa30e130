"""A busy port is named with who holds it."""

import os
import socket

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.programs import running
from tools.stack import ports
from tools.stack.addresses import Listener, Protocol


def holding(protocol: Protocol, address: str = "127.0.0.1") -> socket.socket:
    held = socket.socket(socket.AF_INET, ports.KINDS[protocol])
    if protocol == "tcp":
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
    held.bind((address, 0))
    if protocol == "tcp":
        held.listen()
    return held


def port_of(held: socket.socket) -> int:
    port: int = held.getsockname()[1]
    return port


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_busy_port_is_named_with_its_part_and_the_process_that_holds_it(protocol: Protocol, address: str) -> None:
    with holding(protocol, address) as held:
        port = port_of(held)
        [line] = ports.busy([Listener("hosting", free_port()), Listener("coturn", port, protocol)])

    us = psutil.Process()
    whom = f"{us.name()} (pid {os.getpid()}): {us.cmdline()[0]}"
    assert line.startswith(f"127.0.0.1:{port}/{protocol} (coturn) is held by {whom}")


@pytest.mark.parametrize(("held", "asked"), [("tcp", "udp"), ("udp", "tcp")])
def test_a_port_that_is_taken_over_one_protocol_is_free_over_the_other(held: Protocol, asked: Protocol) -> None:
    with holding(held) as holder:
        assert ports.taken(Listener("coturn", port_of(holder), held))
        assert not ports.taken(Listener("coturn", port_of(holder), asked))
        assert "another user" in ports.holder(Listener("coturn", port_of(holder), asked))


def test_a_connection_that_has_ended_does_not_hold_its_port() -> None:
    with holding("tcp") as server:
        listener = Listener("auth", port_of(server))
        with socket.create_connection(server.getsockname()) as client:
            connection, _ = server.accept()
            connection.close()  # who closes first keeps the port in TIME_WAIT
            assert client.recv(1) == b""

    assert not ports.taken(listener)


def test_a_connection_on_a_port_is_not_taken_for_its_listener() -> None:
    with holding("tcp") as server, socket.create_connection(server.getsockname()) as client:
        connection, _ = server.accept()
        with connection:
            assert "another user" in ports.holder(Listener("auth", client.getsockname()[1]))


def test_a_port_whose_process_cannot_be_seen_is_said_to_be_another_users() -> None:
    assert ports.holder(Listener("auth", free_port())) == "a process of another user"


def test_a_process_that_ends_while_it_is_asked_keeps_its_number() -> None:
    with running("sleep", "600") as child:
        process = psutil.Process(child.pid)

    assert ports.describe(process) == f"pid {child.pid}"


def test_a_long_command_is_cut() -> None:
    with running("sleep", "600", *["0"] * 200) as child:
        described = ports.describe(psutil.Process(child.pid))

    assert described.startswith(f"sleep (pid {child.pid}): sleep 600 0 0")
    assert len(described) == len(f"sleep (pid {child.pid}): ") + 120
