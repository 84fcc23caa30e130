"""An account of Firebase Auth, and the callable that it asks for relay credentials: two HTTPS requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from webrtc_lite_client.backend import Backend
from webrtc_lite_client.problem import Problem

ANSWER_WITHIN_S = 20.0  # the first request of a function starts its process


@dataclass(frozen=True)
class User:
    uid: str
    id_token: str  # valid for an hour; whoever holds it is this user


@dataclass(frozen=True)
class Relay:
    """One TURN server with the credential for it."""

    uri: str
    username: str
    password: str


class Firebase:
    def __init__(self, backend: Backend, http: httpx.AsyncClient) -> None:
        self.backend = backend
        self._http = http

    async def sign_up(self) -> User:
        """A new anonymous account."""
        reply = await self._account("signUp", {"returnSecureToken": True})
        return User(reply["localId"], reply["idToken"])

    async def delete(self, user: User) -> None:
        await self._account("delete", {"idToken": user.id_token})

    async def relay(self, user: User, session_id: str, uri: str | None = None) -> Relay:
        """The credential for this call, with the issued TURN server that speaks UDP, or with the one that is given."""
        reply = await self.call(user, "issue_turn_credentials", {"session_id": session_id})
        issued = reply["uris"]
        uri = uri or next((each for each in issued if each.startswith("turn:") and each.endswith("=udp")), issued[0])
        return Relay(uri, reply["username"], reply["password"])

    async def call(self, user: User, function: str, data: object) -> dict[str, Any]:
        """Calls a function as Firebase's SDKs do: https://firebase.google.com/docs/functions/callable-reference"""
        signed_in = {"Authorization": f"Bearer {user.id_token}"}
        reply = await self._post(function, f"{self.backend.functions}/{function}", {"data": data}, signed_in)
        if "error" in reply:
            error = reply["error"]
            details = error.get("details") or {}
            raise Problem(
                f"{function} refused, {error.get('status')}: {error.get('message')}", str(details.get("hint", ""))
            )
        result: dict[str, Any] = reply["result"]
        return result

    async def _account(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        address = f"{self.backend.identity}/accounts:{action}?key={self.backend.api_key}"
        reply = await self._post("Auth", address, body, {})
        if "error" in reply:
            raise Problem(
                f"Auth refused to {action}: {reply['error'].get('message')}",
                "Is the Anonymous provider enabled? Firebase console, Authentication, Sign-in method.",
            )
        return reply

    async def _post(self, who: str, address: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
        hint = "Is the stack running? `make run` starts it." if self.backend.local else "Is it deployed?"
        try:
            response = await self._http.post(address, json=body, headers=headers)
        except httpx.TimeoutException:
            raise Problem(f"{who} did not answer within {ANSWER_WITHIN_S:g} s.", hint) from None
        except httpx.HTTPError:
            origin = httpx.URL(address)
            raise Problem(f"{who} cannot be reached at {origin.scheme}://{origin.netloc.decode()}.", hint) from None
        try:
            reply = response.json()
        except ValueError:
            reply = None
        if not isinstance(reply, dict) or not reply.keys() & {"result", "error", "localId", "kind"}:
            raise Problem(f"{who} answered {response.status_code} in a form that is not its own.", hint)
        return reply


@asynccontextmanager
async def connected(backend: Backend) -> AsyncIterator[Firebase]:
    # A proxy of the machine knows no loopback.
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=not backend.local) as http:
        yield Firebase(backend, http)
