"""Where the parts of the back end are: the local stack's emulators, or Google's addresses of a deployment."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "127.0.0.1"
AUTH_PORT, FIRESTORE_PORT, FUNCTIONS_PORT = 9099, 8080, 5001  # SPEC section 1: users' scripts depend on them
PROJECT, REGION = "demo-webrtc-lite", "us-central1"


@dataclass(frozen=True)
class Backend:
    project: str
    identity: str  # Auth's REST API, https://cloud.google.com/identity-platform/docs/reference/rest
    functions: str  # a callable's address is this and its name
    api_key: str
    emulator: str | None  # Firestore's emulator as host:port; None is Google's Firestore

    @property
    def local(self) -> bool:
        return self.emulator is not None


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
        identity=f"http://{auth}/identitytoolkit.googleapis.com/v1",
        functions=f"http://{functions}/{project}/{region}",
        api_key="any",
        emulator=firestore,
    )


def deployment(project: str, api_key: str, region: str = REGION) -> Backend:
    return Backend(
        project=project,
        identity="https://identitytoolkit.googleapis.com/v1",
        functions=f"https://{region}-{project}.cloudfunctions.net",
        api_key=api_key,
        emulator=None,
    )
