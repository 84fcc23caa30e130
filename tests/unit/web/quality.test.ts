import assert from "node:assert/strict";
import { test } from "node:test";
import { QualityMeter } from "../../../web/src/lib/quality";

interface Seen {
  readonly at: number;
  readonly sent?: number;
  readonly received?: number;
  readonly packets?: number;
  readonly lost?: number;
  readonly trip?: number;
  readonly ends?: readonly [string, string];
}

const pair = ({ at, sent = 0, received = 0, trip, ends = ["host", "host"] }: Seen) => ({
  pair: {
    type: "candidate-pair",
    timestamp: at,
    bytesSent: sent,
    bytesReceived: received,
    currentRoundTripTime: trip,
    localCandidateId: "local",
    remoteCandidateId: "remote",
  },
  local: { type: "local-candidate", candidateType: ends[0] },
  remote: { type: "remote-candidate", candidateType: ends[1] },
});

/** As Chromium reports: the pair in use is named by its transport. */
function report(seen: Seen): [string, unknown][] {
  return Object.entries({
    other: { ...pair({ at: seen.at }).pair, nominated: true, bytesSent: 999_999 },
    ...pair(seen),
    transport: { type: "transport", selectedCandidatePairId: "pair" },
    voice: { type: "inbound-rtp", packetsReceived: seen.packets ?? 0, packetsLost: seen.lost ?? 0 },
  });
}

test("the first look has no rates yet, and says which way the call goes", () => {
  const first = new QualityMeter().read(report({ at: 1000, sent: 5000, received: 7000, packets: 10, lost: 5, trip: 0.04 }));
  assert.deepEqual(first, { roundTripMs: 40, loss: undefined, sentKbps: 0, receivedKbps: 0, path: "direct" });
});

test("what counts up becomes a rate between two looks", () => {
  const meter = new QualityMeter();
  meter.read(report({ at: 1000, sent: 1000, received: 2000, packets: 100, lost: 3 }));
  const next = meter.read(report({ at: 3000, sent: 51_000, received: 102_000, packets: 190, lost: 13 }));
  assert.equal(next.sentKbps, 200); // 50 kB in two seconds
  assert.equal(next.receivedKbps, 400);
  assert.equal(next.loss, 0.1); // 10 of 100
});

test("a relay on either side is a relayed call", () => {
  const path = (...ends: [string, string]) => new QualityMeter().read(report({ at: 0, ends })).path;
  assert.equal(path("relay", "host"), "relayed");
  assert.equal(path("srflx", "relay"), "relayed");
  assert.equal(path("srflx", "prflx"), "direct");
});

test("a new connection, whose counters begin anew, is neither a negative rate nor a loss", () => {
  const meter = new QualityMeter();
  meter.read(report({ at: 1000, sent: 90_000, received: 90_000, packets: 900, lost: 40 }));
  const anew = meter.read(report({ at: 2000, sent: 100, received: 100, packets: 1000, lost: 0 }));
  assert.deepEqual([anew.sentKbps, anew.receivedKbps, anew.loss], [0, 0, 0]);
});

test("where nothing arrived there is no loss to tell of", () => {
  const meter = new QualityMeter();
  meter.read(report({ at: 1000, packets: 10 }));
  assert.equal(meter.read(report({ at: 2000, packets: 10 })).loss, undefined);
});

test("two looks at the same moment have no rate", () => {
  const meter = new QualityMeter();
  meter.read(report({ at: 1000, sent: 1000 }));
  assert.equal(meter.read(report({ at: 1000, sent: 2000 })).sentKbps, 0);
});

test("Firefox marks the pair in use, and an older browser one that is nominated", () => {
  const firefox = Object.entries({ idle: { type: "candidate-pair", nominated: true }, ...pair({ at: 0, trip: 0.01 }) });
  (firefox.find(([id]) => id === "pair")?.[1] as Record<string, unknown>)["selected"] = true;
  assert.equal(new QualityMeter().read(firefox).roundTripMs, 10);
  const older = Object.entries({ failed: { type: "candidate-pair" }, ...pair({ at: 0, trip: 0.02 }) });
  (older.find(([id]) => id === "pair")?.[1] as Record<string, unknown>)["nominated"] = true;
  assert.equal(new QualityMeter().read(older).roundTripMs, 20);
});

test("a connection that has no pair yet tells nothing", () => {
  assert.deepEqual(new QualityMeter().read([]), {
    roundTripMs: undefined,
    loss: undefined,
    sentKbps: 0,
    receivedKbps: 0,
    path: undefined,
  });
});
