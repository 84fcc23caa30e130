const NAME = "a=x-display-name:";
const NAME_LENGTH = 40;

/**
 * Whether a re-offer comes from a new peer connection: it has none of the old fingerprints (SPEC section 4). A page was
 * reloaded, an app rejoined, or a client that cannot restart ICE reconnects.
 */
export function isNewConnection(known: string, offered: string): boolean {
  const old = fingerprints(known);
  return !fingerprints(offered).some((fingerprint) => old.includes(fingerprint));
}

function fingerprints(sdp: string): string[] {
  return [...sdp.matchAll(/^a=fingerprint:(.+?)\r?$/gm)].map((match) => String(match[1]).toLowerCase());
}

/**
 * Puts a name into a description: the contract has no place for one, and receivers ignore an attribute that they do not
 * know (RFC 8866, 5.13). It is what the other side calls itself, no more.
 */
export function withName(sdp: string, name: string): string {
  const shown = name.trim().slice(0, NAME_LENGTH);
  const media = sdp.indexOf("m=");
  if (shown === "" || media < 0) return sdp;
  return `${sdp.slice(0, media)}${NAME}${encodeURIComponent(shown.toWellFormed())}\r\n${sdp.slice(media)}`;
}

export function nameIn(sdp: string | undefined): string | undefined {
  const line = sdp?.split(/\r?\n/).find((each) => each.startsWith(NAME));
  try {
    return line === undefined ? undefined : decodeURIComponent(line.slice(NAME.length)).slice(0, NAME_LENGTH);
  } catch {
    return undefined;
  }
}
