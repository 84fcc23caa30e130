/** How the call goes, since the last look. */
export interface Quality {
  readonly roundTripMs: number | undefined;
  /** Of the packets that should have arrived, 0 to 1. */
  readonly loss: number | undefined;
  readonly sentKbps: number;
  readonly receivedKbps: number;
  readonly path: "relayed" | "direct" | undefined;
}

interface Counts {
  readonly at: number;
  readonly sent: number;
  readonly received: number;
  readonly packets: number;
  readonly lost: number;
}

type Entry = Record<string, unknown>;

/** Reads RTCStatsReports one after the other (W3C webrtc-stats): what counts up becomes a rate. */
export class QualityMeter {
  #last: Counts | undefined;

  read(report: Iterable<[string, unknown]>): Quality {
    const entries = new Map([...report] as [string, Entry][]);
    const all = [...entries.values()];
    const pair = selectedPair(entries);
    const inbound = all.filter(({ type }) => type === "inbound-rtp");
    const counts: Counts = {
      at: number(pair?.["timestamp"]) ?? 0,
      sent: number(pair?.["bytesSent"]) ?? 0,
      received: number(pair?.["bytesReceived"]) ?? 0,
      packets: sum(inbound, "packetsReceived"),
      lost: sum(inbound, "packetsLost"),
    };
    const last = this.#last;
    this.#last = counts;
    const ms = last ? counts.at - last.at : 0;
    const rate = (now: number, before: number) => (ms > 0 ? Math.max(0, ((now - before) * 8) / ms) : 0);
    const trip = number(pair?.["currentRoundTripTime"]);
    return {
      roundTripMs: trip === undefined ? undefined : trip * 1000,
      loss: last && lossBetween(last, counts),
      sentKbps: last ? rate(counts.sent, last.sent) : 0,
      receivedKbps: last ? rate(counts.received, last.received) : 0,
      path: pair && path(pair, entries),
    };
  }
}

function lossBetween(before: Counts, now: Counts): number | undefined {
  const lost = Math.max(0, now.lost - before.lost);
  const expected = now.packets - before.packets + lost;
  return expected > 0 ? lost / expected : undefined;
}

/** Chromium names the selected pair in its transport; Firefox marks it `selected`. */
function selectedPair(entries: Map<string, Entry>): Entry | undefined {
  for (const { type, selectedCandidatePairId: id } of entries.values()) {
    if (type === "transport" && typeof id === "string") return entries.get(id);
  }
  const pairs = [...entries.values()].filter(({ type }) => type === "candidate-pair");
  return pairs.find(({ selected }) => selected === true) ?? pairs.find(({ nominated }) => nominated === true);
}

function path(pair: Entry, entries: Map<string, Entry>): "relayed" | "direct" {
  const ends = [pair["localCandidateId"], pair["remoteCandidateId"]].map((id) => entries.get(String(id)));
  return ends.some((candidate) => candidate?.["candidateType"] === "relay") ? "relayed" : "direct";
}

function sum(entries: Entry[], field: string): number {
  return entries.reduce((total, entry) => total + (number(entry[field]) ?? 0), 0);
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
