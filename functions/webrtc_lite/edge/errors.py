"""Our errors in the words of the callable protocol (SPEC 3.6)."""

from collections.abc import Mapping

from firebase_functions.https_fn import FunctionsErrorCode, HttpsError

from webrtc_lite.core.errors import (
    AppCheckInvalidError,
    AppCheckMissingError,
    BudgetExhaustedError,
    CutOffError,
    InvalidFieldError,
    InvalidTokenError,
    MalformedRequestError,
    NoHealthyRelayError,
    NotAParticipantError,
    NotSignedInError,
    RelayNotConfiguredError,
    SessionEndedError,
    UnknownFieldError,
    WebRTCLiteError,
)

STATUS: Mapping[type[WebRTCLiteError], FunctionsErrorCode] = {
    MalformedRequestError: FunctionsErrorCode.INVALID_ARGUMENT,
    UnknownFieldError: FunctionsErrorCode.INVALID_ARGUMENT,
    InvalidFieldError: FunctionsErrorCode.INVALID_ARGUMENT,
    NotSignedInError: FunctionsErrorCode.UNAUTHENTICATED,
    InvalidTokenError: FunctionsErrorCode.UNAUTHENTICATED,
    AppCheckMissingError: FunctionsErrorCode.UNAUTHENTICATED,
    AppCheckInvalidError: FunctionsErrorCode.UNAUTHENTICATED,
    RelayNotConfiguredError: FunctionsErrorCode.FAILED_PRECONDITION,
    NotAParticipantError: FunctionsErrorCode.PERMISSION_DENIED,
    SessionEndedError: FunctionsErrorCode.FAILED_PRECONDITION,
    CutOffError: FunctionsErrorCode.PERMISSION_DENIED,
    BudgetExhaustedError: FunctionsErrorCode.RESOURCE_EXHAUSTED,
    NoHealthyRelayError: FunctionsErrorCode.UNAVAILABLE,
}

# Of the statuses that are answered before the SDK sees the request: google/rpc/code.proto.
HTTP_STATUS: Mapping[FunctionsErrorCode, int] = {
    FunctionsErrorCode.INVALID_ARGUMENT: 400,
    FunctionsErrorCode.UNAUTHENTICATED: 401,
}


def details(error: WebRTCLiteError) -> dict[str, str]:
    """What an app may act on: `code` always, `field` and `hint` where there is one."""
    found = {"code": error.code, "field": error.field, "hint": error.hint}
    return {name: text for name, text in found.items() if text is not None}


def to_https_error(error: WebRTCLiteError) -> HttpsError:
    return HttpsError(STATUS[type(error)], error.message, details(error))


def internal() -> HttpsError:
    """What the client hears of an error that nobody foresaw: nothing of it."""
    return HttpsError(FunctionsErrorCode.INTERNAL, "Something went wrong here.", {"code": "internal"})
