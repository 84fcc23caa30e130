"""Where the parts are."""

from tools.stack.addresses import PROJECT, Addresses
from webrtc_lite.edge.config import REGION
from webrtc_lite_client.backend import deployment, local_stack


def test_the_local_stack_is_found_where_firebase_json_puts_it() -> None:
    found, stack = local_stack(), Addresses()

    assert found.project == PROJECT
    assert found.local
    assert found.identity == f"{stack.url('auth')}/identitytoolkit.googleapis.com/v1"
    assert found.tokens == f"{stack.url('auth')}/securetoken.googleapis.com/v1"
    assert found.function("f") == f"{stack.url('functions')}/{PROJECT}/{REGION}/f"
    assert f"http://{found.emulator}" == stack.url("firestore")


def test_a_deployment_is_found_at_googles_addresses() -> None:
    found = deployment("my-app", "the-key", "europe-west1")

    assert not found.local
    assert found.identity == "https://identitytoolkit.googleapis.com/v1"
    assert found.tokens == "https://securetoken.googleapis.com/v1"
    assert found.function("f") == "https://europe-west1-my-app.cloudfunctions.net/f"
    assert found.function("f", "us-east1") == "https://us-east1-my-app.cloudfunctions.net/f"
    assert found.api_key == "the-key"
    assert "the-key" not in repr(found)
