import { Call, type Line } from "./call";
import { sleep } from "./clock";
import type { Directory, Ringing } from "./directory";
import { keepListening } from "./listening";
import { asProblem, type Problem } from "./problem";
import { ownDevice, sideOf, type Media, type Session } from "./session";
import type { Stop } from "./signalling";

const HANGUP_MS = 2000; // offline nobody waits for it to be heard

export interface ClientEvents {
  /** Somebody calls. */
  incoming(call: Call): void;
  /**
   * The two called each other, and the other call goes on: it has been answered already, with the camera and microphone that
   * are open (SPEC section 2, glare). Without a survivor nobody needs them any more: that call is over as well, or the person
   * has answered it by hand.
   */
  replaced(own: Call, survivor: Call | undefined): void;
  /** Nobody can call this person any more: the listener was refused for good. They have to sign in again. */
  deaf?(problem: Problem): void;
}

/** All calls of a person on this device: which ones ring, which one takes the place of another, which ones are left over. */
export class Switchboard {
  readonly #line: Line;
  readonly #directory: Directory;
  readonly #events: ClientEvents;
  readonly #calls = new Map<string, Call>();
  readonly #ringing = new Map<string, (session: Session | undefined) => void>(); // who hears of what rings
  readonly #held = new Map<string, Session>(); // rings from somebody whom this side is just calling
  readonly #survivors = new Map<string, Stop>(); // calls that are answered without ringing, looked for
  #stopListening: Stop = () => undefined;

  constructor(line: Line, directory: Directory, events: ClientEvents) {
    this.#line = line;
    this.#directory = directory;
    this.#events = events;
  }

  get uid(): string {
    return this.#line.uid;
  }

  /** Listens for calls, and has credentials at hand before the first one. */
  start(): void {
    this.#stopListening = keepListening(
      (failed) =>
        this.#directory.watchRinging(
          (ringing) => {
            this.#hear(ringing);
          },
          (problem) => {
            this.#held.clear(); // what still rings is heard of again
            // From here on those that ring listen by themselves.
            for (const id of this.#ringing.keys()) this.#hear({ id, session: undefined, isNew: false });
            failed(problem);
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
    this.#follow(call, () => {
      this.#settled(call, stream);
    });
    return call;
  }

  /**
   * The calls that these devices of this person left without a word: hung up, but for the one that is to be rejoined. An
   * app asks at every start, for its own device; until then they engage the person for up to one lease.
   */
  async hangUpOrphans(deviceIds: readonly string[], except?: string): Promise<number> {
    const orphans = (await this.#directory.liveSessions()).filter((session) => {
      const device = ownDevice(session, this.uid);
      return session.id !== except && !this.#calls.has(session.id) && device !== undefined && deviceIds.includes(device);
    });
    const hangups = orphans.map((session) =>
      this.#directory.hangUp(session.id, sideOf(session, this.uid), session.answer ? "hangup" : "cancel"),
    );
    await Promise.allSettled(hangups);
    return orphans.length;
  }

  /** A session that this device may still go on in, or nothing: it was answered, and has not ended. */
  async rejoinable(sessionId: string): Promise<Session | undefined> {
    const session = await this.#directory.session(sessionId).catch((error: unknown) => {
      const problem = asProblem(error);
      if (problem.code === "denied") return undefined; // somebody else's, who was signed in here before
      throw problem;
    });
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
    await this.#directory.block(uid);
  }

  async unblock(uid: string): Promise<void> {
    await this.#directory.unblock(uid);
  }

  /** Whose calls the rules refuse, by uid. */
  async blocked(): Promise<string[]> {
    return this.#directory.blocked();
  }

  /** Hangs up what is going on and stops listening: before signing out. */
  async close(): Promise<void> {
    this.#stopListening();
    for (const stop of this.#survivors.values()) stop();
    this.#held.clear(); // else they would ring as soon as the own call is over
    const hangups = Promise.all([...this.#calls.values()].map((call) => call.hangUp()));
    await Promise.race([hangups, sleep(this.#line.clock, HANGUP_MS)]);
  }

  /** A call rings, has changed, or rings no longer. */
  #hear({ id, session, isNew }: Ringing): void {
    const tell = this.#ringing.get(id);
    if (!session) this.#held.delete(id);
    else if (this.#held.has(id)) this.#held.set(id, session);
    if (tell) tell(session);
    else if (session && isNew) this.#ring(session);
  }

  #ring(session: Session): void {
    if (this.#calls.has(session.id) || this.#survivors.has(session.id) || !canBeAnswered(session)) return;
    const calling = [...this.#calls.values()].some(
      (call) => call.otherId === session.caller_id && call.stage === "dialling",
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
    for (const session of [...this.#held.values()]) {
      this.#held.delete(session.id);
      this.#ring(session);
    }
  }

  #pickUp(own: Call, survivorId: string, stream: MediaStream | Promise<MediaStream>): void {
    const replace = (survivor: Call | undefined) => {
      this.#events.replaced(own, survivor);
      survivor?.answer(stream);
    };
    const rings = this.#calls.get(survivorId); // it rang before this side called
    if (rings) {
      replace(rings.stage === "incoming" ? rings : undefined);
      return;
    }
    const stop = this.#directory.watchSession(
      survivorId,
      (session) => {
        if (session?.status === "pending") return;
        stop();
        this.#survivors.delete(survivorId);
        replace(session && canBeAnswered(session) ? this.#incoming(session) : undefined);
      },
      () => {
        this.#survivors.delete(survivorId);
        replace(undefined);
      },
    );
    this.#survivors.set(survivorId, stop);
  }

  #follow(call: Call, over: () => void = () => undefined): void {
    this.#calls.set(call.id, call);
    const stop = call.subscribe(() => {
      if (call.stage !== "ended") return;
      stop();
      this.#calls.delete(call.id);
      over();
    });
  }
}

function canBeAnswered({ status, answer, hangup }: Session): boolean {
  return status === "offered" && !answer && !hangup;
}

/** The id of a session is its caller's to make, and never used again. */
export function newSessionId(): string {
  return [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => byte.toString(36).padStart(2, "0")).join("");
}
