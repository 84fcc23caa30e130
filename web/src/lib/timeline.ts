import type { Clock } from "./clock";

export interface Mark {
  readonly step: string;
  /** Milliseconds since the person pressed the button. */
  readonly atMs: number;
}

/** When each step of a call happened, each once. */
export class Timeline {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #marks: Mark[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.now();
  }

  get marks(): readonly Mark[] {
    return this.#marks;
  }

  mark(step: string): boolean {
    if (this.#marks.some((mark) => mark.step === step)) return false;
    this.#marks.push({ step, atMs: this.#clock.now() - this.#start });
    return true;
  }
}
