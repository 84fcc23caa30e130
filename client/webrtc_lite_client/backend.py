"""Where the parts of the back end are: the local stack's emulators, or Google's addresses of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field

HOST = "127.0.0.1"
AUTH_PORT, FIRESTORE_PORT, FUNCTIONS_PORT = 9099, 8080, 5001  # SPEC section 1: users' scripts depend on them
PROJECT, REGION = "demo-webrtc-lite", "us-central1"


@dataclass(frozen=True)
class Backend:
    project: str
    region: str
    identity: str  # Auth's REST API, https://cloud.google.com/identity-platform/docs/reference/rest
    tokens: str  # where an ID token is renewed, an hour after it was given
    callables: str  # the address of a callable, with {region} and {name} in it
    api_key: str = field(repr=False)
    emulator: str | None  # Firestore's emulator as host:port; None is Google's Firestore

    @property
    def local(self) -> bool:
        return self.emulator is not None

    def function(self, name: str, region: str | None = None) -> str:
        return self.callables.format(region=region or self.region, name=name)


def local_stack(
    project: str = PROJECT,
    region: str = REGION,
    *,
    auth: str = f"{HOST}:{AUTH_PORT}",
    firestore: str = f"{HOST}:{FIRESTORE_PORT}",
    functions: str = f"{HOST}:{FUNCTIONS_PORT}",
) -> Backend:
    """The stack that `make run` starts, or one that is somewhere else."""
    return Backend(
        project=project,
        region=region,
        identity=f"http://{auth}/identitytoolkit.googleapis.com/v1",
        tokens=f"http://{auth}/securetoken.googleapis.com/v1",
        callables=f"http://{functions}/{project}/{{region}}/{{name}}",
        api_key="any",
        emulator=firestore,
    )


def deployment(project: str, api_key: str, region: str = REGION) -> Backend:
    return Backend(
        project=project,
        region=region,
        identity="https://identitytoolkit.googleapis.com/v1",
        tokens="https://securetoken.googleapis.com/v1",
        callables=f"https://{{region}}-{project}.cloudfunctions.net/{{name}}",
        api_key=api_key,
        emulator=None,
    )
