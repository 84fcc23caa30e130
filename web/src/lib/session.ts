import type { EndReason, IceState, SessionDocument, Status, Timestamp } from "../../contract/contract";

export type { EndReason, IceState, SessionDocument, Status, Timestamp };
export type Side = "caller" | "callee";
export type Media = "audio" | "video";
export type HangupReason = "hangup" | "decline" | "cancel" | "failed";

/** A session as its participants read it. */
export interface Session extends SessionDocument {
  readonly id: string;
}

const STATUSES: readonly string[] = ["pending", "offered", "answered", "connected", "ended"] satisfies Status[];
export const LIVE: readonly Status[] = ["pending", "offered", "answered", "connected"];

/** A document as a session, or nothing where it is none: what a newer server might write is not to break an app. */
export function readSession(id: string, fields: Record<string, unknown> | undefined): Session | undefined {
  if (fields === undefined) return undefined;
  const { status, caller_id: caller, callee_id: callee } = fields;
  const readable = typeof caller === "string" && typeof callee === "string" && STATUSES.includes(String(status));
  return readable ? ({ ...fields, id } as Session) : undefined;
}

export function otherSide(side: Side): Side {
  return side === "caller" ? "callee" : "caller";
}

export function sideOf(session: Session, uid: string): Side {
  return session.caller_id === uid ? "caller" : "callee";
}

/** The device that this user is in the session with, as far as the session says. */
export function ownDevice(session: Session, uid: string): string | undefined {
  return session.caller_id === uid ? session.caller_device_id : session.answer?.device_id;
}

const RING_MS = 30_000; // SPEC section 2, where the server's stamps are missing
const RING_MS_MOST = 120_000;

/**
 * How long to ring, from the moment the ring arrives. Both stamps are the server's: a phone whose clock is a day wrong
 * rings as long as any other, and never compares `deadline` with its own clock.
 */
export function ringMs(session: Pick<Session, "offered_at" | "deadline">): number {
  if (!session.offered_at || !session.deadline) return RING_MS;
  const ms = millis(session.deadline) - millis(session.offered_at);
  return Math.min(Math.max(ms, 0), RING_MS_MOST);
}

export function millis(stamp: Timestamp): number {
  return stamp.seconds * 1000 + stamp.nanoseconds / 1e6;
}
