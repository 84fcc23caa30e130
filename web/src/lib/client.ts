import type { Firestore } from "firebase/firestore";
import { httpsCallable, type Functions } from "firebase/functions";
import type { IssueReply, IssueRequest } from "../../contract/contract";
import type { Line } from "./call";
import { systemClock, type Clock } from "./clock";
import { issuing, RelayCredentials } from "./credentials";
import { FirestoreDirectory } from "./directory";
import { BrowserPeer, mayGatherAhead, relayAnswers } from "./peer";
import { FirestoreSignalling } from "./signalling";
import { Switchboard, type ClientEvents } from "./switchboard";

const ISSUE = "issue_turn_credentials";
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

/** A signed-in person on this device, by the stock Firebase SDK and the browser's own WebRTC. */
export class Client extends Switchboard {
  constructor(options: ClientOptions, events: ClientEvents) {
    const { firestore, functions, deviceId, uid, relayOnly = false, clock = systemClock } = options;
    const issue = httpsCallable<IssueRequest, IssueReply>(functions, ISSUE, { timeout: ISSUE_WITHIN_MS });
    const ask = async () => (await issue({})).data;
    const credentials = new RelayCredentials(issuing(ask, options.refreshToken?.bind(options)), clock);
    const policy = relayOnly ? "relay" : "all";
    const line: Line = {
      uid,
      deviceId,
      clock,
      credentials,
      relayOnly,
      name: () => options.name(),
      makePeer: (servers, peerEvents, gathersAhead) => new BrowserPeer(servers, policy, peerEvents, gathersAhead),
      mayGatherAhead: () => mayGatherAhead(policy),
      signalling: (id, side) => new FirestoreSignalling(firestore, id, side, deviceId, () => credentials.serverNow()),
      relayAnswers: (servers) => relayAnswers(servers, clock),
      isOnline: () => navigator.onLine,
    };
    super(line, new FirestoreDirectory(firestore, uid), events);
  }
}
