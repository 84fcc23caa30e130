import { Inbox, Outbox } from "./candidates";
import type { Clock } from "./clock";
import type { RelayCredentials } from "./credentials";
import { keepListening } from "./listening";
import type { IceConnection, MakePeer, Peer, PeerEvents } from "./peer";
import { asProblem, Problem, RELAYLESS } from "./problem";
import { Reconnection, type Attempt, type ReconnectionState } from "./reconnection";
import { nextStep, type Rounds, type Step, type Wish } from "./rounds";
import { gathersAnew, isNewConnection, nameIn, withName } from "./sdp";
import {
  otherSide,
  ringMs,
  sideOf,
  type EndReason,
  type HangupReason,
  type IceState,
  type Media,
  type Session,
  type Side,
} from "./session";
import type { Signalling, Stop } from "./signalling";
import { Timeline, type Mark } from "./timeline";

export type Stage =
  | "dialling" // written or about to be, and not checked by the server yet
  | "ringing" // the other side's phones ring
  | "incoming" // this one rings
  | "connecting"
  | "connected"
  | "reconnecting"
  | "lost" // all attempts failed; the other side's may still succeed, and `reconnect()` starts anew
  | "ended";

/** Why a call ended: the server's word, or what only this device knows. */
export type End = EndReason | "answered_elsewhere" | "not_placed";

/** What every call of a signed-in person on this device shares. */
export interface Line {
  readonly uid: string;
  readonly deviceId: string;
  readonly clock: Clock;
  readonly credentials: RelayCredentials;
  readonly relayOnly: boolean;
  readonly makePeer: MakePeer;
  mayGatherAhead(): Promise<boolean>;
  name(): string;
  signalling(sessionId: string, side: Side): Signalling;
  relayAnswers(servers: RTCIceServer[]): Promise<boolean>;
  isOnline(): boolean;
}

/** Tells of a session as long as it rings, and without one when it rings no longer. */
export type Ring = (next: (session: Session | undefined) => void) => Stop;

const KEEP_ALIVE_MS = 10 * 60_000; // SPEC section 2: the lease is 15 minutes
const UNSETTLED_MS = 30_000;
const SWEEP_MS = 1000; // after the deadline: the server's own word for it comes first, if it comes soon
const TRY_AGAIN_MS = 1000;
const FIRST_CANDIDATE_MS = 200; // Chromium asks a relay after 50 ms, and a relay that is far away answers twice
const LASTING_MS = 500;
const RENEWALS = 2;

/**
 * One call, seen from one side. `subscribe` tells of every change; everything else is read from it.
 *
 * Steps that touch the peer connection run one after the other, in the order in which they became due.
 */
export class Call {
  readonly id: string;
  readonly side: Side;
  readonly otherId: string;
  readonly media: Media;
  readonly #line: Line;
  readonly #signalling: Signalling;
  readonly #timeline: Timeline;
  readonly #inbox: Inbox;
  readonly #reconnection: Reconnection;
  readonly #listeners = new Set<() => void>();
  readonly #stops: Stop[] = [];
  readonly #sent = new Map<MediaStreamTrack, MediaStream>();
  #stage: Stage;
  #end: End | undefined;
  #problem: Problem | undefined;
  #session: Session | undefined;
  #remote: MediaStream[] = [];
  #peer: Peer | undefined;
  #remoteSdp = "";
  #written = ""; // this side's first description
  #described = 0; // the round whose description of the other side is set
  #outbox: Outbox | undefined;
  #rounds: Rounds = { settled: 0, mine: undefined };
  #wish: Wish = "nothing";
  #attempt: Attempt = "minor";
  #joined = false; // this side's first description is stored
  #work: Promise<void> = Promise.resolve();
  #ice: IceState | undefined; // what is to be reported, and what was
  #reported: IceState | undefined;
  #reporting: Stop | undefined; // calls off a report that waits
  #username: string | undefined; // of the credential in use
  #renewals = 0;
  #stopRinging: Stop = () => undefined;
  #keepsAlive = false;
  #isListening = false;

  private constructor(line: Line, id: string, side: Side, otherId: string, media: Media, stage: Stage) {
    this.id = id;
    this.side = side;
    this.otherId = otherId;
    this.media = media;
    this.#line = line;
    this.#stage = stage;
    this.#signalling = line.signalling(id, side);
    this.#timeline = new Timeline(line.clock);
    this.#inbox = new Inbox(otherSide(side));
    this.#reconnection = new Reconnection(line.clock, {
      ready: () => this.#hasAWayOut(),
      attempt: (kind) => {
        this.#attempt = kind;
        this.#want("replace");
        return Promise.resolve();
      },
      changed: (state) => {
        this.#reconnectionChanged(state);
      },
    });
  }

  // ---- What an app does

  /** Calls somebody. `stream` may still be on its way: the relay's credentials are fetched meanwhile. */
  static dial(line: Line, id: string, calleeId: string, media: Media, stream: MediaStream | Promise<MediaStream>): Call {
    const call = new Call(line, id, "caller", calleeId, media, "dialling");
    call.#guarded(() => call.#place(stream));
    return call;
  }

  /**
   * A call that rings here. It rings until it is answered, declined, over, or out of time. Until then it hears of its session
   * from the listener that found it: one fewer, on every device that rings.
   */
  static incoming(line: Line, session: Session, ring: Ring): Call {
    const call = new Call(line, session.id, "callee", session.caller_id, session.media, "incoming");
    call.#session = session;
    call.#timeline.mark("rings here");
    const stop = ring((next) => {
      if (next) call.#take(next);
      else call.#listen();
    });
    call.#stops.push(stop);
    call.#listenForCandidates();
    call.#stopRinging = line.clock.after(ringMs(session), () => {
      call.#finish("missed");
    });
    call.#gatherAhead().catch(() => undefined); // the answer asks for what is missing, and says what is wrong
    return call;
  }

  /** Goes on in a call that this device was in before the page was reloaded or the app killed. */
  static rejoin(line: Line, session: Session, stream: MediaStream | Promise<MediaStream>): Call {
    const side = sideOf(session, line.uid);
    const otherId = side === "caller" ? session.callee_id : session.caller_id;
    const call = new Call(line, session.id, side, otherId, session.media, "reconnecting");
    call.#session = session;
    call.#guarded(async () => {
      call.#listen(); // it may end while the person is still asked for the microphone
      const media = await stream;
      if (call.#isOver()) return;
      for (const track of media.getTracks()) call.#sent.set(track, media);
      const { offer, answer } = call.#session ?? session;
      const revision = offer?.revision ?? 0;
      const theirsIsInFlight = offer?.from !== side && answer?.revision !== revision;
      call.#rounds = { settled: theirsIsInFlight ? revision - 1 : revision, mine: undefined };
      call.#joined = true;
      call.#listenForCandidates();
      call.#reconnection.rejoin();
    });
    return call;
  }

  /** Picks up. Fails as `too_late` where another device was faster or the caller has given up. */
  answer(stream: MediaStream | Promise<MediaStream>): void {
    if (this.#stage !== "incoming") return;
    this.#stopRinging();
    this.#become("connecting");
    this.#timeline.mark("answer pressed");
    this.#guarded(() => this.#pickUp(stream));
  }

  /** Stops the ringing, here and on every other device of this person. */
  async decline(): Promise<void> {
    if (this.#stage === "incoming") await this.#leave("decline", "declined");
  }

  /**
   * Ends the call, whatever its stage: declines or cancels one that rings, hangs up one that was answered. It is over here
   * at once; the promise tells when the server knows.
   */
  async hangUp(): Promise<void> {
    if (this.#stage === "ended") return;
    if (this.#stage === "incoming") await this.decline();
    else if (this.side === "caller" && !this.#session?.answer) await this.#leave("cancel", "cancelled");
    else await this.#leave("hangup", "hangup");
  }

  /** Starts to reconnect anew, after `lost`. */
  reconnect(): void {
    this.#reconnection.again();
  }

  /** Sends one more track (a shared screen): the two sides agree on it in a new round. */
  addTrack(track: MediaStreamTrack, stream: MediaStream): void {
    this.#sent.set(track, stream);
    this.#peer?.addTrack(track, stream);
  }

  removeTrack(track: MediaStreamTrack): void {
    this.#sent.delete(track);
    this.#peer?.removeTrack(track);
  }

  /** Another microphone or camera in place of one: nothing to agree on. */
  async replaceTrack(old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void> {
    const stream = this.#sent.get(old);
    if (!stream) return;
    const sent = [...this.#sent]; // in their order, which a new connection keeps
    this.#sent.clear();
    for (const [track, its] of sent) this.#sent.set(track === old ? fresh : track, its);
    await this.#peer?.replaceTrack(old, fresh);
  }

  subscribe(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ---- What an app shows

  get stage(): Stage {
    return this.#stage;
  }

  get end(): End | undefined {
    return this.#end;
  }

  /** What went wrong, where the call ended for a reason of this device's own. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** What the other side sends: first its camera and microphone, then its screen. */
  get remote(): readonly MediaStream[] {
    return this.#remote;
  }

  /** What the other side calls itself. Nobody has checked it. */
  get otherName(): string | undefined {
    const { offer, answer } = this.#session ?? {};
    const theirs = otherSide(this.side);
    return nameIn([offer, answer].find((description) => description?.from === theirs)?.sdp);
  }

  get timeline(): readonly Mark[] {
    return this.#timeline.marks;
  }

  /** Notes a step that only the app sees: the first picture. */
  mark(step: string): void {
    if (this.#timeline.mark(step)) this.#changed();
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#peer?.stats();
  }

  // ---- The first round

  async #place(stream: MediaStream | Promise<MediaStream>): Promise<void> {
    const peer = await this.#open(stream);
    if (!peer) return;
    const sdp = await peer.makeOffer(false);
    this.#written = sdp;
    this.#timeline.mark("offer made");
    if (this.#isOver()) return;
    const { uid } = this.#line;
    const named = withName(sdp, this.#line.name());
    try {
      await this.#signalling.dial({ callerId: uid, calleeId: this.otherId, media: this.media, sdp: named });
    } catch (error) {
      // It may have arrived while its answer was lost: then it must not ring with nobody behind it.
      if (asProblem(error).code === "offline") void this.#signalling.hangUp("cancel").catch(() => undefined);
      throw error;
    }
    this.#timeline.mark("call written");
    if (this.#isOver()) {
      await this.#signalling.hangUp("cancel"); // the person gave up while it was being written
      return;
    }
    this.#join({ settled: 0, mine: 1 });
    this.#listen();
    this.#listenForCandidates();
    this.#stopRinging = this.#line.clock.after(UNSETTLED_MS, () => {
      void this.#leave("cancel", "expired");
    });
  }

  async #pickUp(stream: MediaStream | Promise<MediaStream>): Promise<void> {
    const peer = await this.#open(stream);
    const offer = this.#session?.offer;
    if (!peer || !offer) return;
    const sdp = await this.#makeAnswer(peer, offer.sdp, offer.revision);
    this.#timeline.mark("answer made");
    if (this.#isOver()) return;
    await this.#signalling.answer(offer.revision, withName(sdp, this.#line.name()));
    this.#written = sdp;
    this.#timeline.mark("answer written");
    if (this.#isOver()) {
      await this.#signalling.hangUp("hangup");
      return;
    }
    this.#join({ settled: offer.revision, mine: undefined });
    this.#listen();
  }

  /** A peer connection with everything that this side sends. */
  async #open(stream: MediaStream | Promise<MediaStream>): Promise<Peer | undefined> {
    const [media, servers] = await Promise.all([
      Promise.resolve(stream).then((ready) => {
        this.#timeline.mark("camera and microphone");
        return ready;
      }),
      this.#servers(),
    ]);
    if (this.#isOver()) return undefined;
    for (const track of media.getTracks()) this.addTrack(track, media);
    this.#peer?.setServers(servers); // where they are the same ones, nothing is gathered anew
    return this.#peer ?? this.#connect(servers, 1);
  }

  /** While it rings, so that the candidates are at hand when the person answers, and the credentials in any case. */
  async #gatherAhead(): Promise<void> {
    const servers = await this.#servers();
    if (!(await this.#line.mayGatherAhead())) return;
    if (!this.#peer && !this.#isOver()) this.#connect(servers, 1, true);
  }

  #join(rounds: Rounds): void {
    this.#rounds = rounds;
    this.#joined = true;
    this.#outbox?.open(this.#written);
    this.#report();
    this.#pump();
  }

  // ---- Further rounds

  #want(wish: Wish): void {
    if (this.#wish !== "replace") this.#wish = wish;
    this.#pump();
  }

  #pump(): void {
    this.#work = this.#work.then(async () => {
      const session = this.#session;
      if (!session || !this.#joined || this.#isOver()) return;
      const step = nextStep(session, this.side, this.#rounds, this.#wish);
      if (step.do === "nothing") return;
      try {
        await this.#run(step);
      } catch (error) {
        this.#stumbled(step, asProblem(error));
      }
    });
  }

  async #run(step: Exclude<Step, { do: "nothing" }>): Promise<void> {
    switch (step.do) {
      case "complete":
        await this.#peer?.takeAnswer(step.sdp);
        this.#timeline.mark("answer seen");
        this.#rounds = { settled: step.revision, mine: undefined };
        this.#takeIn(step.sdp, step.revision);
        break;
      case "answer":
        await this.#answerAgain(step.revision, step.sdp);
        break;
      case "roll back":
        this.#outbox?.close();
        await this.#peer?.rollBack();
        this.#rounds = { ...this.#rounds, mine: undefined };
        break;
      case "offer":
        await this.#offerAgain(step.revision);
        break;
    }
    this.#pump();
  }

  async #answerAgain(revision: number, offer: string): Promise<void> {
    const isRejoining = this.#remoteSdp === "";
    const peer = await this.#peerFor(revision, isNewConnection(this.#remoteSdp, offer));
    const sdp = await this.#makeAnswer(peer, offer, revision);
    await this.#signalling.answer(revision, withName(sdp, this.#line.name()));
    this.#rounds = { settled: revision, mine: undefined };
    if (!isRejoining && this.#wish === "replace") this.#wish = "nothing"; // the other side mends the connection
    this.#outbox?.open(sdp);
  }

  /**
   * An answer that has the first candidate in it. Without one the other side can do little with it, and a candidate by itself
   * goes out only when the answer is acknowledged. Nobody waits for gathering to complete.
   */
  async #makeAnswer(peer: Peer, offer: string, revision: number): Promise<string> {
    const before = peer.described;
    const first = this.#outbox?.first(FIRST_CANDIDATE_MS);
    const described = await peer.makeAnswer(offer);
    this.#takeIn(offer, revision);
    if (gathersAnew(before, described)) await first;
    return peer.sealAnswer();
  }

  async #offerAgain(revision: number): Promise<void> {
    const wish = this.#wish;
    this.#wish = "nothing"; // what is wished for from here on is for another round
    const isNew = !this.#peer || (wish === "replace" && this.#attempt === "major");
    try {
      const peer = await this.#peerFor(revision, isNew);
      await peer.rollBack();
      const sdp = await peer.makeOffer(wish === "replace" && !isNew);
      this.#rounds = { ...this.#rounds, mine: revision };
      await this.#signalling.offer(revision, withName(sdp, this.#line.name()));
    } catch (error) {
      this.#wish = wish; // it is for the next round, whoever offers it
      throw error;
    }
    this.#outbox?.open();
  }

  /** Another description may make new allocations, so fresh credentials come first (SPEC 3.5). */
  async #peerFor(revision: number, isNew: boolean): Promise<Peer> {
    const servers = await this.#servers();
    if (!this.#peer || isNew) return this.#connect(servers, revision);
    this.#peer.setServers(servers);
    this.#send(revision);
    return this.#peer;
  }

  #stumbled(step: Step, problem: Problem): void {
    if (step.do === "answer" && problem.code !== "offline") {
      this.#rounds = { settled: step.revision, mine: undefined }; // refused: a newer offer stands, or it is over
    } else if (step.do === "complete") {
      this.#rounds = { settled: step.revision, mine: undefined };
      this.#reconnection.lost(); // an answer that does not fit
    } else if (step.do === "offer") {
      this.#rounds = { ...this.#rounds, mine: undefined };
      this.#outbox?.close();
      if (problem.code === "denied") return; // the other side's offer was first, and is about to arrive
    }
    this.#stops.push(
      this.#line.clock.after(TRY_AGAIN_MS, () => {
        this.#pump();
      }),
    );
  }

  // ---- The peer connection

  #connect(servers: RTCIceServer[], revision: number, gathersAhead = false): Peer {
    this.#peer?.close();
    this.#remoteSdp = "";
    this.#remote = [];
    this.#send(revision);
    const isCurrent = () => this.#peer === peer && !this.#isOver();
    const events: PeerEvents = {
      gathered: (candidate) => {
        if (isCurrent()) this.#outbox?.add(candidate);
      },
      ice: (state) => {
        if (isCurrent()) this.#iceChanged(state);
      },
      track: (track, stream) => {
        if (isCurrent()) this.#received(track, stream);
      },
      negotiationNeeded: () => {
        if (isCurrent() && this.#rounds.settled > 0) this.#want("offer");
      },
      unauthorized: () => {
        if (!isCurrent()) return;
        this.#line.credentials.discard(this.#username);
        this.#askRelayAnew();
      },
      withoutRelay: () => {
        if (!isCurrent()) return;
        this.#line.credentials.doubt(this.#username);
        this.#askRelayAnew();
      },
    };
    const peer = this.#line.makePeer(servers, events, gathersAhead);
    this.#peer = peer;
    for (const [track, stream] of this.#sent) peer.addTrack(track, stream);
    return peer;
  }

  #send(revision: number): void {
    this.#outbox?.close();
    this.#outbox = new Outbox(this.side, revision, this.#line.clock, (batch) => this.#signalling.sendCandidates(batch));
  }

  /** The other side's description of a round is set: from here on its candidates can be added. */
  #takeIn(sdp: string, revision: number): void {
    this.#remoteSdp = sdp;
    this.#described = revision;
    this.#addCandidates();
  }

  #addCandidates(): void {
    if (this.#remoteSdp === "") return;
    for (const candidate of this.#inbox.take(this.#described)) void this.#peer?.addCandidate(candidate);
  }

  #received(track: MediaStreamTrack, stream: MediaStream | undefined): void {
    const shown = stream ?? new MediaStream([track]);
    if (!this.#remote.includes(shown)) {
      this.#remote = [...this.#remote, shown];
      shown.addEventListener("removetrack", () => {
        if (shown.getTracks().length === 0) this.#remote = this.#remote.filter((each) => each !== shown);
        this.#changed();
      });
    }
    this.#changed();
  }

  #iceChanged(state: IceConnection): void {
    if (state === "lost") this.#reconnection.lost();
    if (state !== "connected") return;
    this.#timeline.mark("ICE connected");
    this.#outbox?.connected();
    this.#wish = this.#wish === "replace" && this.#attempt === "minor" ? "nothing" : this.#wish;
    this.#reconnection.connected();
    this.#report("connected");
    this.#become("connected");
  }

  #reconnectionChanged(state: ReconnectionState): void {
    if (this.#isOver() || state === "stable") return;
    if (state === "reconnecting") this.#report("disconnected");
    else this.#report("failed");
    this.#become(state === "reconnecting" ? "reconnecting" : "lost");
  }

  /**
   * What ICE has reached, once an answer stands, which it may be faster than. Only what lasts is worth a write, and the
   * first picture does not have to wait behind it.
   */
  #report(state = this.#ice): void {
    if (state !== this.#ice) this.#withdrawReport();
    this.#ice = state;
    if (state === undefined || state === this.#reported || !this.#joined || !this.#session?.answer) return;
    this.#reporting ??= this.#line.clock.after(LASTING_MS, () => {
      this.#sayIce();
    });
  }

  #sayIce(): void {
    const state = this.#ice;
    if (!this.#reporting || state === undefined) return;
    this.#withdrawReport();
    this.#reported = state;
    this.#signalling.reportIce(state).catch(() => {
      this.#reported = undefined; // the call has ended, or it is said again with the next change
    });
  }

  #withdrawReport(): void {
    this.#reporting?.();
    this.#reporting = undefined;
  }

  async #hasAWayOut(): Promise<boolean> {
    if (!this.#line.isOnline()) return false;
    try {
      const servers = await this.#servers();
      return !this.#line.relayOnly || (await this.#line.relayAnswers(servers));
    } catch {
      return false;
    }
  }

  async #servers(): Promise<RTCIceServer[]> {
    try {
      const { ice_servers: servers, username } = await this.#line.credentials.fresh();
      this.#timeline.mark("relay credentials");
      this.#username = username;
      return servers;
    } catch (error) {
      const problem = asProblem(error);
      if (RELAYLESS.has(problem.code) && !this.#line.relayOnly) return []; // then without one, as far as that goes
      throw problem;
    }
  }

  /** A call that is connected goes on with what it has; what comes next has another credential. */
  #askRelayAnew(): void {
    if (this.#renewals >= RENEWALS || this.#stage === "connected") return;
    this.#renewals += 1;
    this.#attempt = "minor";
    this.#want("replace");
  }

  // ---- What the session says

  #listen(): void {
    if (this.#isListening || this.#isOver()) return;
    this.#isListening = true;
    this.#stops.push(
      keepListening(
        (failed) =>
          this.#signalling.watch((session) => {
            this.#take(session);
          }, failed),
        this.#line.clock,
        (problem) => {
          this.#fail(problem);
        },
      ),
    );
  }

  #listenForCandidates(): void {
    this.#stops.push(
      keepListening(
        (failed) =>
          this.#signalling.watchCandidates((id, fields) => {
            this.#inbox.put(id, fields);
            this.#addCandidates();
          }, failed),
        this.#line.clock,
        () => undefined, // the session's own listener tells why
      ),
    );
  }

  #take(session: Session | undefined): void {
    if (this.#isOver()) return;
    if (!session) {
      if (this.#session) this.#finish("expired"); // purged: it ended an hour ago, while this device slept
      return;
    }
    this.#session = session;
    const over = howItEnded(session, otherSide(this.side));
    if (over) {
      this.#finish(over);
      return;
    }
    if (this.side === "callee" && !this.#joined && this.#isAnsweredElsewhere(session)) {
      this.#finish("answered_elsewhere");
      return;
    }
    if (this.side === "caller" && this.#joined) this.#followRinging(session);
    if (session.status === "connected") this.#keepAlive();
    this.#report();
    this.#pump();
    this.#changed();
  }

  #isAnsweredElsewhere({ answer }: Session): boolean {
    return answer !== undefined && answer.device_id !== this.#line.deviceId;
  }

  #followRinging(session: Session): void {
    if (session.answer) {
      this.#stopRinging();
      if (this.#stage === "dialling" || this.#stage === "ringing") this.#become("connecting");
    } else if (session.status === "offered" && this.#stage === "dialling") {
      this.#timeline.mark("rings there");
      this.#stopRinging();
      this.#stopRinging = this.#line.clock.after(ringMs(session) + SWEEP_MS, () => {
        void this.#leave("cancel", "missed");
      });
      this.#become("ringing");
    }
  }

  #keepAlive(): void {
    if (this.#keepsAlive) return;
    this.#keepsAlive = true;
    const next = () => {
      this.#stops.push(
        this.#line.clock.after(KEEP_ALIVE_MS, () => {
          this.#signalling.stayAlive().catch(() => undefined); // the next one counts
          next();
        }),
      );
    };
    next();
  }

  // ---- The end

  /** Ends the call here at once, and says so. */
  async #leave(reason: HangupReason, end: End): Promise<void> {
    const stands = this.#stands;
    this.#sayIce(); // so that a call of an instant has its connection in the history
    this.#finish(end);
    if (stands) await this.#signalling.hangUp(reason).catch(() => undefined); // over already, or answered elsewhere
  }

  #fail(problem: Problem): void {
    if (this.#isOver()) return;
    this.#problem = problem;
    const unanswered = this.side === "caller" ? "cancel" : "decline";
    if (this.#stands && problem.code !== "too_late") void this.#leave(this.#session?.answer ? "failed" : unanswered, "failed");
    else this.#finish(problem.code === "too_late" ? "answered_elsewhere" : "not_placed");
  }

  #finish(end: End): void {
    if (this.#isOver()) return;
    this.#end = end;
    this.#stopRinging();
    this.#reconnection.stop();
    this.#withdrawReport();
    this.#outbox?.close();
    for (const stop of this.#stops.splice(0)) stop();
    this.#peer?.close();
    this.#remote = [];
    this.#timeline.mark("ended");
    this.#become("ended");
  }

  /** The session is there, as far as this side knows: its own write was acknowledged, or it has been heard of. */
  get #stands(): boolean {
    return this.#joined || this.#session !== undefined;
  }

  #isOver(): boolean {
    return this.#stage === "ended";
  }

  #guarded(steps: () => Promise<void>): void {
    steps().catch((error: unknown) => {
      const problem = asProblem(error);
      const isLate = this.side === "callee" && problem.code === "denied";
      this.#fail(isLate ? new Problem("too_late", "Somebody answered first, or the call is over.", error) : problem);
    });
  }

  #become(stage: Stage): void {
    if (this.#isOver()) return;
    this.#stage = stage;
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) listener(); // not the one that another has just unsubscribed
    }
  }
}

/**
 * How a session ended, if it has: what the server says, else what the other side's hangup will make it (SPEC section 2:
 * without an answer it is `cancelled` or `declined`, whatever reason it names).
 */
export function howItEnded(session: Session, other: Side): EndReason | undefined {
  if (session.status === "ended") return session.end_reason ?? "expired";
  if (session.hangup?.by !== other) return undefined;
  if (session.answer) return session.hangup.reason === "failed" ? "failed" : "hangup";
  return other === "caller" ? "cancelled" : "declined";
}
