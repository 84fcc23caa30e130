import type { Candidate } from "./candidates";
import { sleep, systemClock, type Clock } from "./clock";

const AHEAD_MS = 50; // what was gathered ahead is there within a few; without a section that lives, nothing ever is

export type IceConnection = "connecting" | "connected" | "lost";

/** What a peer connection tells its call. */
export interface PeerEvents {
  gathered(candidate: Candidate): void;
  ice(state: IceConnection): void;
  track(track: MediaStreamTrack, stream: MediaStream | undefined): void;
  /** A track came or went: the two sides have to agree anew. */
  negotiationNeeded(): void;
  /** The relay has refused the credential. */
  unauthorized(): void;
  /** Nothing of a relay has come of what was gathered ahead: the browser does not tell why. */
  withoutRelay(): void;
}

/** What a call needs of an RTCPeerConnection; unit tests have one of their own. */
export interface Peer {
  setServers(servers: RTCIceServer[]): void;
  makeOffer(restart: boolean): Promise<string>;
  /** An answer as it begins: what is gathered from here on is part of it until it is sealed. */
  makeAnswer(offer: string): Promise<string>;
  /** The answer with the candidates that were gathered so far, as it goes out. */
  sealAnswer(): Promise<string>;
  /** The local description as it stands. */
  readonly described: string;
  takeAnswer(answer: string): Promise<void>;
  rollBack(): Promise<void>;
  addCandidate(candidate: Candidate): Promise<void>;
  addTrack(track: MediaStreamTrack, stream: MediaStream): void;
  replaceTrack(old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void>;
  removeTrack(track: MediaStreamTrack): void;
  stats(): Promise<RTCStatsReport>;
  close(): void;
}

/** One that gathers ahead begins before it has a description, where the browser can do that. */
export type MakePeer = (servers: RTCIceServer[], events: PeerEvents, gathersAhead?: boolean) => Peer;

export class BrowserPeer implements Peer {
  readonly #connection: RTCPeerConnection;
  #describing = false;
  #unsealed: string | undefined; // an answer that is set provisionally
  #lacksRelay = false; // of what was gathered ahead
  #proposed: RTCSessionDescriptionInit | undefined; // a later offer, which nobody has answered yet

  constructor(servers: RTCIceServer[], policy: RTCIceTransportPolicy, events: PeerEvents, gathersAhead = false) {
    const connection = new RTCPeerConnection({
      iceServers: servers,
      iceTransportPolicy: policy,
      bundlePolicy: "max-bundle", // one transport: the fewest allocations at the relay
      iceCandidatePoolSize: gathersAhead ? 1 : 0,
    });
    this.#connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      // Chromium ends with null, Firefox with an empty candidate before it.
      if (candidate?.candidate) {
        if (candidate.type === "relay") this.#lacksRelay = false;
        events.gathered(plain(candidate));
      } else if (candidate === null) {
        events.gathered({ candidate: "", ...this.#anySection() });
        if (this.#lacksRelay) events.withoutRelay();
        this.#lacksRelay = false;
      }
    };
    connection.onicecandidateerror = ({ errorCode }) => {
      if (errorCode !== 401) return;
      this.#lacksRelay = false; // of which the reason is known
      events.unauthorized();
    };
    connection.oniceconnectionstatechange = () => {
      events.ice(iceConnection(connection.iceConnectionState));
    };
    connection.ontrack = ({ track, streams }) => {
      events.track(track, streams[0]);
    };
    connection.onnegotiationneeded = () => {
      // While a description is being made it takes the change in, or the browser asks again once all is stable.
      if (!this.#describing) events.negotiationNeeded();
    };
  }

  get described(): string {
    return this.#connection.localDescription?.sdp ?? "";
  }

  setServers(servers: RTCIceServer[]): void {
    this.#connection.setConfiguration({ ...this.#connection.getConfiguration(), iceServers: servers });
  }

  /**
   * The first offer is set at once, since that begins to gather. A later one is set with its answer. From a restart's offer on
   * Chromium sends from new ports to the other side's old ones; Firefox answers its checks there and drops its media. What
   * Firefox checks before the answer has arrived, Chromium lets go of for good: a call without a picture and without an end.
   */
  async makeOffer(restart: boolean): Promise<string> {
    return this.#describe(async () => {
      const offer = await this.#connection.createOffer({ iceRestart: restart });
      if (this.described === "") await this.#connection.setLocalDescription(offer);
      else this.#proposed = offer;
      return offer.sdp ?? "";
    });
  }

  /**
   * What was gathered ahead is taken by a provisional answer: libwebrtc throws it away with an answer, before it looks for
   * candidates.
   */
  async makeAnswer(offer: string): Promise<string> {
    return this.#describe(async () => {
      await this.rollBack();
      await this.#connection.setRemoteDescription({ type: "offer", sdp: offer });
      const { sdp = "" } = await this.#connection.createAnswer();
      const takesAhead = this.#gathersAhead && this.described === "";
      if (takesAhead) [this.#unsealed, this.#lacksRelay] = [sdp, this.#hasRelay];
      await this.#connection.setLocalDescription({ type: takesAhead ? "pranswer" : "answer", sdp });
      return this.described;
    });
  }

  async sealAnswer(): Promise<string> {
    const sdp = this.#unsealed;
    if (sdp === undefined) return this.described;
    this.#unsealed = undefined;
    await this.#takenAhead();
    const sealed = this.described;
    await this.#describe(() => this.#connection.setLocalDescription({ type: "answer", sdp }));
    return sealed;
  }

  async takeAnswer(answer: string): Promise<void> {
    if (this.#proposed) await this.#connection.setLocalDescription(this.#proposed);
    this.#proposed = undefined;
    await this.#connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  async rollBack(): Promise<void> {
    this.#proposed = undefined;
    const hasOffer = this.#connection.signalingState === "have-local-offer";
    if (hasOffer) await this.#connection.setLocalDescription({ type: "rollback" });
  }

  async addCandidate(candidate: Candidate): Promise<void> {
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch {
      // SPEC 3.2: a candidate that does not parse is ignored.
    }
  }

  addTrack(track: MediaStreamTrack, stream: MediaStream): void {
    this.#connection.addTrack(track, stream);
  }

  async replaceTrack(old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void> {
    await this.#sender(old)?.replaceTrack(fresh);
  }

  removeTrack(track: MediaStreamTrack): void {
    const sender = this.#sender(track);
    if (sender) this.#connection.removeTrack(sender);
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    const connection = this.#connection;
    connection.onicecandidate = connection.onicecandidateerror = connection.oniceconnectionstatechange = null;
    connection.ontrack = connection.onnegotiationneeded = null;
    connection.close();
  }

  #sender(track: MediaStreamTrack): RTCRtpSender | undefined {
    return this.#connection.getSenders().find((sender) => sender.track === track);
  }

  /** All that was gathered ahead comes before the browser says that it gathers. */
  async #takenAhead(): Promise<void> {
    if (this.#connection.iceGatheringState !== "new") return;
    const gathers = new Promise((resolve) => {
      this.#connection.addEventListener("icegatheringstatechange", resolve, { once: true });
    });
    await Promise.race([gathers, sleep(systemClock, AHEAD_MS)]);
  }

  get #hasRelay(): boolean {
    return this.#connection.getConfiguration().iceServers?.some(({ credential }) => credential !== undefined) ?? false;
  }

  /** Firefox does not know of it. */
  get #gathersAhead(): boolean {
    return !!this.#connection.getConfiguration().iceCandidatePoolSize;
  }

  async #describe<T>(steps: () => Promise<T>): Promise<T> {
    this.#describing = true;
    try {
      return await steps();
    } finally {
      this.#describing = false;
    }
  }

  #anySection(): { sdpMid: string | null; sdpMLineIndex: number | null } {
    return { sdpMid: this.#connection.getTransceivers().find(({ mid }) => mid !== null)?.mid ?? null, sdpMLineIndex: 0 };
  }
}

function plain(candidate: RTCIceCandidate): Candidate {
  const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate;
  return { candidate: line, sdpMid, sdpMLineIndex, usernameFragment };
}

function iceConnection(state: RTCIceConnectionState): IceConnection {
  if (state === "connected" || state === "completed") return "connected";
  return state === "disconnected" || state === "failed" ? "lost" : "connecting";
}

/**
 * Whether a connection is as good if it is made now. Before the microphone is allowed Chromium hides the device's interfaces
 * from it, for as long as it lives; over a relay that makes no difference.
 */
export async function mayGatherAhead(policy: RTCIceTransportPolicy): Promise<boolean> {
  if (policy === "relay") return true;
  const { state } = await navigator.permissions.query({ name: "microphone" });
  return state === "granted";
}

const PROBE_MS = 1500;

/** Whether the relay gives an allocation, over any of its addresses; asked by a connection that is thrown away. */
export async function relayAnswers(servers: RTCIceServer[], clock: Clock): Promise<boolean> {
  const connection = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: "relay" });
  const found = new Promise<boolean>((resolve) => {
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) resolve(true);
      else if (candidate === null) resolve(false);
    };
    clock.after(PROBE_MS, () => {
      resolve(false);
    });
  });
  connection.createDataChannel("probe");
  await connection.setLocalDescription();
  const answers = await found;
  connection.close();
  return answers;
}
