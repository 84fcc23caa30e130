"""What the two rotations have in common, the local stack's (rotate.py) and the deployed relays' (rotate_cloud.py).

Their steps are named alike and refused alike. What they go by differs and is not shared: one keeps a record of its own
beside the stack, the other reads how far it is from clouds that several people reach.
"""

from __future__ import annotations

import argparse
import datetime as dt

from webrtc_lite.core.turn import GRACE, TTL_MAX, TTL_MIN

STEPS = ("status", "accept", "sign", "retire")


class OutOfOrder(Exception):  # noqa: N818  it reads as what it says
    """A step that is not the next one; the message says which is, or from when on."""


class NotDone(Exception):  # noqa: N818  it reads as what it says
    """A step has not had its effect yet. Nothing is lost: repeat it."""


def free_at(signed_at: int, longest_ttl: int = TTL_MAX) -> int:
    """From when on no credential of the old secret can be alive."""
    return signed_at + longest_ttl + GRACE


def moment(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    """What both commands take."""
    made = argparse.ArgumentParser(prog=prog, description=description, epilog="Repeat any step freely.")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("step", choices=STEPS)
    made.add_argument("--dry-run", action="store_true", help="checks the order and says what it would do")
    made.add_argument(
        "--longest-ttl", type=seconds, default=TTL_MAX, help="seconds, where your apps never ask for more"
    )
    made.add_argument(
        "--at-once", action="store_true", help="of a secret that leaked: who holds a credential of it asks anew"
    )
    return made


def seconds(text: str) -> int:
    if not text.isdecimal() or not TTL_MIN <= int(text) <= TTL_MAX:
        raise argparse.ArgumentTypeError(f"it has to be from {TTL_MIN} to {TTL_MAX}")
    return int(text)
