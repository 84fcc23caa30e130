"""Accounts of Firebase Auth, and the callable that they ask for relay credentials: a few HTTPS requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from webrtc_lite_client.backend import Backend
from webrtc_lite_client.credentials import ISSUE, Issued
from webrtc_lite_client.problem import Exit, NotThere, Problem, Refused

ANSWER_WITHIN_S = 20.0  # the first request of a function starts its process
RENEW_EVERY_S = 50 * 60.0  # an ID token is good for an hour
AUTH = "Auth"
NOT_FOUND, FORBIDDEN = 404, 403
PREFLIGHT = {"Origin": "https://webrtc-lite.invalid", "Access-Control-Request-Method": "POST"}
# Where Cloud Functions run, to find one that was deployed elsewhere: https://cloud.google.com/functions/docs/locations
REGIONS = (
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
    "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1",
    "australia-southeast2", "europe-central2", "europe-north1", "europe-southwest1", "europe-west1", "europe-west2",
    "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9", "europe-west10",
    "europe-west12", "me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2",
    "southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1",
    "us-west1", "us-west2", "us-west3", "us-west4",
)  # fmt: skip


@dataclass
class User:
    """Somebody who is signed in. Whoever holds one of the tokens is this user."""

    uid: str
    id_token: str = field(repr=False)  # valid for an hour; renewed in place
    refresh_token: str = field(default="", repr=False)


class Firebase:
    def __init__(self, backend: Backend, http: httpx.AsyncClient, wall: Callable[[], float] = time.time) -> None:
        self.backend = backend
        self.ahead_s: float | None = None  # Google's clock against this machine's, to a second; from the last answer
        self._http = http
        self._wall = wall

    async def sign_up(self) -> User:
        """A new anonymous account."""
        reply = await self._account("signUp", {"returnSecureToken": True})
        return User(reply["localId"], reply["idToken"], reply.get("refreshToken", ""))

    async def sign_in_again(self, refresh_token: str) -> User:
        """The account that once gave out this token."""
        address = f"{self.backend.tokens}/token?key={self.backend.api_key}"
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        reply = await self._post(AUTH, address, body, {})
        if "error" in reply:
            raise Problem(
                f"Auth does not know the account any more: {reply['error'].get('message')}",
                "Remove the file of the account, and a new one is made.",
                Exit.SIGN_IN,
            )
        return User(reply["user_id"], reply["id_token"], reply["refresh_token"])

    async def renew(self, user: User) -> None:
        """A fresh ID token, in place: whoever uses this user's takes the new one from here on."""
        renewed = await self.sign_in_again(user.refresh_token)
        user.id_token, user.refresh_token = renewed.id_token, renewed.refresh_token

    async def keep_renewing(self, user: User) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self.renew(user)

    async def delete(self, user: User) -> None:
        await self._account("delete", {"idToken": user.id_token})

    async def issue(self, user: User, **asked: str | int | None) -> Issued:
        """Relay credentials, for what is asked: `session_id`, `ttl`, `region`."""
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            return Issued.parse(await self.call(user, ISSUE, given))
        except Refused as refused:
            if refused.code != "invalid_token" or not user.refresh_token:
                raise
            await self.renew(user)
            return Issued.parse(await self.call(user, ISSUE, given))

    async def call(self, user: User, function: str, data: object) -> dict[str, Any]:
        """Calls a function as Firebase's SDKs do: https://firebase.google.com/docs/functions/callable-reference"""
        signed_in = {"Authorization": f"Bearer {user.id_token}"}
        reply = await self._post(function, self.backend.function(function), {"data": data}, signed_in)
        if "error" in reply:
            error = reply["error"]
            details = error.get("details") or {}
            raise Refused(
                f"{function} refused, {error.get('status')}: {error.get('message')}",
                str(details.get("hint", "")),
                status=str(error.get("status")),
                code=str(details.get("code", "")),
                field=details.get("field"),
            )
        result: dict[str, Any] = reply["result"]
        return result

    async def regions_with(self, function: str) -> list[str]:
        """Where a function is deployed: there it answers a browser's preflight, and elsewhere nothing does."""

        async def answers(region: str) -> bool:
            try:
                response = await self._http.options(self.backend.function(function, region), headers=PREFLIGHT)
            except httpx.HTTPError:
                return False
            return response.is_success and "access-control-allow-origin" in response.headers

        found = await asyncio.gather(*map(answers, REGIONS))
        return [region for region, there in zip(REGIONS, found, strict=True) if there]

    async def _account(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        address = f"{self.backend.identity}/accounts:{action}?key={self.backend.api_key}"
        reply = await self._post(AUTH, address, body, {})
        if "error" in reply:
            message = str(reply["error"].get("message"))
            raise Problem(f"Auth refused to {action}: {message}", sign_in_hint(message), Exit.SIGN_IN)
        return reply

    async def _post(self, who: str, address: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
        hint = "Is the stack running? `make run` starts it." if self.backend.local else "Is this machine online?"
        origin = f"{httpx.URL(address).scheme}://{httpx.URL(address).netloc.decode()}"  # what follows has the key in it
        try:
            response = await self._http.post(address, json=body, headers=headers)
        except httpx.TimeoutException:
            raise Problem(f"{who} did not answer within {ANSWER_WITHIN_S:g} s.", hint, Exit.UNREACHABLE) from None
        except httpx.HTTPError:
            raise Problem(f"{who} cannot be reached at {origin}.", hint, Exit.UNREACHABLE) from None
        if who == AUTH:  # its clock is Google's, while a function has that of its machine
            self._look_at_the_clock(response)
        try:
            reply = response.json()
        except ValueError:
            reply = None
        if isinstance(reply, dict) and reply.keys() & {"result", "error", "localId", "kind", "id_token"}:
            return reply
        if response.status_code == NOT_FOUND:
            raise NotThere(f"{who} is not there: {origin} knows nothing of it.", hint, Exit.FUNCTIONS)
        if response.status_code == FORBIDDEN:
            hint = (
                "Its Cloud Run service may not be open to all: the invoker has to be allUsers, as a deployment sets it."
            )
        raise Problem(f"{who} answered {response.status_code} in a form that is not its own.", hint, Exit.FUNCTIONS)

    def _look_at_the_clock(self, response: httpx.Response) -> None:
        if "Date" in response.headers:  # RFC 9110, 6.6.1
            self.ahead_s = parsedate_to_datetime(response.headers["Date"]).timestamp() - self._wall()


def sign_in_hint(message: str) -> str:
    if "API key" in message or "API_KEY" in message:
        return "The web API key is that of another project, or restricted. Firebase console, Project settings, General."
    if "TOO_MANY_ATTEMPTS" in message or "QUOTA" in message:
        return "Auth gives an address 100 new accounts an hour. Wait, or raise it: console, Authentication, Settings."
    return "Is the Anonymous provider enabled? Firebase console, Authentication, Sign-in method."


@asynccontextmanager
async def connected(backend: Backend, wall: Callable[[], float] = time.time) -> AsyncIterator[Firebase]:
    # A proxy of the machine knows no loopback.
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=not backend.local) as http:
        yield Firebase(backend, http, wall)
