"""Metrics as Prometheus reads them, from what the kernel and the firewall say."""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

import relay_metrics

SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
    1: 0201000A:0D96 00000000:0000 07 00000000:00000000 00:00000000 00000000   102        0 1 2 0000000000000000 0
    2: 0201000A:C000 00000000:0000 07 00000000:00000000 00:00000000 00000000   102        0 1 2 0000000000000000 0
    3: 0201000A:FFFF 00000000:0000 07 00000000:00000000 00:00000000 00000000   102        0 1 2 0000000000000000 0
    4: 0201000A:BFFF 00000000:0000 07 00000000:00000000 00:00000000 00000000   102        0 1 2 0000000000000000 0
"""
RULES = """\
[10:1000] -A INPUT -j RELAY-IN
[3:300] -A RELAY-IN -p udp -m udp --dport 49152:65535 -j ACCEPT
[5:500] -A RELAY-OUT -p udp -m udp --sport 49152:65535 -j ACCEPT
[2:80] -A RELAY-OUT -m iprange --dst-range 10.0.0.0-10.255.255.255 -j DROP
[1:40] -A RELAY-OUT -j DROP
[7:700] -A RELAY-IN -j DROP
"""


def test_a_udp_socket_in_the_relay_range_is_an_allocation() -> None:
    assert relay_metrics.allocations(SOCKETS, 49152, 65535) == 2


def test_the_firewalls_counters_are_read_by_rule() -> None:
    found = {(name, labels): value for name, labels, value in relay_metrics.counted(RULES)}
    assert found["coturn_media_bytes_total", 'direction="in"'] == 300
    assert found["coturn_media_bytes_total", 'direction="out"'] == 500
    assert found["coturn_forbidden_packets_total", 'direction="out"'] == 3
    assert found["coturn_forbidden_packets_total", 'direction="in"'] == 7
    assert ("coturn_rate_limited_packets_total", 'transport="udp"') not in found  # not there, so not told


def test_each_family_has_its_help_and_type_once() -> None:
    found = relay_metrics.text(
        [("coturn_up", 'port="1"', 1.0), ("coturn_up", 'port="2"', 0.0), ("coturn_media_bytes_total", "", 1e15)]
    )
    assert found == (
        "# HELP coturn_up Whether a STUN Binding is answered this way.\n# TYPE coturn_up gauge\n"
        'coturn_up{port="1"} 1\ncoturn_up{port="2"} 0\n'
        "# HELP coturn_media_bytes_total Bytes between the relay and peers.\n# TYPE coturn_media_bytes_total counter\n"
        "coturn_media_bytes_total 1e+15\n"
    )


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(relay_metrics, "WRITTEN", tmp_path / "metrics.prom")
    server = ThreadingHTTPServer(("127.0.0.1", 0), relay_metrics.Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            code: int = response.status
            return code
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_fresh_metrics_are_handed_out_with_prometheus_type(url: str) -> None:
    relay_metrics.WRITTEN.write_text("coturn_allocations 1\n")
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as response:
        assert response.read() == b"coturn_allocations 1\n"
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert status(f"{url}/other") == 404


def test_old_figures_are_not_handed_out(url: str) -> None:
    assert status(f"{url}/metrics") == 503
    relay_metrics.WRITTEN.write_text("coturn_allocations 1\n")
    past = time.time() - relay_metrics.STALE_S - 1
    os.utime(relay_metrics.WRITTEN, (past, past))
    assert status(f"{url}/metrics") == 503
