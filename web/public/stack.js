// Where the parts of the stack are, and what the page asks of them: a user from Auth, credentials from the function.

const REGION = "us-central1";
const FUNCTION = "issue_turn_credentials";
const ANSWER_MS = 20_000; // the first request of a function starts its process

/** Something went wrong that a person can act on: what it was, and what to do about it. */
export class Problem extends Error {
  constructor(message, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/** The addresses of this stack: the emulators where Hosting knows of some, else Google's. */
export async function findStack() {
  const [config, script] = await Promise.all([reserved("init.json"), reserved("init.js?useEmulator=true")]);
  const { projectId: project, apiKey } = JSON.parse(config);
  const emulators = assignedObject(script, "firebaseEmulators");
  const local = emulators !== null;
  const at = (name) => (emulators?.[name] ? `http://${emulators[name].hostAndPort}` : null);
  const auth = local ? at("auth") : "https://identitytoolkit.googleapis.com";
  const functions = local ? at("functions") : `https://${REGION}-${project}.cloudfunctions.net`;
  if (!auth || !functions) {
    throw new Problem("The Auth or the Functions emulator is not running.", "Start all of them: `make run`.");
  }
  const identity = local ? `${auth}/identitytoolkit.googleapis.com` : auth;
  return {
    project, local, auth, functions,
    firestore: local ? at("firestore") : "https://firestore.googleapis.com",
    signUp: `${identity}/v1/accounts:signUp?key=${encodeURIComponent(apiKey)}`,
    callable: local ? `${functions}/${project}/${REGION}/${FUNCTION}` : `${functions}/${FUNCTION}`,
  };
}

async function reserved(name) {
  const reply = await fetch(`/__/firebase/${name}`).catch(() => null);
  if (reply?.ok) return reply.text();
  const hint = "Type `make run`, and open the address that it prints.";
  throw new Problem("This page has to be served by Firebase Hosting.", hint);
}

/** The JSON object that a script assigns to a variable: the shortest text from its brace on that parses. */
function assignedObject(script, variable) {
  const start = script.match(new RegExp(`\\b${variable}\\s*=\\s*(?={)`));
  if (!start) return null;
  const text = script.slice(start.index + start[0].length);
  for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}", end + 1)) {
    try {
      return JSON.parse(text.slice(0, end + 1));
    } catch { /* an inner brace */ }
  }
  return null;
}

export function curlCommands({ signUp, callable }) {
  return `TOKEN=$(curl -sS '${signUp}' \\
  -H 'Content-Type: application/json' -d '{"returnSecureToken": true}' \\
  | sed -n 's/.*"idToken": *"\\([^"]*\\)".*/\\1/p')

curl -sS '${callable}' \\
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"data": {}}'
`;
}

export async function signIn({ signUp, local }) {
  const { error, localId, idToken } = await post("Auth", signUp, { returnSecureToken: true }, {}, local);
  if (!error) return { uid: localId, token: idToken };
  const off = /ADMIN_ONLY_OPERATION|OPERATION_NOT_ALLOWED|CONFIGURATION_NOT_FOUND/.test(error.message);
  const hint = "Enable the Anonymous provider: Firebase console, Authentication, Sign-in method.";
  throw new Problem(`Auth refused: ${error.message}.`, off ? hint : "");
}

export async function getCredentials({ callable, local }, token) {
  const signedIn = { Authorization: `Bearer ${token}` };
  const { error, result } = await post("The function", callable, { data: {} }, signedIn, local);
  if (error) throw new Problem(`${error.status}: ${error.message}`, error.details?.hint);
  if (!result?.uris?.length) throw new Problem("The function's answer names no relay.");
  return result;
}

async function post(who, url, body, headers, local) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  };
  const reply = await fetch(url, request).catch((error) => {
    if (error.name === "TimeoutError") throw new Problem(`${who} did not answer within ${ANSWER_MS / 1000} s.`);
    const hint = local
      ? "Is the stack running? Look at the terminal of `make run`."
      : "Is it deployed, and is this browser online?";
    throw new Problem(`${who} cannot be reached at ${new URL(url).origin}.`, hint);
  });
  return reply.json().catch(() => {
    throw new Problem(`${who} answered ${reply.status} and no JSON.`, local ? "The terminal of `make run` says more." : "");
  });
}
