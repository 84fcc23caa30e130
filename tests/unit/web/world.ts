import { Call, type Line } from "../../../web/src/lib/call";
import type { Batch, Candidate } from "../../../web/src/lib/candidates";
import { RelayCredentials } from "../../../web/src/lib/credentials";
import type { Peer, PeerEvents } from "../../../web/src/lib/peer";
import { Problem } from "../../../web/src/lib/problem";
import type { HangupReason, IceState, Session, Side } from "../../../web/src/lib/session";
import type { NewCall, Signalling } from "../../../web/src/lib/signalling";
import type { IssueReply } from "../../../web/contract/contract";
import { FakeClock, settled, TRUE_START_MS } from "./clock";

export const ID = "a-session-of-the-tests";
export const stamp = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanoseconds: 0 });
export const LASTING_MS = 500; // of a state of ICE that is reported
export const candidate = (n: number): Candidate => ({ candidate: `candidate:${n}`, sdpMid: "0", sdpMLineIndex: 0 });
export const sdp = (peer: string) => `v=0\r\na=fingerprint:sha-256 ${peer}\r\nm=audio 9\r\n`;

export function reply(overrides: Partial<IssueReply> = {}): IssueReply {
  const now = TRUE_START_MS / 1000;
  return {
    username: `${now + 3660}:alice`,
    password: "secret",
    ttl: 3600,
    expires_at: now + 3600,
    refresh_at: now + 3300,
    server_time: now,
    uris: ["turn:relay.test"],
    ice_servers: [{ urls: ["turn:relay.test"], username: "u", credential: "c" }],
    ...overrides,
  };
}

/** A peer connection of which a test says what happens in it. */
export class FakePeer implements Peer {
  readonly gathersAhead: boolean;
  readonly servers: RTCIceServer[][];
  readonly events: PeerEvents;
  readonly log: string[] = [];
  readonly candidates: string[] = [];
  readonly tracks: MediaStreamTrack[] = [];
  readonly #name: string;
  #hasOffer = false;
  closed = false;
  described = "";
  /** What a description begins to gather: a candidate at once, none until the test brings one, or nothing anew. */
  gathers: "at once" | "later" | "nothing" = "at once";
  #made = 0;
  #ufrag = 0;

  constructor(servers: RTCIceServer[], events: PeerEvents, name: string, gathersAhead = false) {
    this.gathersAhead = gathersAhead;
    this.servers = [servers];
    this.events = events;
    this.#name = name;
  }

  setServers(servers: RTCIceServer[]): void {
    this.servers.push(servers);
  }

  makeOffer(restart: boolean): Promise<string> {
    this.log.push(restart ? "restart" : "offer");
    this.#hasOffer = true;
    return this.#describe();
  }

  makeAnswer(offer: string): Promise<string> {
    this.log.push(`answer to ${offer.includes("m=") ? "an offer" : offer}`);
    this.#hasOffer = false;
    return this.#describe();
  }

  sealAnswer(): Promise<string> {
    return Promise.resolve(this.described);
  }

  takeAnswer(): Promise<void> {
    this.log.push("took answer");
    this.#hasOffer = false;
    return Promise.resolve();
  }

  rollBack(): Promise<void> {
    if (this.#hasOffer) this.log.push("rolled back");
    this.#hasOffer = false;
    return Promise.resolve();
  }

  addCandidate(each: Candidate): Promise<void> {
    this.candidates.push(each.candidate);
    return Promise.resolve();
  }

  addTrack(track: MediaStreamTrack): void {
    this.tracks.push(track);
    this.log.push("track");
  }

  replaceTrack(): Promise<void> {
    return Promise.resolve();
  }

  removeTrack(): void {
    this.log.push("no track");
  }

  stats(): Promise<RTCStatsReport> {
    return Promise.resolve(new Map() as unknown as RTCStatsReport);
  }

  close(): void {
    this.closed = true;
  }

  /** A candidate is found. */
  gather(): void {
    const found = `candidate:own ${this.#made}`;
    this.described += `a=${found} network-id 1\r\n`;
    this.events.gathered({ candidate: `${found} ufrag ${this.#ufrag} network-id 1`, sdpMid: "0", sdpMLineIndex: 0 });
  }

  #describe(): Promise<string> {
    this.#made += 1;
    if (this.gathers !== "nothing") this.#ufrag = this.#made;
    this.described = `${sdp(this.#name)}a=ice-ufrag:${this.#ufrag}\r\na=made:${this.#made}\r\n`;
    if (this.gathers === "at once") {
      queueMicrotask(() => {
        this.gather();
      });
    }
    return Promise.resolve(this.described);
  }
}

/** Firestore, as one side of a call meets it: writes are noted, refused on demand, and answered by the test. */
export class FakeSignalling implements Signalling {
  readonly said: string[] = [];
  readonly batches: Batch[] = [];
  readonly hangups: HangupReason[] = [];
  refusing: Problem | undefined;
  watched = 0;
  stopped = 0;
  #session: (session: Session | undefined) => void = () => undefined;
  #failed: (problem: Problem) => void = () => undefined;
  #batch: (id: string, fields: Record<string, unknown>) => void = () => undefined;

  dial({ calleeId }: NewCall): Promise<void> {
    return this.#say(`dial ${calleeId}`);
  }

  offer(revision: number): Promise<void> {
    return this.#say(`offer ${revision}`);
  }

  answer(revision: number): Promise<void> {
    return this.#say(`answer ${revision}`);
  }

  sendCandidates(batch: Batch): Promise<void> {
    this.batches.push(batch);
    return settled();
  }

  reportIce(state: IceState): Promise<void> {
    return this.#say(`ice ${state}`);
  }

  stayAlive(): Promise<void> {
    return this.#say("alive");
  }

  hangUp(reason: HangupReason): Promise<void> {
    this.hangups.push(reason);
    return Promise.resolve();
  }

  watch(next: (session: Session | undefined) => void, failed: (problem: Problem) => void): () => void {
    this.watched += 1;
    this.#session = next;
    this.#failed = failed;
    return () => {
      this.stopped += 1;
    };
  }

  watchCandidates(next: (id: string, fields: Record<string, unknown>) => void): () => void {
    this.watched += 1;
    this.#batch = next;
    return () => {
      this.stopped += 1;
    };
  }

  async shows(session: Session | undefined): Promise<void> {
    this.#session(session);
    await settled();
  }

  async fails(problem: Problem): Promise<void> {
    this.#failed(problem);
    await settled();
  }

  async brings(sender: Side, revision: number, n: number, ...candidates: Candidate[]): Promise<void> {
    this.#batch(`${sender}-${revision}-${n}`, { sender, revision, candidates });
    await settled();
  }

  #say(what: string): Promise<void> {
    this.said.push(what);
    return this.refusing ? Promise.reject(this.refusing) : Promise.resolve();
  }
}

/** One person's app, with everything around it in the hands of the test. */
export class World {
  readonly clock = new FakeClock();
  readonly signalling = new FakeSignalling();
  readonly peers: FakePeer[] = [];
  ring: (session: Session | undefined) => void = () => undefined; // what the listener for calls says of an incoming one
  online = true;
  mayGatherAhead = true;
  relayUp = true;
  gathers: FakePeer["gathers"] = "at once"; // of connections that are still to be made
  asked = 0;
  readonly line: Line;

  constructor(uid = "alice") {
    this.line = {
      uid,
      deviceId: "this device",
      clock: this.clock,
      credentials: new RelayCredentials(() => {
        this.asked += 1;
        const now = TRUE_START_MS / 1000 + this.clock.now() / 1000;
        return Promise.resolve(reply({ server_time: now, refresh_at: now + 3300, username: `credential ${this.asked}` }));
      }, this.clock),
      relayOnly: true,
      name: () => "Alice",
      makePeer: (servers, events, gathersAhead) => {
        const peer = new FakePeer(servers, events, `peer ${this.peers.length + 1}`, gathersAhead);
        peer.gathers = this.gathers;
        this.peers.push(peer);
        return peer;
      },
      mayGatherAhead: () => Promise.resolve(this.mayGatherAhead),
      signalling: () => this.signalling,
      relayAnswers: () => Promise.resolve(this.relayUp),
      isOnline: () => this.online,
    };
  }

  get peer(): FakePeer {
    const peer = this.peers.at(-1);
    if (!peer) throw new Error("no peer connection");
    return peer;
  }

  async dial(): Promise<Call> {
    const call = Call.dial(this.line, ID, "bob", "video", stream());
    await settled();
    await settled();
    return call;
  }

  /** A call that this person placed, answered and connected. */
  async connected(): Promise<Call> {
    const call = await this.dial();
    await this.signalling.shows(session({ status: "offered" }));
    await this.signalling.shows(answered());
    this.peer.events.ice("connected");
    await this.signalling.shows(connected());
    await this.clock.pass(LASTING_MS);
    return call;
  }

  async incoming(overrides: Partial<Session> = {}): Promise<Call> {
    const ringing = session({ caller_id: "bob", callee_id: "alice", status: "offered", ...overrides });
    const call = Call.incoming(this.line, ringing, (next) => {
      this.ring = next;
      return () => undefined;
    });
    await settled();
    return call;
  }

  /** A call that rang here, and was answered. */
  async picksUp(): Promise<Call> {
    const call = await this.incoming();
    call.answer(stream());
    await settled();
    await settled();
    return call;
  }
}

export function stream(): MediaStream {
  const track = { kind: "audio" } as MediaStreamTrack;
  return { getTracks: () => [track] } as unknown as MediaStream;
}

export function session(overrides: Partial<Session> = {}): Session {
  return {
    id: ID,
    caller_id: "alice",
    callee_id: "bob",
    media: "video",
    status: "pending",
    created_at: stamp(TRUE_START_MS),
    offered_at: stamp(TRUE_START_MS),
    deadline: stamp(TRUE_START_MS + 30_000),
    offer: { type: "offer", sdp: sdp("theirs"), revision: 1, from: "caller" },
    ...overrides,
  };
}

export function answered(overrides: Partial<Session> = {}): Session {
  const answer = { type: "answer", sdp: sdp("theirs"), revision: 1, from: "callee" as const, device_id: "theirs" };
  return session({ status: "answered", answer, accepted: { offer: 1, answer: 1 }, ...overrides });
}

export function connected(overrides: Partial<Session> = {}): Session {
  return answered({ status: "connected", ...overrides });
}

export const denied = new Problem("denied", "refused by the rules");
