// Sets calls up in one page, both sides in it: over the whole stack, or with the two wired in memory. Nothing else differs.

import { initializeApp } from "firebase/app";
import { connectAuthEmulator, inMemoryPersistence, initializeAuth, signInAnonymously } from "firebase/auth";
import { connectFirestoreEmulator, getFirestore } from "firebase/firestore";
import { connectFunctionsEmulator, getFunctions, httpsCallable } from "firebase/functions";
import type { IssueReply } from "../../../web/contract/contract";
import { Call, type Line } from "../../../web/src/lib/call";
import { Client } from "../../../web/src/lib/client";
import { systemClock } from "../../../web/src/lib/clock";
import { RelayCredentials } from "../../../web/src/lib/credentials";
import { BrowserPeer } from "../../../web/src/lib/peer";
import { newSessionId } from "../../../web/src/lib/switchboard";
import { otherSide, type Session, type Side } from "../../../web/src/lib/session";
import type { Signalling } from "../../../web/src/lib/signalling";
import { findDeployment, REGION } from "../../../web/src/page/deployment";

/** When each step was done, in ms from the caller's button on. */
type SetUp = Record<string, number>;

interface Person {
  readonly uid: string;
  readonly client: Client;
  readonly issue: () => Promise<IssueReply>;
}

const WITHIN_MS = 20_000;
const deployment = await findDeployment();
const open = () => navigator.mediaDevices.getUserMedia({ audio: true, video: true });
let rings: (call: Call) => void = () => undefined;
const alice = await person("alice");
const bob = await person("bob");

async function person(name: string): Promise<Person> {
  const app = initializeApp(deployment.config, name);
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, deployment.auth ?? "", { disableWarnings: true });
  const [firestore, functions] = [getFirestore(app), getFunctions(app, REGION)];
  const port = (address: string | undefined) => Number(new URL(address ?? "").port);
  connectFirestoreEmulator(firestore, "127.0.0.1", port(deployment.firestore));
  connectFunctionsEmulator(functions, "127.0.0.1", port(deployment.functions));
  const { uid } = (await signInAnonymously(auth)).user;
  const options = { firestore, functions, uid, deviceId: name, relayOnly: true, name: () => name };
  const client = new Client(options, {
    incoming: (call) => {
      rings(call);
    },
    replaced: () => undefined,
  });
  client.start();
  const issue = httpsCallable<object, IssueReply>(functions, "issue_turn_credentials");
  return { uid, client, issue: async () => (await issue({})).data };
}

/** A session that both sides have in this page's memory; what the server would write is there at once. */
class Memory {
  readonly #watching = new Map<Side, (session: Session | undefined) => void>();
  readonly #candidates = new Map<Side, (id: string, fields: Record<string, unknown>) => void>();
  readonly #early: (() => void)[] = [];
  #session: Session | undefined;

  signalling(id: string, side: Side, ring: (session: Session) => void): Signalling {
    const change = (changes: Partial<Session>) => {
      if (!this.#session) return Promise.resolve();
      this.#session = { ...this.#session, ...changes };
      for (const watching of this.#watching.values()) watching(this.#session);
      return Promise.resolve();
    };
    return {
      dial: ({ callerId, calleeId, media, sdp }) => {
        const now = { seconds: 0, nanoseconds: 0 };
        const offer = { type: "offer", sdp, revision: 1, from: side };
        const people = { caller_id: callerId, callee_id: calleeId };
        this.#session = { id, ...people, media, offer, status: "offered", created_at: now };
        ring(this.#session);
        return Promise.resolve();
      },
      offer: () => Promise.resolve(),
      answer: (revision, sdp) =>
        change({ answer: { type: "answer", sdp, revision, from: side, device_id: side }, status: "answered" }),
      sendCandidates: (batch) => {
        const deliver = () => this.#candidates.get(otherSide(side))?.(batch.id, { ...batch });
        if (this.#candidates.has(otherSide(side))) deliver();
        else this.#early.push(deliver);
        return Promise.resolve();
      },
      reportIce: () => Promise.resolve(),
      stayAlive: () => Promise.resolve(),
      hangUp: () => change({ status: "ended", end_reason: "hangup" }),
      watch: (next) => {
        this.#watching.set(side, next);
        if (this.#session) next(this.#session);
        return () => this.#watching.delete(side);
      },
      watchCandidates: (next) => {
        this.#candidates.set(side, next);
        for (const deliver of this.#early.splice(0)) deliver();
        return () => this.#candidates.delete(side);
      },
    };
  }
}

const credentials = new RelayCredentials(alice.issue, systemClock);

function line(uid: string, memory: Memory, ring: (session: Session) => void): Line {
  return {
    uid,
    deviceId: uid,
    clock: systemClock,
    credentials,
    relayOnly: true,
    name: () => uid,
    makePeer: (servers, events, gathersAhead) => new BrowserPeer(servers, "relay", events, gathersAhead),
    mayGatherAhead: () => Promise.resolve(true),
    signalling: (id, side) => memory.signalling(id, side, ring),
    relayAnswers: () => Promise.resolve(true),
    isOnline: () => true,
  };
}

async function setUp(through: "stack" | "memory"): Promise<SetUp> {
  const started = performance.now();
  const passed = () => performance.now() - started;
  const ringing = new Promise<Call>((resolve) => {
    rings = resolve;
  });
  const streams = [open()];
  const [mine] = streams as [Promise<MediaStream>];
  let caller: Call;
  if (through === "stack") {
    caller = alice.client.call(bob.uid, "video", mine);
  } else {
    const memory = new Memory();
    const callee = line("callee", memory, () => undefined);
    const there = line("caller", memory, (session) => {
      rings(Call.incoming(callee, session, () => () => undefined));
    });
    caller = Call.dial(there, newSessionId(), "callee", "video", mine);
  }
  const callee = await ringing;
  const rang = passed();
  const theirs = open(); // as the page does: with the button
  streams.push(theirs);
  callee.answer(theirs);
  await Promise.race([Promise.all([caller, callee].map(firstPicture)), tooLate()]);
  const pictures = passed();
  const of = (call: Call, step: string) => call.timeline.find((mark) => mark.step === step)?.atMs ?? NaN;
  const callers = ["offer made", "call written", "answer seen", "ICE connected"].map((step) => [step, of(caller, step)]);
  const answer = rang + of(callee, "answer made"); // whose timeline begins with the ring
  const measured = { ...Object.fromEntries(callers), rings: rang, "answer made": answer, pictures } as SetUp;
  await caller.hangUp();
  for (const stream of await Promise.all(streams)) for (const track of stream.getTracks()) track.stop();
  while (callee.stage !== "ended") await new Promise((resolve) => setTimeout(resolve, 10));
  return measured;
}

function tooLate(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(reject, WITHIN_MS, new Error(`no picture on both sides within ${WITHIN_MS} ms`));
  });
}

function firstPicture(call: Call): Promise<void> {
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  return new Promise((resolve) => {
    const show = () => {
      if (!video.srcObject && call.remote[0]) video.srcObject = call.remote[0];
    };
    const stop = call.subscribe(show);
    show();
    video.addEventListener("loadeddata", () => {
      stop();
      call.mark("first picture");
      resolve();
    });
  });
}

/** As often as the address says, the two ways in turns; whoever has opened this page is told of each. */
async function measure(rounds: number): Promise<void> {
  const tell = (what: object) => fetch("measured", { method: "POST", body: JSON.stringify(what) });
  try {
    for (let round = 0; round < rounds; round += 1) {
      const [memory, stack] = [await setUp("memory"), await setUp("stack")];
      await tell({ memory, stack });
    }
  } catch (error) {
    await tell({ failed: String(error) });
  }
}

Object.assign(window, { setUp });
await measure(Number(location.hash.slice(1)));
