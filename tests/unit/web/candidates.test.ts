import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Outbox, readable, type Batch } from "../../../web/src/lib/candidates";
import { FakeClock, settled } from "./clock";
import { candidate } from "./world";

const END = { candidate: "", sdpMid: "0", sdpMLineIndex: 0 };

const lines = (batch: { candidates: { candidate: string }[] } | undefined) => batch?.candidates.map((each) => each.candidate);
const BURST_MS = 40;

function outbox() {
  const sent: Batch[] = [];
  const clock = new FakeClock();
  const box = new Outbox("caller", 3, clock, async (batch) => {
    sent.push(batch);
    await settled();
  });
  const allSent = async () => {
    await clock.pass(BURST_MS);
    for (let turn = 0; turn < 20; turn += 1) await settled();
  };
  return { box, sent, clock, allSent };
}


/** With a first document that is under way until the test lets it arrive, and each later one likewise. */
async function underWay() {
  const sent: Batch[] = [];
  const clock = new FakeClock();
  let arrived: () => void = () => undefined;
  const box = new Outbox("caller", 1, clock, (batch) => {
    sent.push(batch);
    return new Promise((resolve) => (arrived = resolve));
  });
  box.open();
  box.add(candidate(1));
  await clock.pass(BURST_MS);
  const arrives = () => {
    arrived();
  };
  return { box, sent, clock, arrives };
}

test("nothing is sent before the description is stored, and then all that was gathered, in order", async () => {
  const { box, sent, allSent } = outbox();
  box.add(candidate(1));
  box.add(candidate(2));
  await allSent();
  assert.deepEqual(sent, []);
  box.open();
  await allSent();
  assert.deepEqual(sent.map(({ id }) => id), ["caller-3-0"]);
  assert.deepEqual(lines(sent[0]), ["candidate:1", "candidate:2"]);
});

test("a batch holds at most 20, and what is gathered while one is under way is the next one", async () => {
  const { box, sent, allSent } = outbox();
  box.open();
  for (let n = 0; n < 46; n += 1) box.add(candidate(n));
  await allSent();
  assert.deepEqual(sent.map(({ candidates }) => candidates.length), [20, 20, 6]);
  assert.deepEqual(sent.map(({ id }) => id), ["caller-3-0", "caller-3-1", "caller-3-2"]);
});

test("a burst goes in one document a moment after it began, however long it goes on", async () => {
  const { box, sent, clock } = outbox();
  box.open();
  for (let n = 0; n < 4; n += 1) {
    box.add(candidate(n));
    await clock.pass(BURST_MS / 2 - 1);
  }
  assert.deepEqual(sent.map(lines), [["candidate:0", "candidate:1", "candidate:2"]]);
  await clock.pass(BURST_MS);
  assert.deepEqual(sent.map(lines).at(1), ["candidate:3"]);
});

test("nobody waits for the end of a burst when nothing more will come, or nothing more fits", async () => {
  const ended = outbox();
  ended.box.open();
  ended.box.add(candidate(1));
  ended.box.add(END);
  const full = outbox();
  full.box.open();
  for (let n = 0; n < 20; n += 1) full.box.add(candidate(n));
  await settled();
  assert.deepEqual(ended.sent.map(lines), [["candidate:1", ""]]);
  assert.equal(full.sent[0]?.candidates.length, 20);
});

test("what comes after a full document has a burst of its own", async () => {
  const { box, sent, clock } = outbox();
  box.open();
  box.add(candidate(0));
  await clock.pass(10);
  for (let n = 1; n < 20; n += 1) box.add(candidate(n));
  await clock.pass(10);
  box.add(candidate(20));
  await clock.pass(BURST_MS - 1);
  assert.equal(sent.length, 1);
  await clock.pass(1);
  assert.deepEqual(lines(sent[1]), ["candidate:20"]);
});

test("a side has fifty documents a round, and no more", async () => {
  const { box, sent, allSent } = outbox();
  box.open();
  for (let n = 0; n < 60; n += 1) {
    box.add(candidate(n));
    await allSent();
  }
  assert.equal(sent.length, 50);
  assert.equal(sent.at(-1)?.id, "caller-3-49");
});

test("a candidate that is too long is not sent", async () => {
  const { box, sent, allSent } = outbox();
  box.open();
  box.add({ ...candidate(1), candidate: "x".repeat(1025) });
  await allSent();
  assert.deepEqual(sent, []);
});

test("the end of the candidates goes with the last of them, or alone after a second", async () => {
  const { box, sent, clock } = outbox();
  box.open();
  box.add(candidate(1));
  await clock.pass(BURST_MS);
  box.add(END);
  await clock.pass(999);
  assert.deepEqual(sent.map(lines), [["candidate:1"]]);
  await clock.pass(1);
  assert.deepEqual(sent.map(lines), [["candidate:1"], [""]]);
});

test("the end alone waits its second also where it came while a document was under way", async () => {
  const { box, sent, clock, arrives } = await underWay();
  box.add(END);
  await clock.pass(5_000); // no network: nothing has arrived yet
  arrives();
  await clock.pass(999);
  assert.deepEqual(sent.map(lines), [["candidate:1"]]);
  await clock.pass(1);
  assert.deepEqual(sent.map(lines), [["candidate:1"], [""]]);
});

test("the end alone waits its second also after what went out with the arrival of another document", async () => {
  const { box, sent, clock, arrives } = await underWay();
  box.add(candidate(2));
  for (let each = 0; each < 2; each += 1) {
    arrives();
    await clock.pass(10);
  }
  box.add(END);
  await clock.pass(999);
  assert.deepEqual(sent.map(lines), [["candidate:1"], ["candidate:2"]]);
  await clock.pass(1);
  assert.deepEqual(sent.map(lines).at(2), [""]);
});

test("a candidate does not wait as long as an end that was alone before it", async () => {
  const { box, sent, clock } = outbox();
  box.open();
  box.add(END); // of a gathering that was called off
  box.add(candidate(1));
  await clock.pass(BURST_MS);
  assert.deepEqual(sent.map(lines), [["", "candidate:1"]]);
});

test("where ICE has connected, the end alone is not sent, whichever came first; a candidate is", async () => {
  const { box, sent, clock } = outbox();
  box.open();
  box.add(END);
  box.connected();
  await clock.pass(2_000);
  assert.deepEqual(sent, []);
  box.add(END);
  await clock.pass(2_000);
  assert.deepEqual(sent, []);
  box.add(candidate(1));
  box.add(END);
  await clock.pass(2_000);
  assert.deepEqual(sent.map(lines), [["candidate:1", ""]]);
});

test("a closed box sends nothing more", async () => {
  const { box, sent, allSent } = outbox();
  box.close();
  box.add(candidate(1));
  await allSent();
  assert.deepEqual(sent, []);
});

test("candidates are given out by round, each once, whatever the order of the documents", () => {
  const inbox = new Inbox("callee");
  const put = (id: string, revision: number, ...candidates: unknown[]) => {
    inbox.put(id, { sender: "callee", revision, candidates });
  };
  put("callee-1-1", 1, candidate(2));
  put("callee-2-0", 2, candidate(9));
  put("callee-1-0", 1, candidate(1));
  const of = (revision: number) => inbox.take(revision).map((each) => each.candidate);
  assert.deepEqual(of(1), ["candidate:1", "candidate:2"]);
  assert.deepEqual(of(1), []);
  put("callee-1-1", 1, candidate(2));
  assert.deepEqual(of(1), []);
  assert.deepEqual(of(2), ["candidate:9"]);
});

test("the end of candidates waits for all that was sent before it", () => {
  const inbox = new Inbox("caller");
  const put = (n: number, ...candidates: unknown[]) => {
    inbox.put(`caller-1-${n}`, { sender: "caller", revision: 1, candidates });
  };
  put(2, candidate(3), END);
  put(0, candidate(1));
  assert.deepEqual(inbox.take(1).map((each) => each.candidate), ["candidate:1", "candidate:3"]);
  put(1, candidate(2));
  assert.deepEqual(inbox.take(1).map((each) => each.candidate), ["candidate:2", ""]);
  assert.deepEqual(inbox.take(1), []);
});

for (const [what, id, fields] of [
  ["another sender", "caller-1-0", { sender: "caller", revision: 1 }],
  ["a revision that is not its id's", "callee-1-0", { sender: "callee", revision: 2 }],
  ["an id of another form", "callee-one-0", { sender: "callee", revision: 1 }],
] as const) {
  test(`a document of ${what} is ignored`, () => {
    const inbox = new Inbox("callee");
    inbox.put(id, { ...fields, candidates: [candidate(1)] });
    assert.deepEqual([...inbox.take(1), ...inbox.take(2)], []);
  });
}

test("what has not the form of a candidate is ignored, and the rest of its batch is not", () => {
  const good = [candidate(1), END, { candidate: "", sdpMid: null, sdpMLineIndex: null }, { ...candidate(2), sdpMid: null }];
  const bad = [
    null,
    "candidate:1",
    { candidate: 1, sdpMid: "0", sdpMLineIndex: 0 },
    { candidate: "candidate:3", sdpMid: null, sdpMLineIndex: null },
    { candidate: "candidate:4", sdpMid: null, sdpMLineIndex: -1 },
    { candidate: "é".repeat(513), sdpMid: "0", sdpMLineIndex: 0 },
  ];
  assert.deepEqual(readable([...bad, ...good]), good);
  assert.deepEqual(readable("no list"), []);
});
