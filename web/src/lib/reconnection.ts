import { sleep, type Clock } from "./clock";

export type ReconnectionState = "stable" | "reconnecting" | "failed";

/** `minor`: an ICE restart in the same peer connection. `major`: a new peer connection. */
export type Attempt = "minor" | "major";

export interface Reconnecting {
  /** Whether an attempt has a chance at all: the device is online, and the relay answers. */
  ready(): Promise<boolean>;
  attempt(kind: Attempt): Promise<void>;
  changed(state: ReconnectionState): void;
}

export const ATTEMPTS: readonly { afterMs: number; kind: Attempt }[] = [
  { afterMs: 1000, kind: "minor" },
  { afterMs: 2000, kind: "minor" },
  { afterMs: 4000, kind: "major" },
];
const ATTEMPT_MS = 8000; // of that ICE needs under one; the rest is for a slow network, and for the other side's app
const LOOK_MS = 500;
const PATIENCE_MS = 120_000;

/**
 * STABLE → RECONNECTING → FAILED.
 *
 * Three attempts, 1, 2 and 4 s after what went before. One that has no chance is not spent: while the device is offline
 * or the relay is down, this side waits, for two minutes at most. Whatever connects meanwhile (ICE by itself, the other
 * side's restart) ends it, also after FAILED.
 */
export class Reconnection {
  readonly #clock: Clock;
  readonly #with: Reconnecting;
  #state: ReconnectionState = "stable";
  #run = 0; // every run has its number: one that was overtaken stops at its next step

  constructor(clock: Clock, reconnecting: Reconnecting) {
    this.#clock = clock;
    this.#with = reconnecting;
  }

  get state(): ReconnectionState {
    return this.#state;
  }

  /** ICE is `disconnected` or `failed`. */
  lost(): void {
    if (this.#state === "stable") void this.#reconnect(ATTEMPTS);
  }

  /** The peer connection is gone, with the page that was reloaded or the app that was killed. */
  rejoin(): void {
    void this.#reconnect([{ afterMs: 0, kind: "major" }, ...ATTEMPTS]);
  }

  /** ICE is connected. */
  connected(): void {
    this.#run += 1;
    this.#become("stable");
  }

  /** The person, or a network that came back, asks for three more. */
  again(): void {
    if (this.#state === "failed") void this.#reconnect(ATTEMPTS);
  }

  /** The call has ended. */
  stop(): void {
    this.#run += 1;
  }

  async #reconnect(attempts: typeof ATTEMPTS): Promise<void> {
    this.#run += 1;
    const run = this.#run;
    const overtaken = () => run !== this.#run;
    this.#become("reconnecting");
    const until = this.#clock.now() + PATIENCE_MS;
    for (const { afterMs, kind } of attempts) {
      await sleep(this.#clock, afterMs);
      let ready = false;
      while (!overtaken() && !(ready = await this.#with.ready()) && this.#clock.now() < until) {
        await sleep(this.#clock, LOOK_MS);
      }
      if (overtaken()) return;
      if (!ready) break;
      await this.#with.attempt(kind);
      await sleep(this.#clock, ATTEMPT_MS);
      if (overtaken()) return;
    }
    this.#become("failed");
  }

  #become(state: ReconnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#with.changed(state);
  }
}
