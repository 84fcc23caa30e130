"""What anybody on the internet gets from a relay with production values: SPEC section 5, each attempt by its name.

The attempts are those of tools/relay_check.py, which an operator runs against the deployed VM.
"""

import re

import pytest

from tests.relay.conftest import Attacked, attack
from tests.support import namespace
from tools import relay_check

# Coturn allows its own address as a peer, because two of its clients meet there. Only the firewall of the VM keeps them
# from its other services, and there is none here.
FIREWALL = "the_services_of_the_relays_own_machine"
COMPLAINT = r"Bad configuration format|Wrong address format|CONFIG ERROR|error resolving|Unknown argument"


@pytest.mark.parametrize("name", [name for name in relay_check.CHECKS if name != FIREWALL])
def test_an_attempt_comes_out_as_promised(attacked: Attacked, name: str) -> None:
    assert attacked.outcomes[name] == {"problem": None, "not_asked": None}


def test_a_relay_without_an_egress_firewall_is_found_out(attacked: Attacked) -> None:
    assert "egress firewall is missing" in str(attacked.problem(FIREWALL))


def test_nothing_arrives_at_a_machine_behind_the_relay_whatever_a_client_sends(attacked: Attacked) -> None:
    assert attacked.arrived == []


def test_coturn_knows_every_line_of_the_production_configuration(attacked: Attacked) -> None:
    assert "Version Coturn" in attacked.log
    assert not re.search(COMPLAINT, attacked.log)


def test_the_server_outlives_all_of_it(attacked: Attacked) -> None:
    assert attacked.alive is None


def test_no_secret_and_no_password_stands_in_its_log(attacked: Attacked) -> None:
    assert "a secret of the tests" not in attacked.log


# --- a check that cannot fail is none: the same attempts on configurations that are wrong as they go wrong in practice


@pytest.mark.parametrize(
    ("good", "bad", "name"),
    [
        ("use-auth-secret\n", "", "nobody_without_a_credential"),
        ("denied-peer-ip=10.0.0.0-10.255.255.255", "denied-peer-ip=10.0.0.0/8", "a_permission_for_a_special_address"),
        ("denied-peer-ip=169.254.0.0-", "denied-peer-pi=169.254.0.0-", "a_channel_to_a_special_address"),
        ("denied-peer-ip=192.0.0.0-192.0.0.255\n", "", "a_permission_for_a_special_address"),
        ("denied-peer-ip=0.0.0.0-0.255", "denied-peer-ip=0.0.0.0-9.255", "a_public_address"),
        ("user-quota=32", "user-quota=33", "one_user_with_many_credentials"),
        ("total-quota=120", "total-quota=abc", "many_users_together"),
        ("max-bps=375000", "max-bps=3000000", "a_flood_through_one_allocation"),
        ("max-allocate-lifetime=3600", "max-allocate-lifetime=86400", "an_allocation_for_ever"),
        ("no-software-attribute\n", "", "what_answers_tell_and_weigh"),
        ("no-cli\n", "cli-ip=11.99.0.10\ncli-password=qwerty\n", "the_ports_of_what_is_switched_off"),
        ("aux-server=11.99.0.10:443", "", "tls"),
        ("min-port=49152\nmax-port=65535", "min-port=40000\nmax-port=40100", "a_good_credential_on_every_way"),
    ],
)  # fmt: skip
def test_a_configuration_that_has_gone_wrong_is_found_out(good: str, bad: str, name: str) -> None:
    assert attack({good: bad}, name).problem(name)


def test_a_machine_that_gives_no_namespace_is_told_so_and_nothing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "WAYS", (["false"], ["no-such-program"]))
    namespace.unshare.cache_clear()
    try:
        with pytest.raises(AssertionError, match="need a network namespace"):
            namespace.unshare()
    finally:
        namespace.unshare.cache_clear()
