import type { Clock } from "./clock";
import type { Problem } from "./problem";
import type { Stop } from "./signalling";

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
const DENIALS = 3;
const WELL_MS = 60_000; // one that lived so long was well: what happened before it is forgotten

/**
 * Keeps a Firestore listener going. The SDK reconnects by itself; an error ends a listener for good, so a new one takes its
 * place, later each time. One that is denied again and again will not be allowed the next time either.
 */
export function keepListening(
  listen: (failed: (problem: Problem) => void) => Stop,
  clock: Clock,
  gaveUp: (problem: Problem) => void,
): Stop {
  let stop: Stop = () => undefined;
  let callOff: Stop = () => undefined;
  let wait = FIRST_MS;
  let denials = 0;
  let stopped = false;
  const start = () => {
    const since = clock.now();
    stop = listen((problem) => {
      if (stopped) return;
      if (clock.now() - since >= WELL_MS) [wait, denials] = [FIRST_MS, 0];
      denials += problem.code === "denied" ? 1 : 0;
      if (denials >= DENIALS || problem.code === "signed_out") {
        gaveUp(problem);
        return;
      }
      callOff = clock.after(wait, start);
      wait = Math.min(wait * 2, LONGEST_MS);
    });
  };
  start();
  return () => {
    stopped = true;
    callOff();
    stop();
  };
}
