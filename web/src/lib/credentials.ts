import type { IssueReply } from "../../contract/contract";
import type { Clock } from "./clock";
import { detailsCode, issueProblem } from "./problem";

export type Issue = () => Promise<IssueReply>;

/** Asks, and once more with a fresh ID token where the function does not take the one that came. */
export function issuing(ask: Issue, refreshToken?: () => Promise<unknown>): Issue {
  return async () => {
    try {
      try {
        return await ask();
      } catch (error) {
        if (detailsCode(error) !== "invalid_token" || !refreshToken) throw error;
        await refreshToken();
        return await ask();
      }
    } catch (error) {
      throw issueProblem(error);
    }
  };
}

/**
 * Relay credentials: asked for once, used by every call until `refresh_at`, which is five minutes before they expire.
 *
 * The device's clock is never trusted: what counts is the server's, which is the device's plus what they differed by when
 * the reply came.
 */
export class RelayCredentials {
  readonly #issue: Issue;
  readonly #clock: Clock;
  #held: { reply: IssueReply; aheadMs: number; isDoubted: boolean } | undefined;
  #asking: Promise<IssueReply> | undefined;

  constructor(issue: Issue, clock: Clock) {
    this.#issue = issue;
    this.#clock = clock;
  }

  /** Credentials for an allocation that starts now. Those who ask at the same time share one request. */
  async fresh(): Promise<IssueReply> {
    const held = this.#held;
    if (held && !held.isDoubted && this.serverNow() < held.reply.refresh_at * 1000) return held.reply;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    try {
      return await this.#asking;
    } catch (error) {
      // Due for renewal is not yet expired: what the relay still takes is better than no call.
      if (held && held === this.#held && this.serverNow() < held.reply.expires_at * 1000) return held.reply;
      throw error;
    }
  }

  /** The relay has refused them (`onicecandidateerror` 401): whoever asks next gets others. */
  discard(refused: string | undefined): void {
    if (refused === undefined || this.#held?.reply.username === refused) this.#held = undefined;
  }

  /** The relay has given nothing, and nobody says why: whoever asks next gets others, or the same again where there are none. */
  doubt(used: string | undefined): void {
    const held = this.#held;
    if (held && used === held.reply.username) held.isDoubted = true;
  }

  /** Unix milliseconds by the server's clock, as well as it is known. */
  serverNow(): number {
    return this.#clock.wall() + (this.#held?.aheadMs ?? 0);
  }

  async #ask(): Promise<IssueReply> {
    const reply = await this.#issue();
    this.#held = { reply, aheadMs: reply.server_time * 1000 - this.#clock.wall(), isDoubted: false };
    return reply;
  }
}
