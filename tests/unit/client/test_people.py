"""Accounts that a file keeps, and guests who are gone afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from webrtc_lite_client.backend import local_stack
from webrtc_lite_client.firebase import Firebase
from webrtc_lite_client.people import Manner, account, guest
from webrtc_lite_client.problem import Exit, Problem


class Auth:
    """Whom it has given an account, and whose it has deleted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_asked = asyncio.Event()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        action = request.url.path.rpartition("/")[2]
        self.asked.append(action)
        self.is_asked.set()
        await asyncio.sleep(0)
        if action == "token":
            return httpx.Response(200, json={"user_id": "alice", "id_token": "t", "refresh_token": "r"})
        return httpx.Response(200, json={"kind": "", "localId": "alice", "idToken": "t", "refreshToken": "r"})

    def meets[T](self, question: Callable[[Firebase], Awaitable[T]]) -> T:
        async def run() -> T:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.answer)) as http:
                return await question(Firebase(local_stack(), http))

        return asyncio.run(run())


def test_an_account_is_made_once_and_is_the_same_device_at_every_later_start(tmp_path: Path) -> None:
    auth, file = Auth(), tmp_path / "account"

    made = auth.meets(lambda service: account(service, file))
    found = auth.meets(lambda service: account(service, file))

    assert made == found
    assert auth.asked == ["accounts:signUp", "token"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no account"),
        ("[]", "holds no account"),
        ('{"project": "demo-webrtc-lite"}', "holds no account"),
        ('{"project": "other", "device_id": "d", "refresh_token": "r"}', "holds an account of other"),
    ],
)
def test_a_file_with_something_else_in_it_is_left_alone(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "account"
    file.write_text(content)

    with pytest.raises(Problem, match=said) as problem:
        Auth().meets(lambda service: account(service, file))
    assert problem.value.ends is Exit.USAGE
    assert file.read_text() == content


@pytest.mark.parametrize("fails", [False, True], ids=["well", "failing"])
def test_a_guest_is_gone_afterwards_however_that_ends(*, fails: bool) -> None:
    auth = Auth()

    async def stay(service: Firebase) -> None:
        async with guest(service, Manner()):
            if fails:
                raise Problem("no")

    with suppress(Exception):
        auth.meets(stay)
    assert auth.asked == ["accounts:signUp", "accounts:delete"]


def test_a_guest_who_is_interrupted_while_the_account_is_made_is_gone_as_well() -> None:
    auth = Auth()

    async def interrupted(service: Firebase) -> None:
        async def stay() -> None:
            async with guest(service, Manner()):
                pass

        staying = asyncio.create_task(stay())
        await auth.is_asked.wait()
        staying.cancel()
        with suppress(asyncio.CancelledError):
            await staying

    auth.meets(interrupted)
    assert auth.asked == ["accounts:signUp", "accounts:delete"]
