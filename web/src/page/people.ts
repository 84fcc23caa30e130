import { presentable } from "../lib/sdp";
import { storedList } from "./storage";

/** Names for uids, as far as this browser has met them: the contract knows uids only. */

const PEOPLE = "webrtc-lite.people";
const REMEMBERED = 20;

export interface Person {
  readonly uid: string;
  readonly name: string;
}

export function people(): Person[] {
  return storedList(PEOPLE).filter(isPerson);
}

export function remember(person: Person): void {
  if (presentable(person.name) === undefined) return;
  const others = people().filter(({ uid }) => uid !== person.uid);
  localStorage.setItem(PEOPLE, JSON.stringify([person, ...others].slice(0, REMEMBERED)));
}

export function nameOf(uid: string, saysItself?: string): string {
  const known = people().find((person) => person.uid === uid)?.name;
  return presentable(saysItself ?? known ?? "") ?? `Guest ${uid.slice(0, 4)}`;
}

function isPerson(each: unknown): each is Person {
  const { uid, name } = (each ?? {}) as Partial<Record<keyof Person, unknown>>;
  return typeof uid === "string" && typeof name === "string";
}

/** A link that calls this person: whoever opens it needs to sign in and press one button. */
export function callLink({ uid, name }: Person): string {
  const link = new URL(location.origin + location.pathname);
  link.hash = new URLSearchParams({ call: uid, name }).toString();
  return link.href;
}

/** Who is meant: by a call link, or by an id alone. */
export function personIn(text: string): Person | undefined {
  const hash = text.includes("#") ? text.slice(text.indexOf("#") + 1) : "";
  const said = new URLSearchParams(hash);
  const uid = said.get("call") ?? (hash === "" ? text.trim() : "");
  return /^[^/\s]{1,128}$/.test(uid) ? { uid, name: presentable(said.get("name") ?? "") ?? "" } : undefined;
}
