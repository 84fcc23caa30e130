"""What is played: each scene to its own fixed point. Names: A, B, C are people, small letters their devices.

FAST is part of `make test`. FULL goes deeper, takes minutes, and is `make model`.
"""

from tests.model.rules import CANCEL, DECLINE, FAILED, HANGUP
from tests.model.world import Call, Scene
from webrtc_lite.core.machine import CALLER
from webrtc_lite.core.records import IceState

A_TO_B = Call("a-to-b", "A", "B")
B_TO_A = Call("b-to-a", "B", "A")
C_TO_B = Call("c-to-b", "C", "B")

PHONE_TO_B = Call("phone-to-b", "A", "B", "phone")
TABLET_TO_B = Call("tablet-to-b", "A", "B", "tablet")
PHONE_TO_C = Call("phone-to-c", "A", "C", "phone")
BS_PHONE_TO_C = Call("bs-phone-to-c", "B", "C", "phone")
BS_TABLET_TO_C = Call("bs-tablet-to-c", "B", "C", "tablet")

VALID_AND_BAD = (True, False)
UP_AND_DOWN = (IceState.CONNECTED, IceState.FAILED)
EVERY_HANGUP = (HANGUP, FAILED, CANCEL, DECLINE)

FAST = {
    Scene(
        "one call: everything that its two sides can say, in one round",
        (A_TO_B,),
        announces=True,
        sdps=VALID_AND_BAD,
        reports=UP_AND_DOWN,
        keeps_alive=True,
        hangups=EVERY_HANGUP,
    ): 6_000,
    Scene(
        "one call: two rounds from either side, ICE up and down",
        (A_TO_B,),
        revisions=2,
        sdps=VALID_AND_BAD,
        reports=UP_AND_DOWN,
    ): 15_000,
    Scene(
        "one call: three rounds from either side",
        (A_TO_B,),
        revisions=3,
        sdps=VALID_AND_BAD,
        reporters=(CALLER,),
        hangups=(),
    ): 5_000,
    Scene(
        "one call: two settlers at work at the same time",
        (A_TO_B,),
        settlers=2,
        announces=True,
        sdps=VALID_AND_BAD,
        reporters=(CALLER,),
    ): 1_000,
    Scene(
        "glare: A and B call each other, two settlers", (A_TO_B, B_TO_A), settlers=2, reporters=(), hangups=()
    ): 8_000,
    Scene("glare: A and B call each other, and talk", (A_TO_B, B_TO_A), reporters=(CALLER,)): 12_000,
    Scene(
        "busy: A and C call B, two settlers that ask one thing after the other",
        (A_TO_B, C_TO_B),
        settlers=2,
        asks_in_one=False,
        reporters=(),
        hangups=(),
    ): 25_000,
    Scene(
        "glare beside busy: A and B call each other, C calls B", (A_TO_B, B_TO_A, C_TO_B), reporters=(), hangups=()
    ): 10_000,
    Scene(
        "devices: A calls B from two devices, and C from one of them",
        (PHONE_TO_B, TABLET_TO_B, PHONE_TO_C),
        reporters=(),
        hangups=(),
    ): 8_000,
    Scene(
        "devices: A calls B and C from one device, two settlers",
        (PHONE_TO_B, PHONE_TO_C),
        settlers=2,
        reporters=(),
        hangups=(),
    ): 8_000,
    Scene(
        "devices: B answers with one of two, and calls C from both",
        (A_TO_B, BS_PHONE_TO_C, BS_TABLET_TO_C),
        devices=("phone", "tablet"),
        reporters=(),
        hangups=(),
    ): 8_000,
}

FULL = {
    Scene("glare: A and B call each other or only announce it, and talk", (A_TO_B, B_TO_A), announces=True): 30_000,
    Scene(
        "glare: A and B call each other, and hang up, two settlers", (A_TO_B, B_TO_A), settlers=2, reporters=()
    ): 150_000,
    Scene(
        "devices: A calls B and C from one device, and hangs up, two settlers",
        (PHONE_TO_B, PHONE_TO_C),
        settlers=2,
        reporters=(),
    ): 100_000,
    Scene(
        "one call: everything that its two sides can say, in two rounds",
        (A_TO_B,),
        announces=True,
        revisions=2,
        sdps=VALID_AND_BAD,
        reports=UP_AND_DOWN,
        keeps_alive=True,
        hangups=EVERY_HANGUP,
    ): 100_000,
    Scene("busy: A and C call B, and talk, two settlers", (A_TO_B, C_TO_B), settlers=2, reporters=(CALLER,)): 500_000,
}
