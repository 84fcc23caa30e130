import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../../../web/src/lib/session";
import { endWords, lengthWords, qualityWords } from "../../../web/src/page/words";
import { answered, connected, session, World } from "./world";

/** What the caller reads when the call has ended like this. */
async function caller(end: Partial<Session>, before: Session = session()): Promise<string> {
  const world = new World();
  const call = await world.dial();
  await world.signalling.shows(before);
  await world.signalling.shows({ ...before, status: "ended", ...end });
  return endWords(call);
}

/** And what the callee reads, whose phone rang. */
async function callee(end: Partial<Session>): Promise<string> {
  const world = new World();
  const call = await world.incoming();
  world.ring(session({ caller_id: "bob", callee_id: "alice", status: "ended", ...end }));
  return endWords(call);
}

test("whose last calls nobody answered reads what to do, and not that somebody is busy", async () => {
  const error = { code: "caller_rung_out" as const, message: "", field: "", revision: 1 };
  assert.equal(await caller({ end_reason: "busy", error }), "Nobody answered your last calls. Wait a few minutes, then try again.");
  assert.equal(await caller({ end_reason: "busy" }), "Busy: in another call");
});

test("the two sides of an unanswered call read different words", async () => {
  assert.equal(await caller({ end_reason: "missed" }), "No answer");
  assert.equal(await callee({ end_reason: "missed" }), "Missed call");
  assert.equal(await caller({ end_reason: "declined" }), "Call declined");
  assert.equal(await callee({ end_reason: "cancelled" }), "Missed call");
});

test("a call that expired before an answer has failed, and one that was talked in has lost its connection", async () => {
  assert.equal(await caller({ end_reason: "expired" }), "Call failed");
  assert.equal(await caller({ end_reason: "expired" }, connected()), "Connection lost");
  assert.equal(await caller({ end_reason: "hangup" }, answered()), "Call ended");
});

test("figures are words with their unit, and a dash where there are none", () => {
  const none = { roundTripMs: undefined, loss: undefined, sentKbps: 0, receivedKbps: 0, path: undefined };
  assert.deepEqual(qualityWords(none), { trip: "–", loss: "–", received: "0 kbit/s", sent: "0 kbit/s", path: "–" });
  assert.deepEqual(qualityWords({ roundTripMs: 41.6, loss: 0.0123, sentKbps: 999.4, receivedKbps: 1540, path: "relayed" }), {
    trip: "42 ms",
    loss: "1.2 %",
    received: "1.5 Mbit/s",
    sent: "999 kbit/s",
    path: "Relayed",
  });
});

test("a length is minutes and seconds", () => {
  assert.deepEqual([0, 999, 61_000, 3_599_000].map(lengthWords), ["0:00", "0:00", "1:01", "59:59"]);
});
