import type { Call, End, Problem, ProblemCode, Quality, Stage } from "../lib";

/** What a person reads where something went wrong: what it is, and what they can do. */
export const PROBLEMS: Readonly<Record<ProblemCode, string>> = {
  offline: "You are offline. Check your connection, then try again.",
  denied: "This call was not allowed. The link may be wrong, or this person does not take your calls.",
  signed_out: "You are signed out. Sign in again to go on.",
  too_late: "Somebody answered first, or the caller has hung up.",
  no_relay: "No relay is available right now, so the call cannot be carried. Try again in a minute.",
  limited: "Too many calls in a short time. Wait a minute, then try again.",
  cut_off: "Calls over the relay are switched off for your account. Ask whoever runs this service.",
  microphone_refused:
    "The browser may not use your microphone or camera. Allow them in the address bar, then try again.",
  camera_refused: "The browser may not use your camera. Allow it in the address bar, then try again.",
  no_device: "No microphone was found. Plug one in, then try again.",
  device_busy: "Your microphone or camera is in use by another program. Close it, then try again.",
  bad_sign_in: "That e-mail address and password do not belong together.",
  unexpected: "Something went wrong on our side. Try again.",
};

export const NO_CAMERA = "There is no camera that this page may use. The other side hears you and does not see you.";

/** A device that was pulled out in the middle of a call. */
export const GONE = {
  microphone: {
    replaced: "Your microphone is gone. Another one has taken its place.",
    alone: "Your microphone is gone, and nobody hears you. Plug one in and choose it under Devices.",
  },
  camera: {
    replaced: "Your camera is gone. Another one has taken its place.",
    alone: "Your camera is gone. The other side still hears you.",
  },
} as const;

const ENDS: Readonly<Record<End, readonly [forCaller: string, forCallee: string]>> = {
  hangup: ["Call ended", "Call ended"],
  cancelled: ["Call cancelled", "Missed call"],
  declined: ["Call declined", "Call declined"],
  busy: ["Busy: in another call", "Missed call"],
  missed: ["No answer", "Missed call"],
  glare: ["You called each other", "Missed call"],
  superseded: ["Call ended: a newer one took its place", "Call ended: a newer one took its place"],
  failed: ["Connection failed", "Connection failed"],
  invalid_offer: ["Call failed", "Missed call"],
  invalid_answer: ["Call failed", "Call failed"],
  expired: ["Connection lost", "Connection lost"],
  answered_elsewhere: ["Call ended", "Answered on another device"],
  not_placed: ["The call was not placed", "The call was not answered"],
};

const RUNG_OUT = "Nobody answered your last calls. Wait a few minutes, then try again.";

export function endWords(call: Call): string {
  if (call.session?.error?.code === "caller_rung_out") return RUNG_OUT;
  const wasNever = call.end === "expired" && !call.session?.answer;
  const words = ENDS[wasNever ? "invalid_offer" : (call.end ?? "hangup")];
  return words[call.side === "caller" ? 0 : 1];
}

const STAGES: Readonly<Record<Stage, string>> = {
  dialling: "Calling …",
  ringing: "Ringing …",
  incoming: "Calls you",
  connecting: "Connecting …",
  connected: "Connected",
  reconnecting: "Reconnecting …",
  lost: "Connection lost",
  ended: "Call ended",
};

export function stageWords(stage: Stage): string {
  return STAGES[stage];
}

export function problemWords(problem: Problem): string {
  return PROBLEMS[problem.code];
}

export function qualityWords({ roundTripMs, loss, sentKbps, receivedKbps, path }: Quality): Record<string, string> {
  return {
    trip: roundTripMs === undefined ? "–" : `${Math.round(roundTripMs)} ms`,
    loss: loss === undefined ? "–" : `${(loss * 100).toFixed(1)} %`,
    received: bitrate(receivedKbps),
    sent: bitrate(sentKbps),
    path: path === undefined ? "–" : path === "relayed" ? "Relayed" : "Direct",
  };
}

function bitrate(kbps: number): string {
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

export function lengthWords(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
