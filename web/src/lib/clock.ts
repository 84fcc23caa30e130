/** Time as an argument: tests turn the hands of one of their own. */
export interface Clock {
  /** Milliseconds since some moment, never set back: for lengths of time. */
  now(): number;
  /** Unix milliseconds by this device's clock, which may be wrong by days: only ever corrected with `server_time`. */
  wall(): number;
  /** Calls once after so many milliseconds. Returns what calls it off. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
