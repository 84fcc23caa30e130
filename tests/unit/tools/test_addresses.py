"""Where the local stack listens: fixed, because users' scripts depend on it, and movable as a whole."""

import pytest

from tools.stack.addresses import Addresses, Listener, firebase_json


def test_the_stack_listens_where_the_specification_says() -> None:
    addresses = Addresses()

    assert {name: addresses.port(name) for name in ("auth", "firestore", "functions", "hosting", "hub")} == {
        "auth": 9099,
        "firestore": 8080,
        "functions": 5001,
        "hosting": 5000,
        "hub": 4400,
    }
    assert (addresses.turn, addresses.turn_tls) == (3478, 5349)


def test_without_an_offset_the_emulators_are_those_of_firebase_json() -> None:
    assert Addresses().emulators() == firebase_json()["emulators"]


def test_an_offset_moves_every_port_and_nothing_else() -> None:
    here, beside = Addresses(), Addresses(20_000)

    assert [listener.port for listener in beside.listeners()] == [
        listener.port + 20_000 for listener in here.listeners()
    ]
    assert beside.emulators()["firestore"] == {"host": "127.0.0.1", "port": 28080, "websocketPort": 29150}
    assert beside.emulators()["ui"] == {"enabled": False}
    assert beside.emulators()["singleProjectMode"] is True
    assert (beside.turn, beside.turn_tls) == (23478, 25349)


def test_a_url_names_the_loopback_address_and_the_moved_port() -> None:
    assert Addresses(1).url("functions") == "http://127.0.0.1:5002"


def test_every_port_of_the_suite_and_of_the_relay_has_to_be_free() -> None:
    listeners = Addresses().listeners()

    assert {listener.port for listener in listeners if listener.part == "firestore"} == {8080, 9150}
    assert [listener for listener in listeners if listener.part == "coturn"] == [
        Listener("coturn", 3478, "udp"),
        Listener("coturn", 3478, "tcp"),
        Listener("coturn", 5349, "tcp"),
    ]
    emulators = {name for name, value in firebase_json()["emulators"].items() if isinstance(value, dict)}
    assert emulators - {"ui"} == {listener.part for listener in listeners} - {"coturn"}


def test_no_two_parts_want_the_same_port() -> None:
    listeners = [(listener.port, listener.protocol) for listener in Addresses().listeners()]

    assert len(set(listeners)) == len(listeners)


@pytest.mark.parametrize(
    "emulator", [name for name, value in firebase_json()["emulators"].items() if "port" in str(value)]
)
def test_no_emulator_is_reached_from_another_machine(emulator: str) -> None:
    assert Addresses().emulators()[emulator]["host"] == "127.0.0.1"


def test_a_listener_reads_as_address_port_and_protocol() -> None:
    assert str(Listener("coturn", 3478, "udp")) == "127.0.0.1:3478/udp"
