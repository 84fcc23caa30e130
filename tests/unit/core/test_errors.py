"""core/errors.py."""

import re

import pytest

from webrtc_lite.core import errors
from webrtc_lite.core.errors import InvalidFieldError, WebRTCLiteError


def drawn(kind: type[WebRTCLiteError], before: str = "") -> list[str]:
    """The tree below `kind` as the docstring draws it, with the code of each leaf."""
    lines = []
    children = kind.__subclasses__()
    for child in children:
        last = child is children[-1]
        code = "" if child.__subclasses__() else f" {child.code}"
        lines += [
            f"{before}{'└── ' if last else '├── '}{child.__name__}{code}",
            *drawn(child, before + ("    " if last else "│   ")),
        ]
    return lines


def leaves(kind: type[WebRTCLiteError] = WebRTCLiteError) -> list[type[WebRTCLiteError]]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert errors.__doc__ is not None
    picture = [re.sub(r"(?<=\w) {2,}", " ", line) for line in errors.__doc__.splitlines() if "── " in line]
    assert picture == drawn(WebRTCLiteError)


def test_no_two_errors_share_a_code() -> None:
    codes = [leaf.code for leaf in leaves()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.code)
def test_a_code_is_the_lower_snake_form_of_its_class(leaf: type[WebRTCLiteError]) -> None:
    words = re.findall(r"[A-Z][a-z]*", leaf.__name__.removesuffix("Error"))
    assert leaf.code == "_".join(words).lower()


def test_an_error_carries_its_message_field_and_hint() -> None:
    error = InvalidFieldError("ttl has to be a number.", field="ttl", hint="Leave it out.")
    assert (error.message, error.field, error.hint) == ("ttl has to be a number.", "ttl", "Leave it out.")
    assert str(error) == error.message


def test_field_and_hint_are_for_those_errors_that_have_them() -> None:
    error = InvalidFieldError("No.")
    assert (error.field, error.hint) == (None, None)
