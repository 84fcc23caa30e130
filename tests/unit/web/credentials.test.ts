import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayCredentials } from "../../../web/src/lib/credentials";
import { FakeClock } from "./clock";
import { reply } from "./world";

function issuer(clock = new FakeClock()) {
  const asked = { times: 0 };
  const credentials = new RelayCredentials(() => {
    asked.times += 1;
    return Promise.resolve(reply({ username: `credential ${asked.times}` }));
  }, clock);
  return { asked, clock, credentials };
}

test("one request serves every call until the server says to refresh", async () => {
  const { asked, clock, credentials } = issuer();
  await credentials.fresh();
  await clock.pass(3_299_000);
  assert.equal((await credentials.fresh()).username, "credential 1");
  await clock.pass(1_000);
  assert.equal((await credentials.fresh()).username, "credential 2");
  assert.equal(asked.times, 2);
});

for (const wrongByMs of [-86_400_000, 86_400_000]) {
  test(`a device whose clock is wrong by ${wrongByMs / 3_600_000} hours refreshes at the same time`, async () => {
    const { asked, clock, credentials } = issuer();
    clock.wrongByMs = wrongByMs;
    await credentials.fresh();
    await clock.pass(3_299_000);
    await credentials.fresh();
    assert.equal(asked.times, 1);
    await clock.pass(1_000);
    await credentials.fresh();
    assert.equal(asked.times, 2);
  });
}

test("those who ask at the same time share one request", async () => {
  const { asked, credentials } = issuer();
  await Promise.all([credentials.fresh(), credentials.fresh()]);
  assert.equal(asked.times, 1);
});

test("a credential that the relay refused is not given out again, and a newer one is not thrown away with it", async () => {
  const { credentials } = issuer();
  await credentials.fresh();
  credentials.discard("credential 1");
  assert.equal((await credentials.fresh()).username, "credential 2");
  credentials.discard("credential 1");
  assert.equal((await credentials.fresh()).username, "credential 2");
});

test("the server's time is known on a device whose clock is wrong", async () => {
  const { clock, credentials } = issuer();
  const truth = clock.wall();
  clock.wrongByMs = 7_200_000;
  await credentials.fresh();
  assert.equal(credentials.serverNow(), truth);
});

test("a request that failed is asked again by the next who needs it", async () => {
  let times = 0;
  const credentials = new RelayCredentials(() => {
    times += 1;
    return times === 1 ? Promise.reject(new Error("no network")) : Promise.resolve(reply());
  }, new FakeClock());
  await assert.rejects(credentials.fresh());
  assert.equal((await credentials.fresh()).ttl, 3600);
});
