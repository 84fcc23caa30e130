// Made by `make contract` from the server's code. Do not edit.

export interface Timestamp {
  seconds: number;
  nanoseconds: number;
}

export interface AcceptedDocument {
  offer: number;
  answer: number;
}

export interface AliveAtDocument {
  caller?: Timestamp;
  callee?: Timestamp;
}

export interface AnswerDocument {
  sdp: string;
  revision: number;
  from: "caller" | "callee";
  type: string;
  device_id?: string;
}

/** users/{uid}/blocks/{other_uid}: SPEC 3.3. */
export interface BlockDocument {
  created_at: Timestamp;
}

/** RTCIceCandidateInit of the W3C's WebRTC. An empty candidate marks the end of candidates. */
export interface Candidate {
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
  usernameFragment?: string | null;
}

/** webrtc_sessions/{session_id}/ice_candidates/{sender}-{revision}-{n}: SPEC 3.2. */
export interface CandidatesDocument {
  sender: "caller" | "callee";
  revision: number;
  candidates: Candidate[];
  created_at: Timestamp;
  expires_at?: Timestamp;
}

/** users/{uid}/devices/{device_id}: SPEC 3.3. */
export interface DeviceDocument {
  platform: "android" | "ios" | "web";
  kind: "fcm" | "apns_voip";
  token: string;
  bundle_id?: string;
  updated_at: Timestamp;
}

/** Every end of the wire contract. */
export type EndReason = "hangup" | "cancelled" | "declined" | "busy" | "missed" | "glare" | "superseded" | "failed" | "invalid_offer" | "invalid_answer" | "expired";

/** `details` of a callable's error: SPEC 3.6. */
export interface ErrorDetails {
  code: "app_check_invalid" | "app_check_missing" | "budget_exhausted" | "cut_off" | "invalid_field" | "invalid_token" | "malformed_request" | "no_healthy_relay" | "not_a_participant" | "not_signed_in" | "relay_not_configured" | "session_ended" | "unknown_field" | "internal";
  field?: string;
  hint?: string;
}

export interface ErrorDocument {
  code: string;
  message: string;
  field: string;
  revision: number;
}

export interface HangupDocument {
  by: "caller" | "callee";
  reason: "hangup" | "decline" | "cancel" | "failed";
  at: Timestamp;
}

/** call_history/{session_id}: SPEC 3.4. */
export interface HistoryDocument {
  participants: string[];
  caller_id: string;
  callee_id: string;
  media: "audio" | "video";
  end_reason: EndReason;
  created_at: Timestamp;
  answered_at?: Timestamp;
  connected_at?: Timestamp;
  ended_at: Timestamp;
  duration_s: number;
  updated_at: Timestamp;
  expires_at: Timestamp;
}

/** RTCIceServer of the W3C's WebRTC, section 4.2.2. */
export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export type IceState = "connected" | "disconnected" | "failed";

export interface IceStateDocument {
  caller?: IceState;
  callee?: IceState;
}

/** issue_turn_credentials, the reply: SPEC 3.5. */
export interface IssueReply {
  username: string;
  password: string;
  ttl: number;
  expires_at: number;
  refresh_at: number;
  server_time: number;
  uris: string[];
  ice_servers: IceServer[];
}

/** issue_turn_credentials, what is asked: SPEC 3.5. */
export interface IssueRequest {
  ttl?: number;
  session_id?: string;
  region?: string;
}

export interface OfferDocument {
  sdp: string;
  revision: number;
  from: "caller" | "callee";
  type: string;
}

/** webrtc_sessions/{session_id}: SPEC 3.1. */
export interface SessionDocument {
  caller_id: string;
  callee_id: string;
  status: Status;
  created_at: Timestamp;
  media: "audio" | "video";
  caller_device_id?: string;
  offer?: OfferDocument;
  answer?: AnswerDocument;
  ice_state?: IceStateDocument;
  alive_at?: AliveAtDocument;
  hangup?: HangupDocument;
  accepted?: AcceptedDocument;
  deadline?: Timestamp;
  expires_at?: Timestamp;
  updated_at?: Timestamp;
  offered_at?: Timestamp;
  rung_at?: Timestamp;
  answered_at?: Timestamp;
  connected_at?: Timestamp;
  ended_at?: Timestamp;
  end_reason?: EndReason;
  superseded_by?: string;
  error?: ErrorDocument;
}

export type Status = "pending" | "offered" | "answered" | "connected" | "ended";
