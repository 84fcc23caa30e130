// What only a browser can tell: which relay addresses give it a candidate, and that two peers talk through one.

import { Problem } from "./stack.js";

const RELAY_MS = 10_000; // a browser gives up on a dead UDP relay only after 40 s
const TRUST = "`--ignore-certificate-errors` `--user-data-dir=/tmp/tls`"; // both: a running Chrome ignores the first

const place = ({ address, port }) => `${address.includes(":") ? `[${address}]` : address}:${port}`;

function relayOnly(uri, { username, password }) {
  const iceServers = [{ urls: [uri], username, credential: password }];
  return new RTCPeerConnection({ iceTransportPolicy: "relay", iceServers });
}

/** Asks for a relay candidate through one URI; gives its address, or the errors that came instead. */
export function probe(uri, grant) {
  const started = performance.now();
  const peer = relayOnly(uri, grant);
  const errors = [];
  return new Promise((resolve) => {
    const end = (outcome) => {
      clearTimeout(timer);
      peer.close();
      resolve({ uri, ms: performance.now() - started, errors, ...outcome });
    };
    const timer = setTimeout(end, RELAY_MS, { late: true });
    peer.onicecandidate = ({ candidate }) => candidate?.type === "relay" && end({ address: place(candidate) });
    peer.onicecandidateerror = ({ errorCode, errorText }) => errors.push({ code: errorCode, text: errorText });
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && end({});
    peer.createDataChannel("probe");
    peer.setLocalDescription().catch((error) => end({ errors: [{ code: error.name, text: error.message }] }));
  });
}

/** Why a URI gave no candidate, in words to act on. Chromium has one 701 for a bad certificate and a closed port. */
export function reason({ uri, errors, late }, local) {
  const error = errors.find(({ code }) => code !== 701) ?? errors[0];
  if (error?.code === 401) {
    return "Credential refused (401). The relay does not have the secret that the function signs with.";
  }
  if (error?.code === 486) return "Quota reached (486). Allocations end by themselves within ten minutes.";
  if (error && error.code !== 701) return `The relay refused (${error.code} ${error.text}).`;
  if (error && uri.startsWith("turns:")) {
    return local
      ? `Expected (701): no browser trusts the local self-signed certificate. To try it, start Chrome with ${TRUST}.`
      : "No TLS (701). The browser does not trust the relay's certificate, or nothing listens there.";
  }
  if (error) return `No answer (701 ${error.text}). Nothing listens there, or its name is not known.`;
  if (!late) return "Not tried. Below 1024, Chrome takes the ports 53, 80 and 443 only.";
  if (!navigator.onLine) {
    return "Not tried: this browser is offline. Connect it, or start Chrome with `--allow-loopback-in-peer-connection`.";
  }
  return `No answer within ${RELAY_MS / 1000} s. Nothing listens there, or a firewall drops it.`;
}

/** One message there and back between two peers that may use the relay only. */
export async function roundTrip(uri, grant) {
  const near = relayOnly(uri, grant);
  const far = relayOnly(uri, grant);
  const hint = "Does it refuse its own address as a peer? Locally `allow-loopback-peers` permits that.";
  const late = new Problem(`Both peers have an address, but no message came back within ${RELAY_MS / 1000} s.`, hint);
  try {
    return await Promise.race([exchange(near, far), new Promise((_, fail) => setTimeout(fail, RELAY_MS, late))]);
  } finally {
    near.close();
    far.close();
  }
}

async function exchange(near, far) {
  const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
  near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate).catch(() => {}); // closed
  far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate).catch(() => {});
  far.ondatachannel = ({ channel }) => (channel.onmessage = ({ data }) => channel.send(data));
  const channel = near.createDataChannel("echo");
  const opened = next(channel, "open");
  await near.setLocalDescription();
  await far.setRemoteDescription(near.localDescription);
  await far.setLocalDescription();
  await near.setRemoteDescription(far.localDescription);
  await opened;
  const sent = performance.now();
  const back = next(channel, "message");
  channel.send("hello");
  await back;
  const ms = performance.now() - sent;
  const pairs = [near, far].map((peer) => peer.sctp.transport.iceTransport.getSelectedCandidatePair?.()?.local);
  return { ms, between: pairs.every((local) => local?.type === "relay") ? pairs.map(place) : null };
}
