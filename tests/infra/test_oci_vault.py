"""A secret from OCI Vault as this instance, from a server that checks every signature."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import oci_vault
from tests.infra import oci


@pytest.fixture
def cloud() -> Iterator[oci.Cloud]:
    cloud = oci.Cloud()
    server = oci.Server(cloud, ("127.0.0.1", 0))
    cloud.url = server.url  # type: ignore[attr-defined]
    yield cloud
    server.stop()


def read(cloud: oci.Cloud, stage: str = "CURRENT") -> str:
    url: str = cloud.url  # type: ignore[attr-defined]
    principal, services = oci_vault.instance_principal(f"{url}/opc/v2", oci_vault.Services(url, url))
    return oci_vault.secret(principal, services, oci.SECRET, stage)


def test_the_current_and_the_previous_version_are_read(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the first one, of some length")
    cloud.put(oci.SECRET, "the second one, of some length")
    assert read(cloud) == "the second one, of some length"
    assert read(cloud, "PREVIOUS") == "the first one, of some length"
    assert cloud.requests[:5] == [
        "GET /opc/v2/instance/regionInfo",
        "GET /opc/v2/identity/cert.pem",
        "GET /opc/v2/identity/key.pem",
        "GET /opc/v2/identity/intermediate.pem",
        "POST /v1/x509",
    ]


def test_before_the_first_rotation_there_is_no_previous_one(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the only one, of some length")
    with pytest.raises(oci_vault.NoSuchVersionError):
        read(cloud, "PREVIOUS")


def test_a_refusal_says_what_oracle_says_and_no_more(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the only one, of some length")
    cloud.allowed = False
    with pytest.raises(oci_vault.VaultError, match=r"^127\.0\.0\.1:\d+ answered 404 NotAuthorizedOrNotFound\.$"):
        read(cloud)


def test_a_vault_that_is_down_is_an_error_and_never_an_empty_secret(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the only one, of some length")
    cloud.down = True
    with pytest.raises(oci_vault.VaultError, match="503 ServiceUnavailable"):
        read(cloud)


def test_another_key_than_the_certificates_gets_no_token(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the only one, of some length")
    cloud.instance_key = oci.new_key()  # the certificate is of the one before
    with pytest.raises(oci_vault.VaultError, match="401 NotAuthenticated"):
        read(cloud)


def test_a_service_that_is_not_there_is_said() -> None:
    with pytest.raises(oci_vault.VaultError, match="metadata service cannot be reached"):
        oci_vault.instance_principal("http://127.0.0.1:9/opc/v2")


def test_a_certificate_without_a_tenancy_is_refused() -> None:
    with pytest.raises(oci_vault.VaultError, match="names no tenancy"):
        oci_vault.tenancy(oci.certificate(oci.new_key(), "somebody"))


def test_a_region_has_its_services_where_oracle_says() -> None:
    services = oci_vault.Services.of("eu-frankfurt-1", "oraclecloud.com")
    assert services.auth == "https://auth.eu-frankfurt-1.oraclecloud.com"
    assert services.secrets == "https://secrets.vaults.eu-frankfurt-1.oci.oraclecloud.com"


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ("/opc/v2/instance/regionInfo", b"<html>starting up</html>"),
        ("/opc/v2/instance/regionInfo", b"{}"),
        ("/opc/v2/identity/cert.pem", b""),
        ("/opc/v2/identity/key.pem", b"no key"),
        ("/v1/x509", b"[]"),
        ("/v1/x509", b""),
        (f"/20190301/secretbundles/{oci.SECRET}", b'{"secretBundleContent": {"content": "%%%"}}'),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_like_any_other(cloud: oci.Cloud, path: str, broken: bytes) -> None:
    """What reads the secrets tells such an error from a bug of its own, and keeps the old ones."""
    cloud.put(oci.SECRET, "the only one, of some length")
    cloud.broken = {path: broken}
    with pytest.raises(oci_vault.VaultError):
        read(cloud)


def test_an_answer_that_breaks_off_is_an_error_like_any_other(cloud: oci.Cloud) -> None:
    cloud.put(oci.SECRET, "the only one, of some length")
    cloud.breaks_off = True
    with pytest.raises(oci_vault.VaultError, match="cannot be reached"):
        read(cloud)
