import {
  collection,
  doc,
  getDocFromServer,
  onSnapshot,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  Timestamp,
  updateDoc,
  where,
  type DocumentReference,
  type Firestore,
} from "firebase/firestore";
import type { Batch } from "./candidates";
import { asProblem, Problem } from "./problem";
import { otherSide, readSession, type HangupReason, type IceState, type Media, type Session, type Side } from "./session";

export const SESSIONS = "webrtc_sessions";
const CANDIDATES = "ice_candidates";
const CANDIDATES_KEPT_MS = 12 * 3600_000; // half of what the rules allow

export type Stop = () => void;

export interface NewCall {
  readonly callerId: string;
  readonly calleeId: string;
  readonly media: Media;
  readonly sdp: string;
}

/** What one side of one call says and hears: SPEC 3.1 and 3.2. Firestore is one way; tests and the bench have another. */
export interface Signalling {
  dial(call: NewCall): Promise<void>;
  offer(revision: number, sdp: string): Promise<void>;
  answer(revision: number, sdp: string): Promise<void>;
  sendCandidates(batch: Batch): Promise<void>;
  reportIce(state: IceState): Promise<void>;
  stayAlive(): Promise<void>;
  hangUp(reason: HangupReason): Promise<void>;
  /** The session, now and after every change; an error ends the listening. */
  watch(next: (session: Session | undefined) => void, failed: (problem: Problem) => void): Stop;
  /** The other side's documents of candidates, each at least once. */
  watchCandidates(next: (id: string, fields: Record<string, unknown>) => void, failed: (problem: Problem) => void): Stop;
}

/**
 * One side of one session in Firestore.
 *
 * Session, offer and answer are written in transactions: they fail without a network, where a plain write would wait in
 * the SDK's queue and dial hours later. They read nothing first, because the rules already refuse what comes too late; a
 * hangup, signs of life and candidates may wait in the queue.
 */
export class FirestoreSignalling implements Signalling {
  readonly #firestore: Firestore;
  readonly #session: DocumentReference;
  readonly #side: Side;
  readonly #deviceId: string;
  readonly #serverNow: () => number;

  constructor(firestore: Firestore, sessionId: string, side: Side, deviceId: string, serverNow: () => number) {
    this.#firestore = firestore;
    this.#session = doc(firestore, SESSIONS, sessionId);
    this.#side = side;
    this.#deviceId = deviceId;
    this.#serverNow = serverNow;
  }

  async dial({ callerId, calleeId, media, sdp }: NewCall): Promise<void> {
    try {
      await this.#transact((transaction) => {
        transaction.set(this.#session, {
          caller_id: callerId,
          callee_id: calleeId,
          caller_device_id: this.#deviceId,
          media,
          status: "pending",
          created_at: serverTimestamp(),
          offer: { type: "offer", sdp, revision: 1, from: this.#side },
        });
      });
    } catch (error) {
      // A request is sent again when its connection breaks before the answer is there, by the browser without a word or by
      // the SDK. Where the first one arrived, the second is refused: the session exists. Other writes may be said twice.
      // Nobody listens to this session yet, so the look is a look at the server.
      const mayStand = asProblem(error).code === "denied";
      if (!mayStand || !(await this.#stands(sdp).catch(() => false))) throw error;
    }
  }

  async offer(revision: number, sdp: string): Promise<void> {
    await this.#transact((transaction) => {
      transaction.update(this.#session, { offer: { type: "offer", sdp, revision, from: this.#side } });
    });
  }

  async answer(revision: number, sdp: string): Promise<void> {
    const answer = { type: "answer", sdp, revision, from: this.#side, device_id: this.#deviceId };
    await this.#transact((transaction) => {
      transaction.update(this.#session, { answer });
    });
  }

  async sendCandidates({ id, sender, revision, candidates }: Batch): Promise<void> {
    const expiresAt = Timestamp.fromMillis(this.#serverNow() + CANDIDATES_KEPT_MS);
    const fields = { sender, revision, candidates, created_at: serverTimestamp(), expires_at: expiresAt };
    await setDoc(doc(this.#session, CANDIDATES, id), fields);
  }

  async reportIce(state: IceState): Promise<void> {
    await updateDoc(this.#session, { [`ice_state.${this.#side}`]: state });
  }

  async stayAlive(): Promise<void> {
    await updateDoc(this.#session, { [`alive_at.${this.#side}`]: serverTimestamp() });
  }

  async hangUp(reason: HangupReason): Promise<void> {
    await hangUp(this.#firestore, this.#session.id, this.#side, reason);
  }

  watch(next: (session: Session | undefined) => void, failed: (problem: Problem) => void): Stop {
    return watchSession(this.#session, next, failed);
  }

  watchCandidates(next: (id: string, fields: Record<string, unknown>) => void, failed: (problem: Problem) => void): Stop {
    const theirs = query(collection(this.#session, CANDIDATES), where("sender", "==", otherSide(this.#side)));
    return onSnapshot(
      theirs,
      (snapshot) => {
        for (const { doc: batch } of snapshot.docChanges()) next(batch.id, batch.data());
      },
      (error) => {
        failed(asProblem(error));
      },
    );
  }

  async #stands(sdp: string): Promise<boolean> {
    const snapshot = await getDocFromServer(this.#session);
    return readSession(snapshot.id, snapshot.data())?.offer?.sdp === sdp;
  }

  async #transact(write: (transaction: Parameters<Parameters<typeof runTransaction>[1]>[0]) => void): Promise<void> {
    if (!navigator.onLine) throw new Problem("offline", "This device is offline.");
    try {
      await runTransaction(this.#firestore, (transaction) => {
        write(transaction);
        return Promise.resolve();
      });
    } catch (error) {
      throw asProblem(error);
    }
  }
}

/** A session, now and after every change; an error ends the listening. */
export function watchSession(
  session: DocumentReference,
  next: (session: Session | undefined) => void,
  failed: (problem: Problem) => void,
): Stop {
  return onSnapshot(
    session,
    (snapshot) => {
      next(readSession(snapshot.id, snapshot.data()));
    },
    (error) => {
      failed(asProblem(error));
    },
  );
}

/** Says that a call is over. A `cancel` that comes too late, since somebody has just answered, becomes a `hangup`. */
export async function hangUp(firestore: Firestore, sessionId: string, side: Side, reason: HangupReason): Promise<void> {
  const session = doc(firestore, SESSIONS, sessionId);
  const say = (said: HangupReason) => updateDoc(session, { hangup: { by: side, reason: said, at: serverTimestamp() } });
  try {
    await say(reason);
  } catch (error) {
    if (reason !== "cancel" || asProblem(error).code !== "denied") throw asProblem(error);
    await say("hangup");
  }
}
