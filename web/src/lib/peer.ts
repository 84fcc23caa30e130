import type { Candidate } from "./candidates";
import type { Clock } from "./clock";

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
}

/** What a call needs of an RTCPeerConnection; unit tests have one of their own. */
export interface Peer {
  setServers(servers: RTCIceServer[]): void;
  makeOffer(restart: boolean): Promise<string>;
  makeAnswer(offer: string): Promise<string>;
  /** The local description as it stands, with the candidates that were gathered so far. */
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

export type MakePeer = (servers: RTCIceServer[], events: PeerEvents) => Peer;

export class BrowserPeer implements Peer {
  readonly #connection: RTCPeerConnection;
  #describing = false;
  #proposed: RTCSessionDescriptionInit | undefined; // a later offer, which nobody has answered yet

  constructor(servers: RTCIceServer[], policy: RTCIceTransportPolicy, events: PeerEvents) {
    const connection = new RTCPeerConnection({
      iceServers: servers,
      iceTransportPolicy: policy,
      bundlePolicy: "max-bundle", // one transport: the fewest allocations at the relay
    });
    this.#connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      // Chromium ends with null, Firefox with an empty candidate before it.
      if (candidate?.candidate) events.gathered(plain(candidate));
      else if (candidate === null) events.gathered({ candidate: "", ...this.#anySection() });
    };
    connection.onicecandidateerror = ({ errorCode }) => {
      if (errorCode === 401) events.unauthorized();
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

  async makeAnswer(offer: string): Promise<string> {
    return this.#describe(async () => {
      await this.rollBack();
      await this.#connection.setRemoteDescription({ type: "offer", sdp: offer });
      await this.#connection.setLocalDescription(await this.#connection.createAnswer());
      return this.described;
    });
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

  async #describe(steps: () => Promise<string>): Promise<string> {
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
