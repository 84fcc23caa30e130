"""The rounds of offer and answer, which `revision` counts, and what this side does next in them.

Perfect negotiation, decided by Firestore: of two offers at the same moment the rules let one through; whoever lost
gives its own up and answers. There is no polite side.

Pure: what stands in the session goes in, a step comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webrtc_lite_client.session import LIVE, Session, Side

MOST = 1000  # the rules refuse the next


@dataclass(frozen=True)
class Rounds:
    """How far this side has come."""

    settled: int = 0  # the last round of which both descriptions are set here
    mine: int | None = None  # the round of this side's own offer that nobody has answered yet


@dataclass(frozen=True)
class Step:
    do: Literal["nothing", "answer", "complete", "give up", "offer"]
    revision: int = 0
    sdp: str = ""


NOTHING = Step("nothing")


def next_step(session: Session, side: Side, rounds: Rounds, *, mend: bool) -> Step:  # noqa: PLR0911 (a line a step)
    """`mend`: the connection is lost, and this side wants to offer a new one."""
    offer, answer = session.offer, session.answer
    if offer is None or session.hung_up_by or session.status not in LIVE:
        return NOTHING
    answered = answer is not None and answer.revision == offer.revision
    if offer.side != side and offer.revision > rounds.settled and not answered and not session.is_refused:
        return Step("answer", offer.revision, offer.sdp)
    if offer.side == side and offer.revision == rounds.mine:
        if answered and answer is not None:
            return Step("complete", offer.revision, answer.sdp)
        if session.is_refused:
            return Step("give up")
    if rounds.mine is not None and rounds.mine < offer.revision:
        return Step("give up")
    if mend and may_offer(session, side):
        return Step("offer", offer.revision + 1)
    return NOTHING


def may_offer(session: Session, side: Side) -> bool:
    """As the rules see it: nothing is in flight, or what is in flight is one's own, or was refused."""
    offer = session.offer
    if offer is None or session.status not in ("answered", "connected") or offer.revision >= MOST:
        return False
    return session.accepted_answer == offer.revision or offer.side == side or session.is_refused
