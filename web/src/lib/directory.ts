import {
  collection,
  deleteDoc,
  doc,
  getDocFromServer,
  getDocsFromServer,
  onSnapshot,
  query,
  serverTimestamp,
  setDoc,
  where,
  type CollectionReference,
  type DocumentReference,
  type Firestore,
} from "firebase/firestore";
import { asProblem, type Problem } from "./problem";
import { LIVE, readSession, type HangupReason, type Session, type Side } from "./session";
import { hangUp, SESSIONS, watchSession, type Stop } from "./signalling";

/** A call that rings; without a session it rings no longer. */
export interface Ringing {
  readonly id: string;
  readonly session: Session | undefined;
  readonly isNew: boolean;
}

/**
 * What one person says and hears beside their calls. Firestore is one way; tests have another. What is asked is asked of
 * the server: without a network it fails, where an empty cache would say that there is nothing.
 */
export interface Directory {
  /** What rings, now and after every change; an error ends the listening. */
  watchRinging(next: (ringing: Ringing) => void, failed: (problem: Problem) => void): Stop;
  watchSession(id: string, next: (session: Session | undefined) => void, failed: (problem: Problem) => void): Stop;
  session(id: string): Promise<Session | undefined>;
  liveSessions(): Promise<Session[]>;
  hangUp(id: string, side: Side, reason: HangupReason): Promise<void>;
  block(uid: string): Promise<void>;
  unblock(uid: string): Promise<void>;
  blocked(): Promise<string[]>;
}

export class FirestoreDirectory implements Directory {
  readonly #firestore: Firestore;
  readonly #uid: string;

  constructor(firestore: Firestore, uid: string) {
    this.#firestore = firestore;
    this.#uid = uid;
  }

  watchRinging(next: (ringing: Ringing) => void, failed: (problem: Problem) => void): Stop {
    const ringing = query(this.#sessions, where("callee_id", "==", this.#uid), where("status", "==", "offered"));
    return onSnapshot(
      ringing,
      (snapshot) => {
        for (const { type, doc: changed } of snapshot.docChanges()) {
          const session = type === "removed" ? undefined : readSession(changed.id, changed.data());
          next({ id: changed.id, session, isNew: type === "added" });
        }
      },
      (error) => {
        failed(asProblem(error));
      },
    );
  }

  watchSession(id: string, next: (session: Session | undefined) => void, failed: (problem: Problem) => void): Stop {
    return watchSession(doc(this.#sessions, id), next, failed);
  }

  async session(id: string): Promise<Session | undefined> {
    return asking(async () => {
      const snapshot = await getDocFromServer(doc(this.#sessions, id));
      return readSession(snapshot.id, snapshot.data());
    });
  }

  async liveSessions(): Promise<Session[]> {
    return asking(async () => {
      const asked = (["caller_id", "callee_id"] as const).map((own) =>
        getDocsFromServer(query(this.#sessions, where(own, "==", this.#uid), where("status", "in", LIVE))),
      );
      const found = (await Promise.all(asked)).flatMap(({ docs }) => docs);
      return found.map((each) => readSession(each.id, each.data())).filter((session) => session !== undefined);
    });
  }

  async hangUp(id: string, side: Side, reason: HangupReason): Promise<void> {
    await hangUp(this.#firestore, id, side, reason);
  }

  async block(uid: string): Promise<void> {
    await asking(() => setDoc(this.#block(uid), { created_at: serverTimestamp() }));
  }

  async unblock(uid: string): Promise<void> {
    await asking(() => deleteDoc(this.#block(uid)));
  }

  async blocked(): Promise<string[]> {
    return asking(async () => (await getDocsFromServer(this.#blocks)).docs.map(({ id }) => id));
  }

  get #sessions(): CollectionReference {
    return collection(this.#firestore, SESSIONS);
  }

  get #blocks(): CollectionReference {
    return collection(this.#firestore, "users", this.#uid, "blocks");
  }

  #block(uid: string): DocumentReference {
    return doc(this.#blocks, uid);
  }
}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw asProblem(error);
  }
}
