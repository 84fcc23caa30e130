import {
  collection,
  doc,
  getDoc,
  getDocs,
  onSnapshot,
  query,
  serverTimestamp,
  setDoc,
  where,
  type Firestore,
} from "firebase/firestore";
import { httpsCallable, type Functions } from "firebase/functions";
import type { IssueReply, IssueRequest } from "../../contract/contract";
import { Call, type Line } from "./call";
import { sleep, systemClock, type Clock } from "./clock";
import { issuing, RelayCredentials } from "./credentials";
import { keepListening } from "./listening";
import { BrowserPeer, relayAnswers } from "./peer";
import { asProblem, type Problem } from "./problem";
import { LIVE, ownDevice, readSession, sideOf, type Media, type Session } from "./session";
import { FirestoreSignalling, hangUp, SESSIONS, type Stop } from "./signalling";

const ISSUE = "issue_turn_credentials";
const HANGUP_MS = 2000; // offline nobody waits for it to be heard
const ISSUE_WITHIN_MS = 20_000; // a function that was asleep starts a process first

export interface ClientOptions {
  readonly firestore: Firestore;
  readonly functions: Functions;
  /** The signed-in user. */
  readonly uid: string;
  /** This installation, for as long as it lives: of two devices of one person, the one that answers has the call. */
  readonly deviceId: string;
  /** What this person calls itself. */
  name(): string;
  /** Forces all media through the relay: nobody learns the other's address. */
  readonly relayOnly?: boolean;
  /** Refreshes the ID token where the function refuses it. */
  refreshToken?(): Promise<unknown>;
  readonly clock?: Clock;
}

export interface ClientEvents {
  /** Somebody calls. */
  incoming(call: Call): void;
  /**
   * The two called each other, and the other call goes on: it has been answered already, with the camera and microphone that
   * are open (SPEC section 2, glare). Without a survivor that call is over as well, and nobody needs them any more.
   */
  replaced(own: Call, survivor: Call | undefined): void;
  /** Nobody can call this person any more: the listener was refused for good. They have to sign in again. */
  deaf?(problem: Problem): void;
}

/** A signed-in person on this device: calls, is called, and cleans up after a crash. */
export class Client {
  readonly uid: string;
  readonly #options: ClientOptions;
  readonly #events: ClientEvents;
  readonly #line: Line;
  readonly #calls = new Map<string, Call>();
  readonly #ringing = new Map<string, (session: Session | undefined) => void>();
  readonly #held = new Map<string, Session>(); // rings from somebody whom this side is just calling
  readonly #survivors = new Map<string, Stop>(); // calls that are answered without ringing, looked for
  #stopListening: Stop = () => undefined;

  constructor(options: ClientOptions, events: ClientEvents) {
    const { firestore, functions, deviceId, uid, relayOnly = false, clock = systemClock } = options;
    this.uid = uid;
    this.#options = options;
    this.#events = events;
    const issue = httpsCallable<IssueRequest, IssueReply>(functions, ISSUE, { timeout: ISSUE_WITHIN_MS });
    const ask = async () => (await issue({})).data;
    const credentials = new RelayCredentials(issuing(ask, options.refreshToken?.bind(options)), clock);
    this.#line = {
      uid,
      deviceId,
      clock,
      credentials,
      relayOnly,
      name: () => options.name(),
      makePeer: (servers, peerEvents) => new BrowserPeer(servers, relayOnly ? "relay" : "all", peerEvents),
      signalling: (id, side) =>
        new FirestoreSignalling(firestore, id, side, deviceId, () => credentials.serverNow()),
      relayAnswers: (servers) => relayAnswers(servers, clock),
      isOnline: () => navigator.onLine,
    };
  }

  /** Listens for calls, and has credentials at hand before the first one. */
  start(): void {
    const { firestore } = this.#options;
    const ringing = query(
      collection(firestore, SESSIONS),
      where("callee_id", "==", this.uid),
      where("status", "==", "offered"),
    );
    this.#stopListening = keepListening(
      (failed) =>
        onSnapshot(
          ringing,
          (snapshot) => {
            for (const { type, doc: changed } of snapshot.docChanges()) {
              const session = type === "removed" ? undefined : readSession(changed.id, changed.data());
              this.#hear(changed.id, session, type === "added");
            }
          },
          (error) => {
            for (const id of this.#ringing.keys()) this.#hear(id, undefined, false); // from here on they listen by themselves
            failed(asProblem(error));
          },
        ),
      this.#line.clock,
      (problem) => {
        this.#events.deaf?.(problem);
      },
    );
    void this.#line.credentials.fresh().catch(() => undefined);
  }

  /** Calls somebody. What becomes of it, the call tells. */
  call(calleeId: string, media: Media, stream: MediaStream | Promise<MediaStream>): Call {
    const call = Call.dial(this.#line, newSessionId(), calleeId, media, stream);
    this.#follow(call);
    const stop = call.subscribe(() => {
      if (call.stage !== "ended") return;
      stop();
      this.#settled(call, stream);
    });
    return call;
  }

  /**
   * The calls that these devices of this person left without a word: hung up, but for the one that is to be rejoined. An
   * app asks at every start, for its own device; until then they engage the person for up to one lease.
   */
  async hangUpOrphans(deviceIds: readonly string[], except?: string): Promise<number> {
    const orphans = (await this.#live()).filter((session) => {
      const device = ownDevice(session, this.uid);
      return session.id !== except && !this.#calls.has(session.id) && device !== undefined && deviceIds.includes(device);
    });
    const hangups = orphans.map((session) => {
      const side = sideOf(session, this.uid);
      return hangUp(this.#options.firestore, session.id, side, side === "caller" && !session.answer ? "cancel" : "hangup");
    });
    await Promise.allSettled(hangups);
    return orphans.length;
  }

  /** A session that this device may still go on in, or nothing: it was answered, and has not ended. */
  async rejoinable(sessionId: string): Promise<Session | undefined> {
    const snapshot = await getDoc(doc(this.#options.firestore, SESSIONS, sessionId)).catch((error: unknown) => {
      const problem = asProblem(error);
      if (problem.code === "denied") return undefined; // somebody else's, who was signed in here before
      throw problem;
    });
    const session = snapshot && readSession(snapshot.id, snapshot.data());
    const goesOn = session?.status === "answered" || session?.status === "connected";
    return goesOn && !session.hangup && ownDevice(session, this.uid) !== undefined ? session : undefined;
  }

  rejoin(session: Session, stream: MediaStream | Promise<MediaStream>): Call {
    const call = Call.rejoin(this.#line, session, stream);
    this.#follow(call);
    return call;
  }

  /** The rules refuse this person's calls from now on. */
  async block(uid: string): Promise<void> {
    const block = doc(this.#options.firestore, "users", this.uid, "blocks", uid);
    await setDoc(block, { created_at: serverTimestamp() });
  }

  /** Hangs up what is going on and stops listening: before signing out. */
  async close(): Promise<void> {
    this.#stopListening();
    for (const stop of this.#survivors.values()) stop();
    this.#held.clear(); // else they would ring as soon as the own call is over
    const hangups = Promise.all([...this.#calls.values()].map((call) => call.hangUp()));
    await Promise.race([hangups, sleep(this.#line.clock, HANGUP_MS)]);
  }

  async #live(): Promise<Session[]> {
    const sessions = collection(this.#options.firestore, SESSIONS);
    const found = await Promise.all(
      (["caller_id", "callee_id"] as const).map((own) =>
        getDocs(query(sessions, where(own, "==", this.uid), where("status", "in", LIVE))),
      ),
    );
    const read = found.flatMap(({ docs }) => docs.map((each) => readSession(each.id, each.data())));
    return read.filter((session) => session !== undefined);
  }

  /** A call rings, has changed, or rings no longer. */
  #hear(id: string, session: Session | undefined, isNew: boolean): void {
    const tell = this.#ringing.get(id);
    if (!session) {
      this.#ringing.delete(id);
      this.#held.delete(id);
    }
    if (tell) tell(session);
    else if (session && isNew) this.#ring(session);
  }

  #ring(session: Session): void {
    if (this.#calls.has(session.id) || this.#survivors.has(session.id) || session.answer || session.hangup) return;
    const calling = [...this.#calls.values()].some(
      (call) => call.side === "caller" && call.otherId === session.caller_id && call.stage === "dialling",
    );
    if (calling) {
      this.#held.set(session.id, session); // the server is about to say which of the two calls lives
      return;
    }
    this.#events.incoming(this.#incoming(session));
  }

  #incoming(session: Session): Call {
    const call = Call.incoming(this.#line, session, (next) => {
      this.#ringing.set(session.id, next);
      return () => this.#ringing.delete(session.id);
    });
    this.#follow(call);
    return call;
  }

  /** An own call has ended: perhaps by glare, and then the survivor is answered at once, without ringing. */
  #settled(own: Call, stream: MediaStream | Promise<MediaStream>): void {
    const survivor = own.end === "glare" ? own.session?.superseded_by : undefined;
    if (survivor !== undefined) this.#pickUp(own, survivor, stream);
    for (const session of this.#held.values()) {
      this.#held.delete(session.id);
      if (session.id !== survivor) this.#ring(session);
    }
  }

  #pickUp(own: Call, survivorId: string, stream: MediaStream | Promise<MediaStream>): void {
    const stop = onSnapshot(
      doc(this.#options.firestore, SESSIONS, survivorId),
      (snapshot) => {
        const session = readSession(snapshot.id, snapshot.data());
        if (session?.status === "pending") return;
        stop();
        if (session?.status !== "offered") {
          this.#events.replaced(own, undefined);
          return;
        }
        if (this.#calls.has(session.id)) return;
        const call = this.#incoming(session);
        this.#events.replaced(own, call);
        call.answer(stream);
      },
      () => {
        this.#events.replaced(own, undefined);
      },
    );
    this.#survivors.set(survivorId, stop);
  }

  #follow(call: Call): void {
    this.#calls.set(call.id, call);
    call.subscribe(() => {
      if (call.stage === "ended") this.#calls.delete(call.id);
    });
  }
}

/** The id of a session is its caller's to make, and never used again. */
export function newSessionId(): string {
  return [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => byte.toString(36).padStart(2, "0")).join("");
}
