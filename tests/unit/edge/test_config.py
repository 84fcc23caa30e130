"""edge/config.py."""

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta

import pytest
from firebase_functions.params import SecretParam

from webrtc_lite.core.deadlines import Durations
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


# --- durations


@pytest.fixture
def durations(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Durations]:
    """Those of a deployment with these variables set, and no other."""

    def read(**variables: str) -> Durations:
        for name in config.DURATIONS:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        config.durations.cache_clear()
        capsys.readouterr()
        return config.durations()

    return read


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert all((entry["event"], entry["severity"]) == ("durations_not_usable", "ERROR") for entry in entries)
    return [problem for entry in entries for problem in entry["problems"]]


def test_nothing_has_to_be_set(durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str]) -> None:
    assert durations() == Durations()
    assert told(capsys) == []


def test_the_defaults_are_those_of_the_specification() -> None:
    assert {name: config.default(bounds) for name, bounds in config.DURATIONS.items()} == {
        "CALL_OFFER_SECONDS": 30,
        "CALL_SETTLED_SECONDS": 120,
        "CALL_RING_SECONDS": 30,
        "CALL_CONNECT_SECONDS": 30,
        "CALL_UNANSWERED_MINUTES": 10,
        "CALL_LEASE_MINUTES": 15,
        "SESSION_KEPT_MINUTES": 60,
        "HISTORY_KEPT_DAYS": 90,
    }


def test_every_duration_may_be_set(durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str]) -> None:
    assert {bounds.place for bounds in config.DURATIONS.values()} == {each.name for each in fields(Durations)} - {
        "warn_only"
    }
    read = durations(
        CALL_OFFER_SECONDS="20", CALL_SETTLED_SECONDS=" 90 ", CALL_RING_SECONDS="45", CALL_CONNECT_SECONDS="40",
        CALL_UNANSWERED_MINUTES="5", CALL_LEASE_MINUTES="12", SESSION_KEPT_MINUTES="10", HISTORY_KEPT_DAYS="30",
    )  # fmt: skip
    assert read == Durations(
        offer=timedelta(seconds=20), settled=timedelta(seconds=90), ring=timedelta(seconds=45),
        connect=timedelta(seconds=40), unanswered=timedelta(minutes=5), lease=timedelta(minutes=12),
        session_kept=timedelta(minutes=10), history_kept=timedelta(days=30),
    )  # fmt: skip
    assert told(capsys) == []


@pytest.mark.parametrize(("name", "bounds"), config.DURATIONS.items())
def test_a_duration_within_its_range_counts_and_one_beyond_has_its_default(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str], name: str, bounds: config.Bounds
) -> None:
    longest = {"CALL_SETTLED_SECONDS": "600"} if name == "CALL_OFFER_SECONDS" else {}
    for number in (bounds.least, bounds.most):
        assert getattr(durations(**(longest | {name: str(number)})), bounds.place) == number * bounds.unit
        assert told(capsys) == []
    for number in (bounds.least - 1, bounds.most + 1):
        assert durations(**{name: str(number)}) == Durations()
        (problem,) = told(capsys)
        assert problem.startswith(f"{name} has to be a whole number from {bounds.least} to {bounds.most},")
        assert problem.endswith(f"counts as {config.default(bounds)}.")


@pytest.mark.parametrize("text", ["soon", "30.5", "-30", "+30", "30s", "3_0", "٣٠", "1" * 5000, "0x1e"])
def test_what_is_no_number_has_its_default_and_is_not_quoted(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert durations(CALL_RING_SECONDS=text) == Durations()
    (problem,) = told(capsys)
    assert text not in problem.replace("30.", "")


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_one_is_not_set(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str], empty: str
) -> None:
    assert durations(CALL_RING_SECONDS=empty) == Durations()
    assert told(capsys) == []


def test_a_wrong_one_does_not_touch_the_others(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str]
) -> None:
    assert durations(CALL_RING_SECONDS="60", CALL_LEASE_MINUTES="1") == Durations(ring=timedelta(seconds=60))
    assert len(told(capsys)) == 1


@pytest.mark.parametrize("offer", ["60", "61", "120"])
def test_a_session_waits_longer_to_be_settled_than_for_its_offer(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str], offer: str
) -> None:
    assert durations(CALL_OFFER_SECONDS="59", CALL_SETTLED_SECONDS="60").settled == timedelta(seconds=60)
    assert durations(CALL_OFFER_SECONDS=offer, CALL_SETTLED_SECONDS="60", CALL_RING_SECONDS="20") == Durations(
        ring=timedelta(seconds=20)
    )
    (problem,) = told(capsys)
    assert "more than CALL_OFFER_SECONDS" in problem


def test_an_instance_tells_of_its_durations_once(
    durations: Callable[..., Durations], capsys: pytest.CaptureFixture[str]
) -> None:
    durations(CALL_RING_SECONDS="soon")
    told(capsys)
    assert config.durations() is config.durations()
    assert told(capsys) == []


# --- checks that only warn


@pytest.fixture
def warn_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], frozenset[str]]:
    def read(value: str | None) -> frozenset[str]:
        config.warn_only.cache_clear()
        if value is None:
            monkeypatch.delenv("SDP_WARN_ONLY", raising=False)
        else:
            monkeypatch.setenv("SDP_WARN_ONLY", value)
        return config.warn_only()

    return read


@pytest.mark.parametrize("value", [None, "", " ", ",", " , "])
def test_every_check_refuses_unless_it_is_named(
    value: str | None, warn_only: Callable[[str | None], frozenset[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert warn_only(value) == frozenset()
    assert capsys.readouterr().err == ""


def test_the_checks_that_are_named_only_warn(
    warn_only: Callable[[str | None], frozenset[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert warn_only("sdp_no_rtcp_mux, sdp_line_order,") == {"sdp_no_rtcp_mux", "sdp_line_order"}
    assert capsys.readouterr().err == ""


def test_a_check_that_does_not_exist_is_told_once_and_ignored(
    warn_only: Callable[[str | None], frozenset[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert warn_only("sdp_no_rtpc_mux,sdp_line_order,\x07x,sdp_no_media\n") == {"sdp_line_order", "sdp_no_media"}
    config.warn_only()
    (logged,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert logged == {
        "severity": "ERROR",
        "event": "checks_unknown",
        "codes": ["(not a code)", "sdp_no_rtpc_mux"],
        "message": "SDP_WARN_ONLY names checks that do not exist and are ignored: (not a code), sdp_no_rtpc_mux.",
    }


def test_who_judges_calls_has_durations_and_checks_together(
    monkeypatch: pytest.MonkeyPatch, warn_only: Callable[[str | None], frozenset[str]]
) -> None:
    monkeypatch.setenv("CALL_RING_SECONDS", "45")
    config.durations.cache_clear()
    warn_only("sdp_line_order")
    assert config.durations_and_checks() == Durations(
        ring=timedelta(seconds=45), warn_only=frozenset({"sdp_line_order"})
    )
    config.durations.cache_clear()
