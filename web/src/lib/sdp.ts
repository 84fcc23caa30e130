const NAME = "a=x-display-name:";
const NAME_LENGTH = 40; // characters as people count them
const NAME_UNITS = 200; // and of UTF-16, since some of those are long

/**
 * Whether a re-offer comes from a new peer connection: it has none of the old fingerprints (SPEC section 4). A page was
 * reloaded, an app rejoined, or a client that cannot restart ICE reconnects.
 */
export function isNewConnection(known: string, offered: string): boolean {
  const old = fingerprints(known);
  return !fingerprints(offered).some((fingerprint) => old.includes(fingerprint));
}

/**
 * Whether a local description begins to gather candidates: it has none of the user fragments of the one before it. A shared
 * screen brings a section more, and no candidates.
 */
export function gathersAnew(known: string, described: string): boolean {
  const old = values("ice-ufrag", known);
  return !values("ice-ufrag", described).some((fragment) => old.includes(fragment));
}

function fingerprints(sdp: string): string[] {
  return values("fingerprint", sdp).map((fingerprint) => fingerprint.toLowerCase());
}

function values(attribute: string, sdp: string): string[] {
  return [...sdp.matchAll(new RegExp(`^a=${attribute}:(.+?)\\r?$`, "gm"))].map((match) => String(match[1]));
}

/**
 * Puts a name into a description: the contract has no place for one, and receivers ignore an attribute that they do not
 * know (RFC 8866, 5.13). It is what the other side calls itself, no more.
 */
export function withName(sdp: string, name: string): string {
  const shown = presentable(name);
  const media = sdp.indexOf("m=");
  if (shown === undefined || media < 0) return sdp;
  return `${sdp.slice(0, media)}${NAME}${encodeURIComponent(shown)}\r\n${sdp.slice(media)}`;
}

export function nameIn(sdp: string | undefined): string | undefined {
  const line = sdp?.split(/\r?\n/).find((each) => each.startsWith(NAME));
  try {
    return line === undefined ? undefined : presentable(decodeURIComponent(line.slice(NAME.length)));
  } catch {
    return undefined;
  }
}

/** A name as it may stand in a sentence: one line that cannot turn what is around it, or nothing where nobody would see it. */
export function presentable(name: string): string | undefined {
  const line = name
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "") // they turn the direction of writing
    .trim();
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(line)) return undefined;
  let shown = "";
  for (const { segment } of [...new Intl.Segmenter().segment(line.slice(0, 2 * NAME_UNITS))].slice(0, NAME_LENGTH)) {
    if (shown.length + segment.length > NAME_UNITS) break;
    shown += segment;
  }
  return shown || line.slice(0, NAME_UNITS);
}
