/** Which Firebase project this page belongs to, and where: Hosting says so (its reserved URLs). */

export const REGION = "us-central1"; // as in functions/webrtc_lite/edge/config.py

export interface Deployment {
  readonly project: string;
  readonly apiKey: string;
  /** The emulators of `make run`, at these addresses; else Google's own. */
  readonly local: boolean;
  readonly auth?: string;
  readonly firestore?: string;
  readonly functions?: string;
  /** All of Hosting's own configuration, for initializeApp. */
  readonly config: Record<string, string>;
}

/** What went wrong, and what a person can do about it. */
export class HintedProblem extends Error {
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}

export async function findDeployment(): Promise<Deployment> {
  const [text, script] = await Promise.all([reserved("init.json"), reserved("init.js?useEmulator=true")]);
  const config = JSON.parse(text) as Record<string, string>;
  const { projectId: project = "", apiKey = "" } = config;
  const emulators = assignedObject(script, "firebaseEmulators");
  if (!emulators) return { project, apiKey, local: false, config };
  const at = (name: string) => {
    const where = emulators[name]?.hostAndPort;
    if (where === undefined) throw new HintedProblem(`The ${name} emulator is not running.`, "Start all of them: `make run`.");
    return `http://${where}`;
  };
  return { project, apiKey, local: true, config, auth: at("auth"), firestore: at("firestore"), functions: at("functions") };
}

async function reserved(name: string): Promise<string> {
  const reply = await fetch(`/__/firebase/${name}`).catch(() => undefined);
  if (reply?.ok) return reply.text();
  if (!navigator.onLine) throw new HintedProblem("You are offline.", "Check your connection, then load this page again.");
  const hint = "Type `make run`, and open the address that it prints.";
  throw new HintedProblem("This page has to be served by Firebase Hosting.", hint);
}

type Emulators = Record<string, { hostAndPort?: string } | undefined>;

/** The JSON object that a script assigns to a variable: the shortest text from its brace on that parses. */
function assignedObject(script: string, variable: string): Emulators | undefined {
  const start = new RegExp(`\\b${variable}\\s*=\\s*(?={)`).exec(script);
  if (!start) return undefined;
  const text = script.slice(start.index + start[0].length);
  for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}", end + 1)) {
    try {
      return JSON.parse(text.slice(0, end + 1)) as Emulators;
    } catch {
      // an inner brace
    }
  }
  return undefined;
}
