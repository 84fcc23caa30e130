import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStep, type Rounds } from "../../../web/src/lib/rounds";
import type { Session } from "../../../web/src/lib/session";
import { answered, connected, sdp, session, stamp } from "./world";

const offer = (revision: number, from: "caller" | "callee") => ({ type: "offer", sdp: sdp("new"), revision, from });
const answer = (revision: number, from: "caller" | "callee") => ({ type: "answer", sdp: sdp("new"), revision, from });
const refused = (revision: number) => ({ code: "sdp_no_media", message: "", field: "offer.sdp", revision });
const done: Rounds = { settled: 1, mine: undefined };
const waiting: Rounds = { settled: 1, mine: 2 };

/** What each side does next: a row for each sentence of the contract. */
const rows: [string, Partial<Session>, Rounds, "nothing" | "offer" | "replace", string, number?][] = [
  ["an answered first round asks for nothing", {}, done, "nothing", "nothing"],
  ["something to agree on is offered in the next round", {}, done, "offer", "offer", 2],
  ["while the server has not accepted the last round, nobody offers", { accepted: { offer: 1, answer: 0 }, offer: offer(1, "callee") }, done, "replace", "nothing"],
  ["the other side's offer is answered", { offer: offer(2, "callee") }, done, "nothing", "answer", 2],
  ["an offer that the server refused is not answered", { offer: offer(2, "callee"), error: refused(2) }, done, "nothing", "nothing"],
  ["after a refused offer of the other side this one may offer", { offer: offer(2, "callee"), error: refused(2) }, done, "offer", "offer", 3],
  ["one that was answered already is not answered again", { offer: offer(2, "callee"), answer: answer(2, "caller") }, { settled: 2, mine: undefined }, "nothing", "nothing"],
  ["one's own offer waits for its answer", { offer: offer(2, "caller") }, waiting, "offer", "nothing"],
  ["one's own offer is replaced where the connection is to be mended", { offer: offer(2, "caller") }, waiting, "replace", "offer", 3],
  ["the answer to one's own offer is taken", { offer: offer(2, "caller"), answer: answer(2, "callee") }, waiting, "nothing", "complete", 2],
  ["an answer of another round is not", { offer: offer(2, "caller") }, waiting, "nothing", "nothing"],
  ["one's own offer that the server refused is rolled back", { offer: offer(2, "caller"), error: refused(2) }, waiting, "nothing", "roll back"],
  ["whoever lost the race answers the other's offer", { offer: offer(2, "callee") }, waiting, "offer", "answer", 2],
  ["an own offer that was overtaken and answered elsewhere is rolled back", { offer: offer(3, "callee"), answer: answer(3, "caller") }, { settled: 3, mine: 2 }, "nothing", "roll back"],
  ["after a thousand rounds nobody offers", { offer: offer(1000, "caller"), accepted: { offer: 1000, answer: 1000 } }, done, "offer", "nothing"],
  ["after a hangup there is nothing to do", { hangup: { by: "callee", reason: "hangup", at: stamp(0) }, offer: offer(2, "callee") }, done, "replace", "nothing"],
  ["after the end there is nothing to do", { status: "ended", offer: offer(2, "callee") }, done, "replace", "nothing"],
];

for (const [promise, overrides, rounds, wish, does, revision] of rows) {
  test(promise, () => {
    const step = nextStep(connected(overrides), "caller", rounds, wish);
    assert.equal(step.do, does);
    assert.equal("revision" in step ? step.revision : undefined, revision);
  });
}

test("before the call is answered nobody offers again", () => {
  assert.equal(nextStep(session({ status: "offered" }), "caller", { settled: 0, mine: 1 }, "replace").do, "nothing");
  assert.equal(nextStep(answered(), "caller", { settled: 0, mine: 1 }, "replace").do, "complete");
});

test("a session without an offer asks for nothing", () => {
  const bare = session();
  delete bare.offer;
  assert.equal(nextStep(bare, "callee", done, "offer").do, "nothing");
});
