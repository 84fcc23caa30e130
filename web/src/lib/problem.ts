/** What can go wrong, for an app to tell apart. The page's words for each stand in page/words.ts. */
export type ProblemCode =
  | "offline" // the network, or Firebase, cannot be reached
  | "denied" // the rules refuse the call: the callee has blocked the caller, or the id is nobody's
  | "signed_out"
  | "too_late" // somebody answered first, or the call has ended meanwhile
  | "no_relay" // no relay is configured or healthy, and the call may use nothing else
  | "microphone_refused"
  | "camera_refused"
  | "no_device"
  | "device_busy"
  | "bad_sign_in"
  | "unexpected";

export class Problem extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const OFFLINE = new Set(["unavailable", "deadline-exceeded", "network-request-failed", "cancelled", "aborted"]);

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
  if (code === "unauthenticated") return new Problem("signed_out", message, error);
  return new Problem("unexpected", message, error);
}
