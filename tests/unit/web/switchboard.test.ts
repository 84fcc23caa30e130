import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../../../web/src/lib/call";
import type { Directory, Ringing } from "../../../web/src/lib/directory";
import { Problem } from "../../../web/src/lib/problem";
import type { HangupReason, Session, Side } from "../../../web/src/lib/session";
import { Switchboard } from "../../../web/src/lib/switchboard";
import { settled } from "./clock";
import { answered, connected, denied, FakeSignalling, session, stamp, stream, World } from "./world";

const offline = new Problem("offline", "");
const ringing = (id: string, overrides: Partial<Session> = {}) =>
  session({ id, caller_id: "bob", callee_id: "alice", caller_device_id: "bob's", status: "offered", ...overrides });

/** What Firestore says to a person beside their calls, in the words of a test. */
class FakeDirectory implements Directory {
  readonly hangups: string[] = [];
  readonly blocks: string[] = [];
  readonly sessions = new Map<string, Session | Problem>();
  listeners = 0;
  hear: (ringing: Ringing) => void = () => undefined;
  fail: (problem: Problem) => void = () => undefined;
  readonly watched = new Map<string, { next: (session: Session | undefined) => void; failed: (problem: Problem) => void }>();

  watchRinging(next: (ringing: Ringing) => void, failed: (problem: Problem) => void): () => void {
    this.listeners += 1;
    [this.hear, this.fail] = [next, failed];
    return () => {
      this.listeners -= 1;
    };
  }

  watchSession(
    id: string,
    next: (session: Session | undefined) => void,
    failed: (problem: Problem) => void,
  ): () => void {
    this.watched.set(id, { next, failed });
    return () => this.watched.delete(id);
  }

  session(id: string): Promise<Session | undefined> {
    const found = this.sessions.get(id);
    return found instanceof Problem ? Promise.reject(found) : Promise.resolve(found);
  }

  liveSessions(): Promise<Session[]> {
    return Promise.resolve([...this.sessions.values()].filter((each): each is Session => !(each instanceof Problem)));
  }

  hangUp(id: string, side: Side, reason: HangupReason): Promise<void> {
    this.hangups.push(`${side} ${reason} ${id}`);
    return id === "refused" ? Promise.reject(denied) : Promise.resolve();
  }

  block(uid: string): Promise<void> {
    this.blocks.push(uid);
    return Promise.resolve();
  }

  unblock(uid: string): Promise<void> {
    this.blocks.splice(this.blocks.indexOf(uid), 1);
    return Promise.resolve();
  }

  blocked(): Promise<string[]> {
    return Promise.resolve(this.blocks);
  }
}

/** Alice's phone, with what it tells its app. */
function phone() {
  const world = new World("alice");
  const directory = new FakeDirectory();
  const sessions = new Map<string, FakeSignalling>();
  const told = { incoming: [] as Call[], replaced: [] as [own: Call, survivor: Call | undefined][], deaf: [] as string[] };
  const signalling = (id: string) => sessions.get(id) ?? sessions.set(id, new FakeSignalling()).get(id) ?? new FakeSignalling();
  const switchboard = new Switchboard({ ...world.line, signalling }, directory, {
    incoming: (call) => told.incoming.push(call),
    replaced: (own, survivor) => told.replaced.push([own, survivor]),
    deaf: ({ code }) => told.deaf.push(code),
  });
  switchboard.start();
  const rings = (each: Session) => {
    directory.hear({ id: each.id, session: each, isNew: true });
  };
  return { switchboard, directory, signalling, rings, told, clock: world.clock, world };
}

async function callingBob({ switchboard, signalling }: ReturnType<typeof phone>) {
  const mine = stream();
  const own = switchboard.call("bob", "video", mine);
  await settled();
  await settled();
  return { own, mine, says: (overrides: Partial<Session>) => signalling(own.id).shows(session({ id: own.id, ...overrides })) };
}

function replaced({ told }: ReturnType<typeof phone>): (string | undefined)[][] {
  return told.replaced.map((calls) => calls.map((call) => call?.id));
}

// ---- Ringing

test("a call rings once, and hears from the listener that found it until it rings no longer", async () => {
  const { directory, signalling, rings, told } = phone();
  rings(ringing("a call"));
  directory.hear({ id: "a call", session: ringing("a call", { hangup: { by: "caller", reason: "cancel", at: stamp(0) } }), isNew: false });
  assert.deepEqual(told.incoming.map(({ id, end }) => [id, end]), [["a call", "cancelled"]]);
  rings(ringing("another"));
  assert.equal(signalling("another").watched, 1); // candidates
  directory.hear({ id: "another", session: undefined, isNew: false });
  assert.equal(signalling("another").watched, 2); // and from here on its session
  await signalling("another").shows(ringing("another", { status: "ended", end_reason: "missed" }));
  assert.equal(told.incoming[1]?.end, "missed");
});

test("a call that rings on goes on ringing where the listener broke, and does not ring twice when there is another", async () => {
  const { directory, signalling, rings, told, clock } = phone();
  rings(ringing("a call"));
  directory.fail(offline);
  assert.equal(signalling("a call").watched, 2);
  await clock.pass(1_000);
  assert.equal(directory.listeners, 2); // of which the first has failed
  rings(ringing("a call"));
  assert.deepEqual(told.incoming.map(({ stage }) => stage), ["incoming"]);
  await signalling("a call").shows(ringing("a call", { status: "ended", end_reason: "cancelled" }));
  assert.equal(told.incoming[0]?.end, "cancelled");
});

test("whoever is refused the listener for good is told that nobody can call them", async () => {
  const { directory, told, clock } = phone();
  for (let times = 0; times < 3; times += 1) {
    directory.fail(denied);
    await clock.pass(4_000);
  }
  assert.deepEqual(told.deaf, ["denied"]);
});

test("what was answered or hung up before it is heard of does not ring", () => {
  const { rings, told } = phone();
  rings(ringing("answered", answered({ id: "answered", caller_id: "bob", callee_id: "alice", status: "offered" })));
  rings(ringing("hung up", { hangup: { by: "caller", reason: "cancel", at: stamp(0) } }));
  assert.deepEqual(told.incoming, []);
});

test("a call that has been there and only changed does not ring", () => {
  const { directory, told } = phone();
  directory.hear({ id: "a call", session: ringing("a call"), isNew: false });
  assert.deepEqual(told.incoming, []);
});

// ---- Two that call each other

test("who is being called and calls is held until the server has decided, and rings if the own call ends otherwise", async () => {
  const alice = phone();
  const { own, says } = await callingBob(alice);
  alice.rings(ringing("bob's"));
  assert.deepEqual(alice.told.incoming, []);
  await says({ status: "ended", end_reason: "failed" });
  assert.equal(own.end, "failed");
  assert.deepEqual(alice.told.incoming.map(({ id }) => id), ["bob's"]);
});

test("somebody else rings, whoever is being called", async () => {
  const alice = phone();
  await callingBob(alice);
  alice.rings(ringing("carol's", { caller_id: "carol" }));
  assert.deepEqual(alice.told.incoming.map(({ id }) => id), ["carol's"]);
});

test("a call that is held and rings no longer does not ring later", async () => {
  const alice = phone();
  const { says } = await callingBob(alice);
  alice.rings(ringing("bob's"));
  alice.directory.hear({ id: "bob's", session: undefined, isNew: false });
  await says({ status: "ended", end_reason: "failed" });
  assert.deepEqual(alice.told.incoming, []);
});

test("after glare the other's call is answered at once, with the camera and microphone that are open", async () => {
  const alice = phone();
  const { own, mine, says } = await callingBob(alice);
  alice.rings(ringing("bob's"));
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  alice.directory.watched.get("bob's")?.next(ringing("bob's", { status: "pending" }));
  assert.equal(alice.told.replaced.length, 0);
  alice.directory.watched.get("bob's")?.next(ringing("bob's"));
  await settled();
  await settled();
  assert.deepEqual(replaced(alice), [[own.id, "bob's"]]);
  assert.deepEqual(alice.signalling("bob's").said, ["answer 1"]);
  assert.deepEqual(alice.world.peers.map(({ tracks }) => tracks), [mine.getTracks(), mine.getTracks()]);
  assert.deepEqual(alice.told.incoming, []);
  assert.equal(alice.directory.watched.size, 0);
});

test("the other's call does not ring where the listener for calls comes after the server's word on glare", async () => {
  const alice = phone();
  const { says } = await callingBob(alice);
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  alice.rings(ringing("bob's"));
  alice.directory.watched.get("bob's")?.next(ringing("bob's"));
  assert.deepEqual(alice.told.incoming, []);
  assert.equal(alice.told.replaced.length, 1);
});

for (const [what, seen] of [
  ["is over", ringing("bob's", { status: "ended", end_reason: "cancelled" })],
  ["was hung up", ringing("bob's", { hangup: { by: "caller", reason: "cancel", at: stamp(0) } })],
  ["was answered elsewhere", answered({ id: "bob's", caller_id: "bob", callee_id: "alice", status: "offered" })],
  ["is gone", undefined],
  ["may not be read", denied],
] as const) {
  test(`glare whose survivor ${what} is told as the end of both`, async () => {
    const alice = phone();
    const { own, says } = await callingBob(alice);
    await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
    const watching = alice.directory.watched.get("bob's");
    if (seen instanceof Problem) watching?.failed(seen);
    else watching?.next(seen);
    assert.deepEqual(replaced(alice), [[own.id, undefined]]);
    alice.rings(ringing("bob's"));
    assert.equal(alice.told.incoming.length, 1); // should it ring all the same, nobody has it silenced
  });
}

test("a call that rang before this side called is answered like any survivor", async () => {
  const alice = phone();
  alice.rings(ringing("bob's"));
  const { own, says } = await callingBob(alice);
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  await settled();
  assert.deepEqual(replaced(alice), [[own.id, "bob's"]]);
  assert.deepEqual(alice.signalling("bob's").said, ["answer 1"]);
});

test("a call that the person has answered by hand takes no other's camera and microphone", async () => {
  const alice = phone();
  alice.rings(ringing("bob's"));
  const { own, says } = await callingBob(alice);
  alice.told.incoming[0]?.answer(stream());
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  assert.deepEqual(replaced(alice), [[own.id, undefined]]);
});

test("what is told of a call after its end picks up nothing again", async () => {
  const alice = phone();
  const { own, says } = await callingBob(alice);
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  alice.directory.watched.clear();
  own.mark("a late picture");
  assert.equal(alice.directory.watched.size, 0);
});

test("a newer call of the same two takes the place of a running one by ringing", async () => {
  const alice = phone();
  const { own, says } = await callingBob(alice);
  await says({ ...connected(), id: own.id });
  alice.rings(ringing("bob's"));
  assert.deepEqual(alice.told.incoming.map(({ id }) => id), ["bob's"]);
  await says({ ...connected({ status: "ended", end_reason: "superseded", superseded_by: "bob's" }), id: own.id });
  assert.deepEqual(replaced(alice), []);
  assert.equal(alice.told.incoming[0]?.stage, "incoming");
});

test("a call that is held goes on being held while another own call is under way", async () => {
  const alice = phone();
  const first = await callingBob(alice);
  const second = await callingBob(alice);
  alice.rings(ringing("bob's"));
  await first.says({ status: "ended", end_reason: "superseded", superseded_by: second.own.id });
  assert.deepEqual(alice.told.incoming, []);
  await second.says({ status: "ended", end_reason: "failed" });
  assert.deepEqual(alice.told.incoming.map(({ id }) => id), ["bob's"]);
});

test("a call that was held when the listener broke does not ring unless it is heard of again", async () => {
  const alice = phone();
  const { says } = await callingBob(alice);
  alice.rings(ringing("bob's"));
  alice.directory.fail(offline);
  await says({ status: "ended", end_reason: "failed" });
  assert.equal(alice.told.incoming.length, 0);
  await alice.clock.pass(1_000);
  alice.rings(ringing("bob's"));
  assert.equal(alice.told.incoming.length, 1);
});

test("a call that was hung up while it was held does not ring", async () => {
  const alice = phone();
  const { says } = await callingBob(alice);
  alice.rings(ringing("bob's"));
  const hungUp = ringing("bob's", { hangup: { by: "caller", reason: "cancel", at: stamp(0) } });
  alice.directory.hear({ id: "bob's", session: hungUp, isNew: false });
  await says({ status: "ended", end_reason: "failed" });
  assert.deepEqual(alice.told.incoming, []);
});

test("a call that was held rings once", async () => {
  const alice = phone();
  const first = await callingBob(alice);
  alice.rings(ringing("bob's"));
  await first.says({ status: "ended", end_reason: "failed" });
  await alice.told.incoming[0]?.decline();
  const second = await callingBob(alice);
  await second.says({ status: "ended", end_reason: "failed" });
  assert.equal(alice.told.incoming.length, 1);
});

// ---- After a start

test("what this device left without a word is hung up, each in its way; a refusal keeps none of the others", async () => {
  const { switchboard, directory } = phone();
  const mine = { caller_device_id: "this device" };
  const to = { caller_id: "alice", callee_id: "bob" };
  const answer = { type: "answer", sdp: "", revision: 1, from: "callee", device_id: "this device" } as const;
  for (const left of [
    session({ id: "refused", ...mine, status: "offered" }),
    session({ id: "ringing", ...mine, status: "offered" }),
    connected({ id: "talking", ...mine }),
    ringing("answered here", { status: "answered", answer }),
    ringing("rings here"),
    session({ id: "of another device", ...to, caller_device_id: "another" }),
    session({ id: "to go on in", ...mine }),
  ]) {
    directory.sessions.set(left.id, left);
  }
  const own = switchboard.call("carol", "audio", stream());
  directory.sessions.set(own.id, session({ id: own.id, ...mine }));
  assert.equal(await switchboard.hangUpOrphans(["this device"], "to go on in"), 4);
  assert.deepEqual(directory.hangups, [
    "caller cancel refused",
    "caller cancel ringing",
    "caller hangup talking",
    "callee hangup answered here",
  ]);
});

test("a call can be gone on in while it is answered or connected, on a device of its own", async () => {
  const { switchboard, directory } = phone();
  const mine = { caller_device_id: "this device" };
  const expected = {
    connected: connected(mine),
    answered: answered(mine),
    "never answered": session({ ...mine, status: "offered" }),
    ended: connected({ ...mine, status: "ended" }),
    "hung up": connected({ ...mine, hangup: { by: "callee", reason: "hangup", at: stamp(0) } }),
    "without a device": ringing("", { status: "answered" }),
    "somebody else's": denied,
  };
  const found: string[] = [];
  for (const [what, each] of Object.entries(expected)) {
    directory.sessions.set("the call", each);
    if (await switchboard.rejoinable("the call")) found.push(what);
  }
  directory.sessions.delete("the call");
  assert.equal(await switchboard.rejoinable("the call"), undefined);
  assert.deepEqual(found, ["connected", "answered"]);
});

test("without a network nobody knows whether a call can be gone on in, and that is said", async () => {
  const { switchboard, directory } = phone();
  directory.sessions.set("the call", offline);
  await assert.rejects(switchboard.rejoinable("the call"), offline);
});

test("a call whose hangup did not get through is an orphan", async () => {
  const alice = phone();
  const { own } = await callingBob(alice);
  alice.directory.sessions.set(own.id, session({ id: own.id, caller_device_id: "this device" }));
  await own.hangUp();
  assert.equal(await alice.switchboard.hangUpOrphans(["this device"]), 1);
});

test("a call that is gone on in is no orphan", async () => {
  const { switchboard, directory } = phone();
  const left = connected({ caller_device_id: "this device" });
  directory.sessions.set(left.id, left);
  switchboard.rejoin(left, stream());
  assert.equal(await switchboard.hangUpOrphans(["this device"]), 0);
});

// ---- Blocking and closing

test("who was blocked is among the blocked until they are let in again", async () => {
  const { switchboard } = phone();
  await switchboard.block("bob");
  assert.deepEqual(await switchboard.blocked(), ["bob"]);
  await switchboard.unblock("bob");
  assert.deepEqual(await switchboard.blocked(), []);
});

test("closing ends what goes on, and nothing rings or is picked up afterwards", async () => {
  const alice = phone();
  const { own, says } = await callingBob(alice);
  const { own: second } = await callingBob(alice);
  await says({ status: "ended", end_reason: "glare", superseded_by: "bob's" });
  alice.rings(ringing("held"));
  alice.rings(ringing("carol's", { caller_id: "carol" }));
  await alice.switchboard.close();
  assert.deepEqual([own, second, ...alice.told.incoming].map(({ end }) => end), ["glare", "cancelled", "declined"]);
  assert.equal(alice.directory.listeners, 0);
  assert.equal(alice.directory.watched.size, 0);
});

test("nobody waits long for a hangup that does not get through", async () => {
  const alice = phone();
  const { own } = await callingBob(alice);
  alice.signalling(own.id).hangUp = () => new Promise(() => undefined);
  let closed = false;
  void alice.switchboard.close().then(() => {
    closed = true;
  });
  await alice.clock.pass(1_999);
  assert.equal(closed, false);
  await alice.clock.pass(1);
  assert.equal(closed, true);
  assert.equal(own.end, "cancelled");
});
