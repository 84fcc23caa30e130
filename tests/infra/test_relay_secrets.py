"""Coturn's database after a look at the vault: the current secret, the previous one, nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import relay_secrets

CURRENT, PREVIOUS = "current-" + "c" * 24, "previous-" + "p" * 24


def table(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE turn_secret (realm varchar(127), value varchar(256), primary key (realm, value))"
        )


def rows(database: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute("SELECT realm, value FROM turn_secret"))


def test_only_what_was_read_is_accepted_afterwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "turndb"
    table(database)
    relay_secrets.accept_only(database, "example.com", [PREVIOUS])
    relay_secrets.accept_only(database, "example.com", [CURRENT, PREVIOUS])
    assert rows(database) == {("example.com", CURRENT), ("example.com", PREVIOUS)}
    relay_secrets.accept_only(database, "example.com", [CURRENT])
    assert rows(database) == {("example.com", CURRENT)}
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "Secrets: 1 accepted, 0 of them new, 1 gone."
    assert CURRENT not in said
    assert PREVIOUS not in said


def test_a_secret_of_another_realm_goes(tmp_path: Path) -> None:
    database = tmp_path / "turndb"
    table(database)
    relay_secrets.accept_only(database, "old.example.com", [PREVIOUS])
    relay_secrets.accept_only(database, "example.com", [CURRENT])
    assert rows(database) == {("example.com", CURRENT)}


def test_when_nothing_changes_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "turndb"
    table(database)
    relay_secrets.accept_only(database, "example.com", [CURRENT])
    capsys.readouterr()
    relay_secrets.accept_only(database, "example.com", [CURRENT])
    assert capsys.readouterr().out == ""


def test_on_another_cloud_a_file_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = tmp_path / "secrets"
    monkeypatch.setattr(relay_secrets, "BY_HAND", by_hand)
    with pytest.raises(relay_secrets.Unusable, match="cannot be read"):
        relay_secrets.wanted("")
    by_hand.write_text(f"{CURRENT}\n{PREVIOUS}\n")
    assert relay_secrets.wanted("") == [CURRENT, PREVIOUS]
    by_hand.write_text(f"{CURRENT}\n{PREVIOUS}\n{PREVIOUS}\n")
    with pytest.raises(relay_secrets.Unusable, match="holds 3 lines"):
        relay_secrets.wanted("")


@pytest.mark.parametrize("bad", ["2short2", "has a break at its end \r", "äöü" * 10, " leads with a blank....."])
def test_what_functions_would_refuse_is_refused_here_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    by_hand = tmp_path / "secrets"
    by_hand.write_text(f"{bad}\n", newline="")
    monkeypatch.setattr(relay_secrets, "BY_HAND", by_hand)
    with pytest.raises(relay_secrets.Unusable) as refused:
        relay_secrets.wanted("")
    assert bad not in str(refused.value)
