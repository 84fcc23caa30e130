import assert from "node:assert/strict";
import { test } from "node:test";
import { keepListening } from "../../../web/src/lib/listening";
import { Problem } from "../../../web/src/lib/problem";
import { FakeClock } from "./clock";

const MINUTE = 60_000;

function listener() {
  const clock = new FakeClock();
  const nobody: (problem: Problem) => void = () => undefined;
  const seen = { listeners: 0, gaveUp: [] as string[], fail: nobody };
  const stop = keepListening(
    (failed) => {
      seen.listeners += 1;
      seen.fail = failed;
      return () => undefined;
    },
    clock,
    ({ code }) => seen.gaveUp.push(code),
  );
  return { clock, seen, stop };
}

test("a listener that fails is replaced, later each time", async () => {
  const { clock, seen } = listener();
  for (const [wait, listeners] of [[1_000, 2], [2_000, 3], [4_000, 4]] as const) {
    seen.fail(new Problem("offline", ""));
    await clock.pass(wait - 1);
    assert.equal(seen.listeners, listeners - 1);
    await clock.pass(1);
    assert.equal(seen.listeners, listeners);
  }
});

test("one that is denied three times in a row is not tried again", async () => {
  const { clock, seen } = listener();
  for (let times = 0; times < 3; times += 1) {
    seen.fail(new Problem("denied", ""));
    await clock.pass(4_000);
  }
  assert.deepEqual(seen.gaveUp, ["denied"]);
  assert.equal(seen.listeners, 3);
});

test("denials that lie far apart are not held against each other, and neither is the wait", async () => {
  const { clock, seen } = listener();
  for (let times = 0; times < 5; times += 1) {
    await clock.pass(10 * MINUTE);
    seen.fail(new Problem("denied", ""));
    await clock.pass(1_000);
    assert.equal(seen.listeners, times + 2);
  }
  assert.deepEqual(seen.gaveUp, []);
});

test("one that was stopped stays stopped", async () => {
  const { clock, seen, stop } = listener();
  seen.fail(new Problem("offline", ""));
  stop();
  seen.fail(new Problem("offline", ""));
  await clock.pass(10 * MINUTE);
  assert.equal(seen.listeners, 1);
});
