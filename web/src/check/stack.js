// Where the parts of the stack are, and what the page asks of them: a user from Auth, credentials from the function.

import { findDeployment, HintedProblem as Problem, REGION } from "../page/deployment";

export { Problem };

const FUNCTION = "issue_turn_credentials";
const ANSWER_MS = 20_000; // the first request of a function starts its process

/** The addresses of this stack, and those of what this page asks of it. */
export async function findStack() {
  const { project, apiKey, local, ...found } = await findDeployment();
  const auth = found.auth ?? "https://identitytoolkit.googleapis.com";
  const functions = found.functions ?? `https://${REGION}-${project}.cloudfunctions.net`;
  const identity = local ? `${auth}/identitytoolkit.googleapis.com` : auth;
  return {
    project, local, auth, functions,
    firestore: found.firestore ?? "https://firestore.googleapis.com",
    signUp: `${identity}/v1/accounts:signUp?key=${encodeURIComponent(apiKey)}`,
    callable: local ? `${functions}/${project}/${REGION}/${FUNCTION}` : `${functions}/${FUNCTION}`,
  };
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
