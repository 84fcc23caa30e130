import type { ErrorDetails } from "../../contract/contract";

/** What can go wrong, for an app to tell apart. The page's words for each stand in page/words.ts. */
export type ProblemCode =
  | "offline" // the network, or Firebase, cannot be reached
  | "denied" // the rules refuse the call: the callee has blocked the caller, or no id has that form
  | "signed_out"
  | "too_late" // somebody answered first, or the call has ended meanwhile
  | "no_relay" // no relay is configured or healthy, and the call may use nothing else
  | "limited" // too many requests for credentials: later again
  | "cut_off" // the operator has switched off the relay for this user
  | "microphone_refused"
  | "camera_refused"
  | "no_device"
  | "device_busy"
  | "bad_sign_in"
  | "unexpected";

/** Where the relay refuses somebody, a call that may go without one does. */
export const RELAYLESS: ReadonlySet<ProblemCode> = new Set(["no_relay", "limited", "cut_off"]);

export class Problem extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const OFFLINE = new Set(["unavailable", "deadline-exceeded", "network-request-failed", "cancelled", "aborted"]);

const SIGNED_OUT = new Set(["unauthenticated", "user-token-expired", "user-disabled", "user-not-found", "invalid-user-token"]);

/** The part after the slash of a Firebase error's code ("firestore/unavailable", "auth/..."), or nothing. */
export function firebaseCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code.slice(code.indexOf("/") + 1) : undefined;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = firebaseCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code !== undefined && OFFLINE.has(code)) return new Problem("offline", message, error);
  if (code === "permission-denied") return new Problem("denied", message, error);
  if (code !== undefined && SIGNED_OUT.has(code)) return new Problem("signed_out", message, error);
  return new Problem("unexpected", message, error);
}

/** What a refusal of `issue_turn_credentials` means: `details.code` where the function said it, else the SDK's status. */
export function issueProblem(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const said = detailsCode(error);
  const known: Partial<Record<ErrorDetails["code"], ProblemCode>> = {
    relay_not_configured: "no_relay",
    no_healthy_relay: "no_relay",
    budget_exhausted: "limited",
    cut_off: "cut_off",
  };
  const code = said && known[said];
  if (code) return new Problem(code, message, error);
  // Without an answer the SDK says `internal`: the function was not reached.
  return !said && firebaseCode(error) === "internal" ? new Problem("offline", message, error) : asProblem(error);
}

export function detailsCode(error: unknown): ErrorDetails["code"] | undefined {
  const details = typeof error === "object" && error !== null && "details" in error ? error.details : undefined;
  return (details as ErrorDetails | undefined)?.code;
}
