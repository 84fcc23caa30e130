import assert from "node:assert/strict";
import { test } from "node:test";
import { Reconnection, type Attempt } from "../../../web/src/lib/reconnection";
import { FakeClock } from "./clock";

function machine() {
  const clock = new FakeClock();
  const world = { ready: true, states: [] as string[], attempts: [] as [number, Attempt][] };
  const reconnection = new Reconnection(clock, {
    ready: () => Promise.resolve(world.ready),
    attempt: (kind) => {
      world.attempts.push([clock.now(), kind]);
      return Promise.resolve();
    },
    changed: (state) => world.states.push(state),
  });
  return { clock, reconnection, world };
}

test("three attempts, 1, 2 and 4 s after what went before, the last with a new connection, then it has failed", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.lost();
  await clock.pass(60_000);
  assert.deepEqual(world.attempts, [[1_000, "minor"], [11_000, "minor"], [23_000, "major"]]);
  assert.deepEqual(world.states, ["reconnecting", "failed"]);
});

test("what heals within a second needs no attempt", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.lost();
  await clock.pass(900);
  reconnection.connected();
  await clock.pass(60_000);
  assert.deepEqual(world.attempts, []);
  assert.deepEqual(world.states, ["reconnecting", "stable"]);
});

test("an attempt that has no chance is not spent: it is made as soon as there is a way out", async () => {
  const { clock, reconnection, world } = machine();
  world.ready = false;
  reconnection.lost();
  await clock.pass(60_000);
  assert.deepEqual(world.attempts, []);
  assert.deepEqual(world.states, ["reconnecting"]);
  world.ready = true;
  await clock.pass(500);
  assert.equal(world.attempts.length, 1);
});

test("without a way out for two minutes it has failed", async () => {
  const { clock, reconnection, world } = machine();
  world.ready = false;
  reconnection.lost();
  await clock.pass(122_000);
  assert.deepEqual(world.states, ["reconnecting", "failed"]);
});

test("losing it twice is losing it once", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.lost();
  reconnection.lost();
  await clock.pass(1_000);
  assert.equal(world.attempts.length, 1);
});

test("after it has failed the other side may still bring it back, and the person may ask for three more", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.lost();
  await clock.pass(60_000);
  reconnection.again();
  await clock.pass(1_000);
  assert.equal(world.attempts.length, 4);
  reconnection.connected();
  assert.equal(reconnection.state, "stable");
  reconnection.again();
  await clock.pass(60_000);
  assert.equal(world.attempts.length, 4);
});

test("a call that has ended makes no more attempts", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.lost();
  reconnection.stop();
  await clock.pass(60_000);
  assert.deepEqual(world.attempts, []);
});

test("a page that was reloaded begins with a new connection, at once", async () => {
  const { clock, reconnection, world } = machine();
  reconnection.rejoin();
  await clock.pass(0);
  assert.deepEqual(world.attempts, [[0, "major"]]);
});
