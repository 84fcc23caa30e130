// What a test asks of a page: its peer connections, whether pictures and voices arrive, and if not, what has happened.

window.peers = [];
const STATES = ["iceConnectionState", "iceGatheringState", "signalingState", "connectionState"];
const STEPS = ["setLocalDescription", "setRemoteDescription", "addIceCandidate", "removeTrack", "restartIce", "close"];

window.RTCPeerConnection = class extends window.RTCPeerConnection {
  past = [];

  constructor(configuration) {
    super(configuration);
    window.peers.push(this);
    const note = (what) => this.past.push(`${new Date().toISOString().slice(14, 23)} ${what}`);
    for (const state of STATES) {
      this.addEventListener(`${state.toLowerCase()}change`, () => note(`${state} ${this[state]}`));
    }
    this.addEventListener("negotiationneeded", () => note("negotiation needed"));
    this.addEventListener("icecandidate", ({ candidate }) => note(`has ${candidate?.candidate ?? "no more candidates"}`));
    for (const step of STEPS) {
      this[step] = (...given) => {
        const { type, sdp, candidate } = given[0] ?? {};
        note([step, type, /ice-ufrag:\S+/.exec(sdp ?? ""), candidate].filter((each) => each).join(" "));
        return super[step](...given);
      };
    }
  }
};

window.current = () => window.peers.filter((each) => each.getSenders().some(({ track }) => track)).at(-1);

window.arriving = async () => {
  const peer = window.current();
  const stats = [...(await peer.getStats()).values()];
  const of = (kind) => stats.filter((each) => each.type === "inbound-rtp" && each.kind === kind);
  const transport = stats.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  const pair =
    stats.find(({ id }) => id === transport?.selectedCandidatePairId) ??
    stats.find(({ type, selected }) => type === "candidate-pair" && selected) ??
    stats.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded");
  const candidate = (id) => stats.find((each) => each.id === id)?.candidateType;
  return {
    frames: of("video").reduce((sum, { framesDecoded }) => sum + (framesDecoded ?? 0), 0),
    heard: of("audio").reduce((sum, { totalAudioEnergy }) => sum + (totalAudioEnergy ?? 0), 0),
    pair: [candidate(pair?.localCandidateId), candidate(pair?.remoteCandidateId)].join("/"),
    ufrag: /a=ice-ufrag:(\S+)/.exec(peer.localDescription?.sdp ?? "")?.[1],
    peers: window.peers.length,
  };
};

/** The page's words, then every peer connection with its steps and its figures. */
window.past = async () => {
  const lines = [document.body?.innerText];
  for (const [n, peer] of window.peers.entries()) {
    const stats = peer.signalingState === "closed" ? [] : [...(await peer.getStats()).values()];
    const told = stats.filter(({ type }) => /candidate|transport|bound-rtp/.test(type));
    lines.push(`peer connection ${n}`, ...peer.past, ...told.map((each) => JSON.stringify(each)));
  }
  return lines.join("\n  ");
};
