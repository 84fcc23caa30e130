import assert from "node:assert/strict";
import { test } from "node:test";
import { issuing, RelayCredentials } from "../../../web/src/lib/credentials";
import { Problem } from "../../../web/src/lib/problem";
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

test("credentials that are doubted are asked for anew, and serve on where no others are to be had", async () => {
  let refuses = false;
  let asked = 0;
  const credentials = new RelayCredentials(() => {
    asked += 1;
    return refuses ? Promise.reject(new Problem("limited", "")) : Promise.resolve(reply({ username: `credential ${asked}` }));
  }, new FakeClock());
  await credentials.fresh();
  credentials.doubt("another");
  assert.equal((await credentials.fresh()).username, "credential 1");
  assert.equal(asked, 1);
  credentials.doubt("credential 1");
  refuses = true;
  assert.equal((await credentials.fresh()).username, "credential 1");
  assert.equal(asked, 2);
  refuses = false;
  assert.equal((await credentials.fresh()).username, "credential 3");
  await credentials.fresh();
  assert.equal(asked, 3);
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

// ---- Refusals

const refusal = (status: string, code?: string) =>
  Object.assign(new Error(status), { code: `functions/${status}`, ...(code === undefined ? {} : { details: { code } }) });
const codeOf = async (error: unknown) =>
  issuing(() => Promise.reject(error as Error))().then(
    () => "issued",
    (problem: unknown) => (problem as Problem).code,
  );

test("a refusal is told apart by its code, and a function that was not reached from one that failed", async () => {
  assert.equal(await codeOf(refusal("failed-precondition", "relay_not_configured")), "no_relay");
  assert.equal(await codeOf(refusal("unavailable", "no_healthy_relay")), "no_relay");
  assert.equal(await codeOf(refusal("resource-exhausted", "budget_exhausted")), "limited");
  assert.equal(await codeOf(refusal("permission-denied", "cut_off")), "cut_off");
  assert.equal(await codeOf(refusal("unauthenticated", "not_signed_in")), "signed_out");
  assert.equal(await codeOf(refusal("unavailable")), "offline");
  assert.equal(await codeOf(refusal("internal")), "offline");
  assert.equal(await codeOf(refusal("internal", "internal")), "unexpected");
});

test("a token that is refused is refreshed once, and whoever is signed out for good is told so", async () => {
  let [asked, refreshed] = [0, 0];
  const stale = (good: boolean) =>
    issuing(
      () => {
        asked += 1;
        return good && refreshed > 0 ? Promise.resolve(reply()) : Promise.reject(refusal("unauthenticated", "invalid_token"));
      },
      () => Promise.resolve((refreshed += 1)),
    );
  assert.equal((await stale(true)()).password, "secret");
  assert.deepEqual([asked, refreshed], [2, 1]);
  await assert.rejects(stale(false)(), { code: "signed_out" });
  const disabled = Object.assign(new Error("disabled"), { code: "auth/user-disabled" });
  const ask = () => Promise.reject(refusal("unauthenticated", "invalid_token"));
  await assert.rejects(issuing(ask, () => Promise.reject(disabled))(), { code: "signed_out" });
});

test("credentials that are due for renewal serve until they expire, where no others are to be had", async () => {
  const clock = new FakeClock();
  let refuses = false;
  const credentials = new RelayCredentials(
    () => (refuses ? Promise.reject(new Problem("limited", "")) : Promise.resolve(reply())),
    clock,
  );
  await credentials.fresh();
  refuses = true;
  await clock.pass(3_400_000);
  assert.equal((await credentials.fresh()).password, "secret");
  await clock.pass(200_000);
  await assert.rejects(credentials.fresh(), { code: "limited" });
});

test("credentials that the relay has refused serve nobody, whatever their date", async () => {
  const clock = new FakeClock();
  let refuses = false;
  const credentials = new RelayCredentials(
    () => (refuses ? Promise.reject(new Problem("offline", "")) : Promise.resolve(reply())),
    clock,
  );
  credentials.discard((await credentials.fresh()).username);
  refuses = true;
  await assert.rejects(credentials.fresh(), { code: "offline" });
});
