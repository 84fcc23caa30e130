"""Which of the ports are taken, and by whom."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

import psutil

from tools.stack.addresses import HOST, Listener

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def busy(listeners: Iterable[Listener]) -> list[str]:
    """A line for each port that cannot be had, with who holds it."""
    return [f"{listener} ({listener.part}) is held by {holder(listener)}" for listener in listeners if taken(listener)]


def taken(listener: Listener) -> bool:
    with socket.socket(socket.AF_INET, KINDS[listener.protocol]) as probe:
        if listener.protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT does not hold a port
        try:
            probe.bind((HOST, listener.port))
        except OSError:
            return True
    return False


def holder(listener: Listener) -> str:
    """The process behind a port, as a person knows it."""
    for process, connection in connections():
        if holds(connection, listener):
            return describe(process)
    return "a process of another user"


def connections() -> Iterator[tuple[psutil.Process, psutil._ntuples.pconn]]:
    """Every socket whose process may be seen; macOS shows a user only their own."""
    for process in psutil.process_iter():
        try:
            found = process.net_connections("inet")
        except psutil.Error:
            continue
        yield from ((process, connection) for connection in found)


def holds(connection: psutil._ntuples.pconn, listener: Listener) -> bool:
    if connection.type != KINDS[listener.protocol] or connection.laddr[1:2] != (listener.port,):
        return False
    return listener.protocol == "udp" or connection.status == psutil.CONN_LISTEN


def describe(process: psutil.Process) -> str:
    try:
        command = " ".join(process.cmdline()) or process.name()
        return f"{process.name()} (pid {process.pid}): {command[:120]}"
    except psutil.Error:
        return f"pid {process.pid}"
