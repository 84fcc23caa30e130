// Signs in, gets relay credentials, and sends a message through the relay with them, in sight of the person.

import { probe, reason, roundTrip } from "./relay.js";
import { curlCommands, findStack, getCredentials, Problem, signIn } from "./stack.js";

const $ = (id) => document.getElementById(id);
const CLOCK = { dateStyle: "medium", timeStyle: "medium" };
const localTime = (seconds) => new Date(seconds * 1000).toLocaleString([], CLOCK);
const duration = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

const STEPS = ["sign-in", "credentials", "relay", "message"];
const AT_FIRST = new Map(STEPS.map((id) => [id, [...$(id).querySelector(".note").childNodes]]));

function show(element, state, note, ms) {
  element.dataset.state = state;
  if (note !== undefined) element.querySelector(".note").replaceChildren(...prose(note));
  element.querySelector(".time").textContent = ms === undefined ? "" : duration(ms);
}

/** A sentence as nodes: what stands between backticks is code. */
function prose(text) {
  const code = (textContent) => Object.assign(document.createElement("code"), { textContent });
  return text.split("`").map((part, at) => (at % 2 ? code(part) : part));
}

function headline(text, state = "") {
  $("headline").replaceChildren(...prose(text));
  $("headline").dataset.state = state;
}

/** Reads a result out to those who do not see it. */
function say(text) {
  $("log").append(Object.assign(document.createElement("p"), { textContent: text.replaceAll("`", "") }));
}

function reset() {
  for (const [id, note] of AT_FIRST) {
    show($(id), "idle");
    $(id).querySelector(".note").replaceChildren(...note);
  }
  for (const row of $("uris").children) show(row, "idle", "\u00a0");
  for (const id of ["username", "expires", "ttl"]) $(id).textContent = "–";
  $("log").replaceChildren();
}

async function step(id, work) {
  show($(id), "working");
  const started = performance.now();
  try {
    const { note, ms = performance.now() - started, ...result } = await work();
    show($(id), "done", note, ms);
    say(`${$(id).querySelector("h3").textContent}: ${note}, ${duration(ms)}`);
    return result;
  } catch (error) {
    show($(id), "failed", `${error.message} ${error.hint ?? ""}`);
    throw error;
  }
}

const transport = (uri) => (uri.startsWith("turns:") ? "TLS" : uri.endsWith("=tcp") ? "TCP" : "UDP");

/** The relay's ports, a line each: 192.0.2.7:3478 udp tcp */
function listeners(uris) {
  const found = new Map();
  for (const uri of uris) {
    const where = uri.replace(/^turns?:|\?.*$/g, "");
    found.set(where, `${found.get(where) ?? where} ${transport(uri).toLowerCase()}`);
  }
  return [...found.values()].join("\n");
}

function uriRow(uri) {
  const row = $("uri").content.firstElementChild.cloneNode(true);
  row.querySelector("i").textContent = transport(uri);
  const [address, query] = uri.split("?");
  row.querySelector("code").append(address, document.createElement("wbr"), query ? `?${query}` : "");
  row.querySelector(".note").textContent = "Asking …";
  row.classList.toggle("tls", uri.startsWith("turns:"));
  return row;
}

function showOutcome(row, outcome, local) {
  const expected = local && outcome.uri.startsWith("turns:") && outcome.errors.some(({ code }) => code === 701);
  const note = outcome.address ? `Relays, as ${outcome.address}` : reason(outcome, local);
  show(row, outcome.address ? "done" : expected ? "warned" : "failed", note, outcome.ms);
  say(`${row.querySelector("i").textContent}: ${note}`);
  return outcome;
}

async function run(stack) {
  const { token } = await step("sign-in", async () => {
    const { uid, token } = await signIn(stack);
    return { token, note: `Signed in as ${uid}` };
  });
  const { grant } = await step("credentials", async () => {
    const grant = await getCredentials(stack, token);
    $("username").textContent = grant.username;
    $("expires").textContent = localTime(grant.expires_at);
    $("ttl").textContent = `${grant.ttl} s`;
    return { grant, note: `For ${grant.uris.length} relay addresses; the password stays hidden` };
  });
  $("part-relay").querySelector("code").textContent = listeners(grant.uris);
  $("part-relay").querySelector("code").className = "";

  const rows = grant.uris.map(uriRow);
  $("uris").replaceChildren(...rows);
  const probes = grant.uris.map(async (uri, at) => showOutcome(rows[at], await probe(uri, grant), stack.local));
  const all = step("relay", async () => {
    const working = (await Promise.all(probes)).filter(({ address }) => address).length;
    $("part-relay").dataset.state = working ? "done" : "failed";
    if (!working) throw new Problem("No address relays.");
    return { working, note: `${working} of ${rows.length} addresses relay` };
  });
  const message = step("message", async () => {
    let uri;
    for (const each of probes) {
      const outcome = await each;
      if (outcome.address) { uri = outcome.uri; break; }
    }
    if (!uri) throw new Problem("Not tried: no address relays.");
    const { ms, between } = await roundTrip(uri, grant);
    return { ms, took: ms, note: between ? `Relayed between ${between.join(" and ")}` : `Relayed through ${uri}` };
  });
  const [relay, echo] = await Promise.allSettled([all, message]);
  for (const { reason: problem } of [relay, echo]) if (problem) throw problem;
  return `A message went through the relay and back in ${duration(echo.value.took)}.`;
}

async function press(stack) {
  if ($("run").ariaDisabled === "true") return; // not `disabled`: the focus stays where it is
  $("run").ariaDisabled = "true";
  $("run").textContent = "Working …";
  reset();
  headline("On its way …", "working");
  try {
    headline(await run(stack), "done");
  } catch (problem) {
    headline(`Stopped. ${problem.message}`, "failed");
  }
  $("run").textContent = "Run again";
  $("run").ariaDisabled = "false";
}

async function copy() {
  await navigator.clipboard.writeText($("curl").textContent).then(
    () => {
      $("copy").textContent = "Copied";
      say("Copied");
    },
    () => getSelection().selectAllChildren($("curl")),
  );
}

/** Fills in where a part is, and for an emulator whether anything answers there. */
async function showPart(name, url, local, look = url) {
  const part = $(`part-${name}`);
  part.querySelector("code").textContent = url?.replace(/^https:\/\//, "") ?? "not running";
  if (!local || !url) return;
  const answers = await fetch(look, { mode: "no-cors" }).then(() => true, () => false);
  part.dataset.state = answers ? "done" : "failed";
  part.querySelector("span").textContent += answers ? "" : " · does not answer";
}

async function main() {
  try {
    const stack = await findStack();
    $("where").textContent = stack.local ? "Local stack" : "Project";
    $("project").textContent = stack.project;
    $("curl").textContent = curlCommands(stack);
    showPart("hosting", location.origin, stack.local);
    showPart("auth", stack.auth, stack.local);
    showPart("functions", stack.functions, stack.local, `${stack.functions}/backends`); // its root answers 404
    showPart("firestore", stack.firestore, stack.local);
    const tls = $("uris").querySelector(".tls .note");
    if (stack.local) tls.textContent += " Locally its certificate is self-signed: expect a refusal.";
    $("copy").onclick = copy;
    $("run").onclick = () => press(stack);
    $("copy").disabled = $("run").disabled = false;
  } catch (problem) {
    headline(`${problem.message} ${problem.hint ?? ""}`, "failed");
  }
}

main();
