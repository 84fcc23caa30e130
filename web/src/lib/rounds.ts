import { LIVE, type Session, type Side } from "./session";

/**
 * How far this side has come with the rounds of offer and answer, which `revision` counts.
 *
 * Perfect negotiation, decided by Firestore: of two offers at the same moment the rules let one through; whoever lost
 * rolls back and answers. There is no polite side.
 */
export interface Rounds {
  /** The last round of which both descriptions are set here. */
  readonly settled: number;
  /** The round of this side's own offer that nobody has answered yet. */
  readonly mine: number | undefined;
}

export type Wish =
  | "nothing"
  | "offer" // something has changed that both sides have to agree on: a track came or went
  | "replace"; // the connection is to be mended, and an own offer that nobody answers is in the way

export type Step =
  | { readonly do: "nothing" }
  | { readonly do: "answer"; readonly revision: number; readonly sdp: string }
  | { readonly do: "complete"; readonly revision: number; readonly sdp: string }
  | { readonly do: "roll back" }
  | { readonly do: "offer"; readonly revision: number };

const MOST = 1000; // the rules refuse the next
const NOTHING: Step = { do: "nothing" };

/** What this side does next, given what stands in the session. */
export function nextStep(session: Session, side: Side, rounds: Rounds, wish: Wish): Step {
  const { offer, answer } = session;
  if (!offer || session.hangup || !LIVE.includes(session.status)) return NOTHING;
  const answered = answer?.revision === offer.revision;
  if (offer.from !== side && offer.revision > rounds.settled && !answered && !isRefused(session)) {
    return { do: "answer", revision: offer.revision, sdp: offer.sdp };
  }
  if (offer.from === side && offer.revision === rounds.mine) {
    if (answered) return { do: "complete", revision: offer.revision, sdp: answer.sdp };
    if (isRefused(session)) return { do: "roll back" };
  }
  if (rounds.mine !== undefined && rounds.mine < offer.revision) return { do: "roll back" };
  if (wish === "nothing" || !mayOffer(session, side)) return NOTHING;
  return wish === "offer" && rounds.mine !== undefined ? NOTHING : { do: "offer", revision: offer.revision + 1 };
}

/** As the rules see it: nothing is in flight, or what is in flight is one's own, or was refused. */
function mayOffer(session: Session, side: Side): boolean {
  const { offer, status } = session;
  if (!offer || (status !== "answered" && status !== "connected") || offer.revision >= MOST) return false;
  return session.accepted?.answer === offer.revision || offer.from === side || isRefused(session);
}

function isRefused(session: Session): boolean {
  return session.error !== undefined && session.error.revision === session.offer?.revision;
}
