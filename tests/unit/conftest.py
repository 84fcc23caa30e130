"""What a unit test may lean on: this process as an emulated deployment, without a server and without a network."""

import importlib

import pytest

from tests.support.functions import EMULATED


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """firebase-admin takes unsigned tokens, in the app that main.py initializes."""
    for name, value in EMULATED.items():
        monkeypatch.setenv(name, value)
    importlib.import_module("main")
