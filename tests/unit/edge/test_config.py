"""edge/config.py."""

import json

import pytest
from firebase_functions.params import SecretParam

from webrtc_lite.core.errors import RelayNotConfiguredError
from webrtc_lite.core.turn import Relay
from webrtc_lite.edge import config

LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61])  # 253 characters
SECRET = "north-star-of-the-relay"
NAMES = ("TURN_HOST", "TURN_PORT", "TURN_TLS_PORTS", "TURN_SECRET", "FUNCTIONS_EMULATOR")


class Deployment:
    """A deployment that is right until a test says otherwise; None unsets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        self.set(TURN_HOST="turn.example.com", TURN_SECRET=SECRET)

    def set(self, **variables: str | None) -> None:
        config.relay.cache_clear()
        config._tell.cache_clear()
        for name, value in variables.items():
            if value is None:
                self._monkeypatch.delenv(name, raising=False)
            else:
                self._monkeypatch.setenv(name, value)

    def told(self) -> list[str]:
        """What the operator has been told since the last look."""
        lines = self._capsys.readouterr().err.splitlines()
        return [problem for line in lines for problem in json.loads(line)["problems"]]

    def problems(self) -> list[str]:
        with pytest.raises(RelayNotConfiguredError):
            config.relay()
        return self.told()


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deployment:
    return Deployment(monkeypatch, capsys)


def test_host_and_secret_are_enough(deployment: Deployment) -> None:
    assert config.relay() == Relay("turn.example.com", 3478, (5349, 443), SECRET)
    assert deployment.told() == []


def test_the_secret_does_not_show_in_the_settings() -> None:
    assert SECRET not in repr(Relay("turn.example.com", 3478, (), SECRET))


def test_every_parameter_counts(deployment: Deployment) -> None:
    deployment.set(TURN_HOST="relay.example", TURN_PORT="3479", TURN_TLS_PORTS=" 5350 , 444", TURN_SECRET="x" * 16)
    assert config.relay() == Relay("relay.example", 3479, (5350, 444), "x" * 16)


@pytest.mark.parametrize("none", ["", " "])
def test_a_relay_may_have_no_tls(deployment: Deployment, none: str) -> None:
    deployment.set(TURN_TLS_PORTS=none)
    assert config.relay().tls_ports == ()


# --- the host


@pytest.mark.parametrize(
    "host", ["turn", "turn.example.com", "a-1.b2", "xn--bcher-kva.example", "1.2.example", "203.0.113.7", LONGEST]
)
def test_a_name_or_an_ipv4_address_stands_as_it_is(deployment: Deployment, host: str) -> None:
    deployment.set(TURN_HOST=host)
    assert config.relay().host == host


@pytest.mark.parametrize("host", ["2001:db8::7", "[2001:db8::7]", "2001:DB8:0::7"])
def test_an_ipv6_address_stands_in_brackets(deployment: Deployment, host: str) -> None:
    deployment.set(TURN_HOST=host)
    assert config.relay().host == "[2001:db8::7]"


@pytest.mark.parametrize(
    "host",
    [
        "turn:turn.example.com", "https://turn.example.com", "turn.example.com:3478", "turn.example.com/", " turn",
        "turn.example.com\n", "turn example", "-turn.example", "turn-.example", "turn..example", ".", "turn_1.example",
        "300.1.1.1", "1.2.3", "7",
        "0x7f000001", "127.0.0.0X1", "[203.0.113.7]", "fe80::1%eth0", "[::7", "bücher.example", "user@turn.example",
        "a" * 64 + ".example", LONGEST + "a", "turn.example.com?x",
    ],
)  # fmt: skip
def test_anything_but_a_bare_host_is_refused(deployment: Deployment, host: str) -> None:
    deployment.set(TURN_HOST=host)
    (problem,) = deployment.problems()
    assert problem.startswith("TURN_HOST is not a bare host name or address")
    assert "TURN_HOST=turn.example.com" in problem


@pytest.mark.parametrize("host", [None, ""])
def test_a_host_that_is_not_set_is_asked_for(deployment: Deployment, host: str | None) -> None:
    deployment.set(TURN_HOST=host)
    (problem,) = deployment.problems()
    assert problem.startswith(
        "TURN_HOST is not set: put TURN_HOST=turn.example.com into functions/.env.<project> and deploy again."
    )


LOOPBACK = [
    "127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "relay.localhost", "::1", "[::1]", "0.0.0.0", "::",
    "::ffff:127.0.0.1", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_deployed_function_does_not_send_phones_to_themselves(deployment: Deployment, host: str) -> None:
    deployment.set(TURN_HOST=host)
    (problem,) = deployment.problems()
    assert problem.startswith("TURN_HOST is an address that no phone can reach")


@pytest.mark.parametrize("host", LOOPBACK)
def test_the_local_stack_may(deployment: Deployment, host: str) -> None:
    deployment.set(TURN_HOST=host, FUNCTIONS_EMULATOR="true")
    assert config.relay().port == 3478


# --- the ports


@pytest.mark.parametrize(
    ("port", "tls_ports"),
    [
        ("0", "5349"), ("65536", "5349"), ("-1", "5349"), ("", "5349"), ("many", "5349"), ("3478.0", "5349"),
        ("3478", "0"), ("3478", "65536"), ("3478", "5349,"), ("3478", "5349;443"), ("3478", "tls"),
        ("3478", "5349,5349"), ("3478", "3478"), ("443", "5349,443"),
    ],
)  # fmt: skip
def test_ports_are_different_numbers_that_exist(deployment: Deployment, port: str, tls_ports: str) -> None:
    deployment.set(TURN_PORT=port, TURN_TLS_PORTS=tls_ports)
    (problem,) = deployment.problems()
    assert "from 1 to 65535" in problem
    assert "TURN_PORT=3478 and TURN_TLS_PORTS=5349,443 into functions/.env" in problem


@pytest.mark.parametrize("port", ["1", "65535"])
def test_the_first_and_the_last_port_are_ports(deployment: Deployment, port: str) -> None:
    deployment.set(TURN_PORT=port, TURN_TLS_PORTS="5349")
    assert config.relay().port == int(port)


# --- the secret


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (None, "is not set"),
        ("", "is not set"),
        (SECRET + "\n", "echo"),
        (SECRET + "\r\n", "echo"),
        (" " + SECRET, "white space"),
        ("\n", "white space"),
        (SECRET + "\x00", "printable ASCII"),
        ("north-star\nof-the-relay", "printable ASCII"),
        ("nörth-star-of-the-relay", "printable ASCII"),
        ("x" * 15, "shorter than 16"),
    ],
)
def test_a_secret_that_cannot_be_the_relays_is_refused_with_what_to_type(
    deployment: Deployment, secret: str | None, says: str
) -> None:
    # Not through the environment, which cannot hold every character that a secret manager can.
    deployment._monkeypatch.setattr(SecretParam, "value", secret or "")
    (problem,) = deployment.problems()
    assert problem.startswith("TURN_SECRET ")
    assert says in problem
    assert "firebase functions:secrets:set TURN_SECRET" in problem
    assert not (secret and secret.strip() and secret.strip() in problem)


def test_a_secret_of_sixteen_characters_with_spaces_between_is_one(deployment: Deployment) -> None:
    deployment.set(TURN_SECRET="four words or so")
    assert config.relay().secret == "four words or so"


# --- all of it


def test_every_problem_is_told_at_once(deployment: Deployment) -> None:
    deployment.set(TURN_HOST=None, TURN_PORT="many", TURN_SECRET=None)
    assert [problem.split()[0] for problem in deployment.problems()] == ["TURN_HOST", "TURN_PORT", "TURN_SECRET"]


def test_no_sentence_quotes_what_stands_in_the_environment(deployment: Deployment) -> None:
    """A secret pasted into the wrong line is still one."""
    deployment.set(TURN_HOST=f"{SECRET}?", TURN_PORT=SECRET, TURN_SECRET=f"{SECRET} ")
    problems = deployment.problems()
    assert len(problems) == 3
    assert SECRET not in " ".join(problems)


def test_the_client_hears_no_more_than_that_there_is_no_relay(deployment: Deployment) -> None:
    deployment.set(TURN_HOST=None)
    with pytest.raises(RelayNotConfiguredError) as raised:
        config.relay()
    assert "TURN_HOST" not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.field is None


def test_an_instance_tells_the_operator_once_and_refuses_every_time(deployment: Deployment) -> None:
    deployment.set(TURN_HOST=None)
    assert len(deployment.problems()) == 1
    assert deployment.problems() == []


def test_a_refusal_is_not_kept_and_a_relay_is(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment.set(TURN_HOST=None)
    deployment.problems()
    monkeypatch.setenv("TURN_HOST", "turn.example.com")
    assert config.relay().host == "turn.example.com"
    monkeypatch.setenv("TURN_HOST", "other.example.com")
    assert config.relay().host == "turn.example.com"
