"""Every way this back end says no.

WebRTCLiteError
├── InvalidRequestError
│   ├── MalformedRequestError     malformed_request
│   ├── UnknownFieldError         unknown_field
│   └── InvalidFieldError         invalid_field
├── UnauthenticatedError
│   ├── NotSignedInError          not_signed_in
│   ├── InvalidTokenError         invalid_token
│   ├── AppCheckMissingError      app_check_missing
│   └── AppCheckInvalidError      app_check_invalid
├── RelayNotConfiguredError       relay_not_configured
├── NotAParticipantError          not_a_participant
├── SessionEndedError             session_ended
├── CutOffError                   cut_off
├── BudgetExhaustedError          budget_exhausted
└── NoHealthyRelayError           no_healthy_relay

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


class AppCheckMissingError(UnauthenticatedError):
    """No App Check token came, or one that is no token, where the deployment wants one."""

    code = "app_check_missing"


class AppCheckInvalidError(UnauthenticatedError):
    """An App Check token came that is not one of this project's apps, or has expired."""

    code = "app_check_invalid"


class RelayNotConfiguredError(WebRTCLiteError):
    """The operator's to mend; the client can only say so."""

    code = "relay_not_configured"


class NotAParticipantError(WebRTCLiteError):
    """Of this session, or there is no such session: the same answer, so that nobody learns which ids exist."""

    code = "not_a_participant"


class SessionEndedError(WebRTCLiteError):
    code = "session_ended"


class CutOffError(WebRTCLiteError):
    """The operator has put this user on the list of those who get no relay."""

    code = "cut_off"


class BudgetExhaustedError(WebRTCLiteError):
    """One user asked more often than anybody needs to."""

    code = "budget_exhausted"


class NoHealthyRelayError(WebRTCLiteError):
    """Every relay failed its probe: a list of dead ones would cost a browser 40 seconds of gathering."""

    code = "no_healthy_relay"
