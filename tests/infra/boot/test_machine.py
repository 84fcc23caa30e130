"""The rendered user-data, booted for real, and used from the internet of its own world."""

from __future__ import annotations

import json

from tests.infra.boot.conftest import Booted


def test_cloud_init_finishes_without_an_error(booted: Booted) -> None:
    result = json.loads(booted("cat", "/run/cloud-init/result.json"))
    assert result["v1"]["errors"] == [], booted("tail", "-n", "80", "/var/log/cloud-init-output.log")
    assert result["v1"]["datasource"].startswith("DataSourceNoCloud")


def test_coturn_runs(booted: Booted) -> None:
    booted.machine.until("Coturn runs", "systemctl", "is-active", "coturn.service")
    assert booted("systemctl", "--failed", "--no-legend") == ""
