#!/usr/bin/env python3
"""The relay's metrics, in Prometheus' text format.

    relay_metrics.py collect    writes them, twice a minute, as root
    relay_metrics.py serve      hands them out at /metrics, as nobody

The distribution builds Coturn without its own metrics. What stands here is read from what it does: one UDP socket in
the relay range is one allocation, and the firewall counts bytes.
"""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import relay_health as health

WRITTEN = Path("/run/webrtc-lite/metrics.prom")
UDP_SOCKETS = Path("/proc/net/udp")
CERTIFICATE = "/etc/coturn/tls/fullchain.pem"
SYNCED = Path("/var/lib/coturn/secrets-synced")
CONNTRACK = Path("/proc/sys/net/netfilter")
STALE_S = 120

# From iptables-save -c: bytes by the rule that counted them.
COUNTED = (
    ("coturn_media_bytes_total", 'direction="in"', "bytes", r"-A RELAY-IN -p udp -m udp --dport \d+:\d+ -j ACCEPT"),
    ("coturn_media_bytes_total", 'direction="out"', "bytes", r"-A RELAY-OUT -p udp -m udp --sport \d+:\d+ -j ACCEPT"),
    (
        "coturn_client_bytes_total",
        'direction="in",transport="udp"',
        "bytes",
        r"-A RELAY-IN -p udp -m udp --dport 3478 -j ACCEPT",
    ),
    (
        "coturn_client_bytes_total",
        'direction="out",transport="udp"',
        "bytes",
        r"-A RELAY-OUT -p udp -m udp --sport 3478 -j ACCEPT",
    ),
    (
        "coturn_client_bytes_total",
        'direction="out",transport="tcp"',
        "bytes",
        r"-A RELAY-OUT -p tcp -m multiport --sports 443,3478,5349 -j ACCEPT",
    ),
    (
        "coturn_rate_limited_packets_total",
        'transport="udp"',
        "packets",
        r"-A RELAY-IN -p udp .*--hashlimit-name relay-udp -j DROP",
    ),
    (
        "coturn_rate_limited_packets_total",
        'transport="tcp"',
        "packets",
        r"-A RELAY-IN -p tcp .*--hashlimit-name relay-tcp -j DROP",
    ),
    ("coturn_forbidden_packets_total", 'direction="in"', "packets", r"-A RELAY-IN -j DROP"),
    ("coturn_forbidden_packets_total", 'direction="out"', "packets", r"-A RELAY-OUT .*-j DROP"),
)
HELP = {
    "coturn_up": "Whether a STUN Binding is answered this way.",
    "coturn_credentials_accepted": "Whether a credential of the relay's own secret is.",
    "coturn_allocations": "Relayed addresses that are held now.",
    "coturn_start_time_seconds": "When Coturn was started, in unix time.",
    "coturn_resident_bytes": "Memory that Coturn holds.",
    "coturn_certificate_expires_seconds": "When the certificate ends, in unix time.",
    "coturn_secrets_synced_seconds": "When the secrets were last known to be those of the vault, in unix time.",
    "coturn_media_bytes_total": "Bytes between the relay and peers.",
    "coturn_client_bytes_total": "Bytes between the relay and clients.",
    "coturn_rate_limited_packets_total": "Packets of one source beyond its rate.",
    "coturn_forbidden_packets_total": "Packets that the firewall let not pass; out: somebody tries to reach inside.",
    "node_conntrack_entries": "Connections that the kernel tracks.",
    "node_conntrack_entries_limit": "And how many it can.",
    "coturn_collected_seconds": "When this was written, in unix time.",
}


def main() -> None:
    if sys.argv[1:] == ["collect"]:
        beside = WRITTEN.with_suffix(".next")
        beside.write_text(text(list(samples())))
        beside.chmod(0o644)
        beside.replace(WRITTEN)
    elif sys.argv[1:] == ["serve"]:
        serve(int(os.environ["METRICS_PORT"]))
    else:
        sys.exit(__doc__)


def text(found: list[tuple[str, str, float]]) -> str:
    """Each family once, with its help and type, then its samples."""
    lines = []
    for name, meaning in HELP.items():
        mine = [(labels, value) for family, labels, value in found if family == name]
        if mine:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"]
            lines += [
                f"{name}{{{labels}}} {value:.15g}" if labels else f"{name} {value:.15g}" for labels, value in mine
            ]
    return "\n".join(lines) + "\n"


def samples() -> Iterator[tuple[str, str, float]]:
    """Name, labels, value. What cannot be read is left out, never guessed."""
    address = health.listening(health.CONFIGURATION)
    silent = health.failing(address) if address else []
    for way in ("udp 3478", "tcp 3478", "tls 5349", "tls 443"):
        transport, port = way.split()
        up = address is not None and way not in silent
        yield "coturn_up", f'transport="{transport}",port="{port}"', float(up)
    yield "coturn_credentials_accepted", "", float(address is not None and "credentials" not in silent)
    lowest, highest = int(os.environ["MIN_PORT"]), int(os.environ["MAX_PORT"])
    yield "coturn_allocations", "", float(allocations(UDP_SOCKETS.read_text(), lowest, highest))
    yield from process()
    yield from certificate()
    if SYNCED.exists():
        yield "coturn_secrets_synced_seconds", "", float(SYNCED.read_text())
    yield from counted(output("iptables-save", "-c", "-t", "filter"))
    for name, file in (("entries", "nf_conntrack_count"), ("entries_limit", "nf_conntrack_max")):
        if (CONNTRACK / file).exists():
            yield f"node_conntrack_{name}", "", float((CONNTRACK / file).read_text())
    yield "coturn_collected_seconds", "", float(int(time.time()))


def allocations(sockets: str, lowest: int, highest: int) -> int:
    """From /proc/net/udp: its second column is the local address, in hex."""
    ports = [int(line.split()[1].split(":")[1], 16) for line in sockets.splitlines()[1:]]
    return sum(lowest <= port <= highest for port in ports)


def process() -> Iterator[tuple[str, str, float]]:
    pid = output("systemctl", "show", "coturn.service", "--property=MainPID", "--value").strip()
    status = Path("/proc") / (pid or "0") / "status"
    if pid in ("", "0") or not status.exists():
        return
    resident = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    if resident:
        yield "coturn_resident_bytes", "", float(resident[1]) * 1024
    ticks = int((status.parent / "stat").read_text().rpartition(")")[2].split()[19])
    booted = re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)
    if booted:
        yield "coturn_start_time_seconds", "", float(int(booted[1]) + ticks // os.sysconf("SC_CLK_TCK"))


def certificate() -> Iterator[tuple[str, str, float]]:
    ends = output("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", CERTIFICATE)
    date = re.fullmatch(r"notAfter=(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z\n", ends)
    if date:
        import calendar  # noqa: PLC0415

        yield (
            "coturn_certificate_expires_seconds",
            "",
            float(calendar.timegm(time.strptime(date[1], "%Y-%m-%d %H:%M:%S"))),
        )


def counted(rules: str) -> Iterator[tuple[str, str, float]]:
    for name, labels, what, pattern in COUNTED:
        found = re.findall(rf"^\[(\d+):(\d+)\] {pattern}$", rules, re.MULTILINE)
        if found:
            yield name, labels, float(sum(int(row[what == "bytes"]) for row in found))


def output(*command: str) -> str:
    """What a program says; nothing where it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            fresh = time.time() - WRITTEN.stat().st_mtime < STALE_S
            body = WRITTEN.read_bytes()
        except OSError:
            fresh = False
            body = b""
        if not fresh:  # old figures would look like a relay that is well
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "The metrics are not being written")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A scrape is no news."""


def serve(port: int) -> None:
    """On loopback, and on the private address where somebody is allowed to read there."""
    addresses = ["127.0.0.1"]
    if os.environ["METRICS_SOURCES"]:
        route = re.search(r" src (\S+)", output("ip", "-4", "-o", "route", "get", "1.1.1.1"))
        if not route:
            sys.exit("This VM has no address yet.")
        addresses.append(route[1])
    servers = [http.server.ThreadingHTTPServer((address, port), Handler) for address in addresses]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
