import type { Clock } from "../../../web/src/lib/clock";

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];
  /** How far this device's clock is ahead of the truth. */
  wrongByMs = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return TRUE_START_MS + this.#now + this.wrongByMs;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Lets time pass, with everything that becomes due and what follows from it. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (let due = this.#due(until); due; due = this.#due(until)) {
      this.#timers = this.#timers.filter((each) => each !== due);
      this.#now = due.at;
      due.call();
      await settled();
    }
    this.#now = until;
  }

  #due(until: number): Timer | undefined {
    const [first] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
    return first;
  }
}

export const TRUE_START_MS = 1_800_000_000_000;

/** Until every promise that can go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
