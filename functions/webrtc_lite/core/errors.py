"""Every way this back end says no.

WebRTCLiteError
├── InvalidRequestError
│   ├── MalformedRequestError     malformed_request
│   ├── UnknownFieldError         unknown_field
│   └── InvalidFieldError         invalid_field
├── UnauthenticatedError
│   ├── NotSignedInError          not_signed_in
│   └── InvalidTokenError         invalid_token
├── RelayNotConfiguredError       relay_not_configured
├── NotAParticipantError          not_a_participant
└── SessionEndedError             session_ended

The leaves are raised, and each has the `code` that stands in a reply's `details` (SPEC 3.6). A code is part of the wire
contract: apps compare it, so it is never renamed. What status a leaf becomes is the edge's business.
"""

from typing import ClassVar


class WebRTCLiteError(Exception):
    """Its texts go to the client as they are: they never hold a value that the client did not send."""

    code: ClassVar[str]

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class InvalidRequestError(WebRTCLiteError):
    """The request cannot be served as it is written: repeating it does not help."""


class MalformedRequestError(InvalidRequestError):
    """Not a request of the callable protocol at all."""

    code = "malformed_request"


class UnknownFieldError(InvalidRequestError):
    code = "unknown_field"


class InvalidFieldError(InvalidRequestError):
    code = "invalid_field"


class UnauthenticatedError(WebRTCLiteError):
    """Nobody is known to be asking."""


class NotSignedInError(UnauthenticatedError):
    code = "not_signed_in"


class InvalidTokenError(UnauthenticatedError):
    code = "invalid_token"


class RelayNotConfiguredError(WebRTCLiteError):
    """The operator's to mend; the client can only say so."""

    code = "relay_not_configured"


class NotAParticipantError(WebRTCLiteError):
    """Of this session, or there is no such session: the same answer, so that nobody learns which ids exist."""

    code = "not_a_participant"


class SessionEndedError(WebRTCLiteError):
    code = "session_ended"
