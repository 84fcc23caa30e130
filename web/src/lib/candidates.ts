import type { Candidate } from "../../contract/contract";
import type { Clock } from "./clock";
import type { Side } from "./session";

export type { Candidate };

const IN_A_BATCH = 20; // SPEC 3.2, like the next two
const BATCHES = 50;
const BYTES = 1024;
const TOGETHER_MS = 40; // they come in bursts, and every document is written, read and paid for
const END_MS = 1000; // the end alone is news for a side that has found no way yet, and that takes longer

/** One document of `ice_candidates`. */
export interface Batch {
  readonly id: string;
  readonly sender: Side;
  readonly revision: number;
  readonly candidates: Candidate[];
}

/**
 * This side's candidates of one round on their way out.
 *
 * They wait until their description is stored, since the rules refuse them before, and then go in the batches in which
 * they come: a burst is one document, one document is under way at a time, and what is gathered meanwhile is the next one.
 */
export class Outbox {
  readonly #sender: Side;
  readonly #revision: number;
  readonly #send: (batch: Batch) => Promise<void>;
  readonly #clock: Clock;
  #waiting: Candidate[] = [];
  #open = false;
  #sending = false;
  #next = 0;
  #connected = false;
  #gathered: () => void = () => undefined;
  #flushing: { readonly ms: number; readonly callOff: () => void } | undefined; // what is to go out later

  constructor(sender: Side, revision: number, clock: Clock, send: (batch: Batch) => Promise<void>) {
    this.#sender = sender;
    this.#revision = revision;
    this.#clock = clock;
    this.#send = send;
  }

  add(candidate: Candidate): void {
    if (byteLength(candidate.candidate) > BYTES) return;
    this.#waiting.push(candidate);
    this.#gathered();
    this.#flushSoon();
  }

  /** Resolves with the next candidate, or without one when the time is over. */
  first(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const callOff = this.#clock.after(withinMs, resolve);
      this.#gathered = () => {
        callOff();
        resolve();
      };
    });
  }

  /** ICE has found a way: that no more candidates will come is no news then. */
  connected(): void {
    this.#connected = true;
    this.#flushSoon();
  }

  /** The description is stored; what it says already is not said again. */
  open(sdp = ""): void {
    this.#waiting = this.#waiting.filter(({ candidate }) => candidate === "" || !sdp.includes(asInSdp(candidate)));
    this.#open = true;
    this.#flushSoon();
  }

  close(): void {
    this.#open = false;
    this.#waiting = [];
  }

  /** With the end of the burst; at once where a document is full, or nothing more will come; the end alone at leisure. */
  #flushSoon(): void {
    if (this.#connected && this.#holdsOnlyTheEnd) this.#waiting = [];
    if (!this.#mayGo()) this.#callOff();
    else if (this.#holdsOnlyTheEnd) this.#flushIn(END_MS);
    else if (this.#hasTheEnd || this.#waiting.length >= IN_A_BATCH) void this.#flush();
    else if (!this.#flushing || this.#flushing.ms === END_MS) this.#flushIn(TOGETHER_MS);
  }

  #flushIn(ms: number): void {
    this.#callOff();
    this.#flushing = { ms, callOff: this.#clock.after(ms, () => void this.#flush()) };
  }

  #callOff(): void {
    this.#flushing?.callOff();
    this.#flushing = undefined;
  }

  get #hasTheEnd(): boolean {
    return this.#waiting.at(-1)?.candidate === "";
  }

  get #holdsOnlyTheEnd(): boolean {
    return this.#hasTheEnd && this.#waiting.length === 1;
  }

  async #flush(): Promise<void> {
    this.#callOff();
    if (this.#sending || !this.#mayGo()) return;
    this.#sending = true;
    do {
      const candidates = this.#waiting.splice(0, IN_A_BATCH);
      const id = `${this.#sender}-${this.#revision}-${this.#next}`;
      this.#next += 1;
      try {
        await this.#send({ id, sender: this.#sender, revision: this.#revision, candidates });
      } catch {
        this.close(); // refused: the call has ended, which the session's listener tells
      }
    } while (this.#mayGo() && !this.#holdsOnlyTheEnd);
    this.#sending = false;
    this.#flushSoon();
  }

  #mayGo(): boolean {
    return this.#open && this.#waiting.length > 0 && this.#next < BATCHES;
  }
}

/**
 * The other side's candidates, each once, whatever the order in which documents and descriptions arrive.
 *
 * A candidate is held back until the description of its round is set: a browser refuses it before. The empty one, which
 * ends them, also waits for all that was sent before it.
 */
export class Inbox {
  readonly #sender: Side;
  readonly #batches = new Map<number, Map<number, Candidate[]>>(); // revision -> n -> candidates
  readonly #taken = new Map<number, Set<number>>();
  readonly #ended = new Set<number>();

  constructor(sender: Side) {
    this.#sender = sender;
  }

  put(id: string, fields: Record<string, unknown>): void {
    const named = /^(caller|callee)-([1-9]\d{0,3})-(\d{1,2})$/.exec(id);
    if (named?.[1] !== this.#sender || fields["revision"] !== Number(named[2])) return;
    const revision = Number(named[2]);
    const round = this.#batches.get(revision) ?? new Map<number, Candidate[]>();
    round.set(Number(named[3]), readable(fields["candidates"]));
    this.#batches.set(revision, round);
  }

  /** What is new of a round whose description is set. */
  take(revision: number): Candidate[] {
    const round = this.#batches.get(revision);
    if (round === undefined) return [];
    const taken = this.#taken.get(revision) ?? new Set<number>();
    this.#taken.set(revision, taken);
    const found: Candidate[] = [];
    for (const [n, candidates] of [...round].sort(([a], [b]) => a - b)) {
      if (!taken.has(n)) found.push(...candidates.filter(({ candidate }) => candidate !== ""));
      taken.add(n);
    }
    const last = [...round].find(([, candidates]) => candidates.some(({ candidate }) => candidate === ""));
    if (last && !this.#ended.has(revision) && range(last[0]).every((n) => taken.has(n))) {
      this.#ended.add(revision);
      found.push(...last[1].filter(({ candidate }) => candidate === ""));
    }
    return found;
  }
}

/** Those that have the form of a candidate: what another client wrote is not to be relied on. */
export function readable(batch: unknown): Candidate[] {
  return Array.isArray(batch) ? batch.filter(isCandidate) : [];
}

function isCandidate(each: unknown): each is Candidate {
  if (typeof each !== "object" || each === null || !("candidate" in each)) return false;
  const { candidate, sdpMid, sdpMLineIndex } = each as Record<keyof Candidate, unknown>;
  const placed = typeof sdpMid === "string" || (Number.isInteger(sdpMLineIndex) && Number(sdpMLineIndex) >= 0);
  return typeof candidate === "string" && byteLength(candidate) <= BYTES && (placed || candidate === "");
}

/** Chromium says in a candidate's own line whose it is, and leaves that out of its description. */
function asInSdp(candidate: string): string {
  return candidate.replace(/ ufrag \S+/, "");
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function range(end: number): number[] {
  return Array.from({ length: end }, (_, n) => n);
}
