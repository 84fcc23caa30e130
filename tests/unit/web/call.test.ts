import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../../../web/src/lib/call";
import { RelayCredentials } from "../../../web/src/lib/credentials";
import { Problem } from "../../../web/src/lib/problem";
import { settled } from "./clock";
import { answered, candidate, connected, denied, ID, LASTING_MS, sdp, session, stamp, stream, World } from "./world";

const MINUTE = 60_000;
const offer = (revision: number, from: "caller" | "callee", peer = "theirs") => ({
  offer: { type: "offer", sdp: sdp(peer), revision, from },
  accepted: { offer: revision - 1, answer: revision - 1 },
});

// ---- Calling

test("a call is written with its offer, and its candidates follow once it stands", async () => {
  const world = new World();
  const call = await world.dial();
  assert.deepEqual(world.signalling.said, ["dial bob"]);
  world.peer.events.gathered(candidate(1));
  await world.clock.pass(100);
  assert.equal(world.signalling.batches[0]?.id, "caller-1-0");
  assert.equal(call.stage, "dialling");
});

test("a caller hears the call ring from `offered` on, and sees it connect", async () => {
  const world = new World();
  const call = await world.dial();
  await world.signalling.shows(session({ status: "offered" }));
  assert.equal(call.stage, "ringing");
  await world.signalling.shows(answered());
  assert.equal(call.stage, "connecting");
  world.peer.events.ice("connected");
  assert.equal(call.stage, "connected");
  assert.deepEqual(world.peer.log, ["track", "offer", "took answer"]);
  await world.clock.pass(LASTING_MS);
  assert.deepEqual(world.signalling.said, ["dial bob", "ice connected"]);
});

test("an answer is applied as soon as it arrives, before the server has stamped it", async () => {
  const world = new World();
  await world.dial();
  await world.signalling.shows(answered({ status: "offered" }));
  assert.ok(world.peer.log.includes("took answer"));
});

test("a call that was refused is not placed, and tells why", async () => {
  const world = new World();
  world.signalling.refusing = denied;
  const call = await world.dial();
  assert.equal(call.end, "not_placed");
  assert.equal(call.problem?.code, "denied");
  assert.deepEqual(world.signalling.hangups, []);
});

test("a call without a network is not placed", async () => {
  const world = new World();
  world.signalling.refusing = new Problem("offline", "");
  const call = await world.dial();
  assert.equal(call.problem?.code, "offline");
});

test("a microphone that was refused ends the call before anything was written", async () => {
  const world = new World();
  const refused = Promise.reject(new Problem("microphone_refused", ""));
  const call = Call.dial(world.line, ID, "bob", "video", refused);
  await settled();
  assert.equal(call.problem?.code, "microphone_refused");
  assert.deepEqual(world.signalling.said, []);
});

for (const code of ["no_relay", "limited", "cut_off"] as const) {
  test(`a call that may go without a relay does so where there is none for this person (${code})`, async () => {
    const world = new World();
    const credentials = new RelayCredentials(() => Promise.reject(new Problem(code, "")), world.clock);
    for (const relayOnly of [false, true]) {
      const call = Call.dial({ ...world.line, credentials, relayOnly }, ID, "bob", "video", stream());
      await settled();
      assert.equal(call.problem?.code, relayOnly ? code : undefined);
    }
    assert.deepEqual(world.signalling.said, ["dial bob"]);
  });
}

test("whoever gives up while the call is being written cancels it as soon as it stands", async () => {
  const world = new World();
  const call = Call.dial(world.line, ID, "bob", "video", stream());
  await settled();
  void call.hangUp();
  await settled();
  assert.equal(call.end, "cancelled");
  assert.deepEqual(world.signalling.hangups, ["cancel"]);
});

test("a call whose writing broke off may stand all the same, and is cancelled as soon as there is a network", async () => {
  const world = new World();
  world.signalling.refusing = new Problem("offline", "");
  const call = await world.dial();
  assert.equal(call.end, "not_placed");
  assert.deepEqual(world.signalling.hangups, ["cancel"]);
});

for (const [isConnected, batches] of [[true, 1], [false, 2]] as const) {
  test(`the end of the candidates alone is ${isConnected ? "not sent" : "sent"} where ICE has ${isConnected ? "" : "not "}connected`, async () => {
    const world = new World();
    await world.dial();
    await world.clock.pass(100);
    await world.signalling.shows(answered());
    if (isConnected) world.peer.events.ice("connected");
    world.peer.events.gathered({ ...candidate(1), candidate: "" });
    await world.clock.pass(2_000);
    assert.equal(world.signalling.batches.length, batches);
  });
}

test("whoever is unsubscribed by another listener hears nothing more", async () => {
  const world = new World();
  const call = await world.dial();
  let heard = 0;
  let stop: () => void = () => undefined;
  call.subscribe(() => {
    stop();
  });
  stop = call.subscribe(() => {
    heard += 1;
  });
  await world.signalling.shows(session({ status: "offered" }));
  assert.equal(heard, 0);
});

test("nobody listens for a call that is not written yet", async () => {
  const world = new World();
  world.signalling.dial = () => new Promise(() => undefined);
  await world.dial();
  assert.equal(world.signalling.watched, 0);
});

test("what ICE is in for an instant is not reported", async () => {
  const world = new World();
  await world.connected();
  const said = [...world.signalling.said];
  world.peer.events.ice("lost");
  await world.clock.pass(LASTING_MS - 1);
  world.peer.events.ice("connected");
  await world.clock.pass(LASTING_MS);
  assert.deepEqual(world.signalling.said, said);
});

test("a call of an instant has its connection in the history", async () => {
  const world = new World();
  const call = await world.dial();
  await world.signalling.shows(answered());
  world.peer.events.ice("connected");
  await call.hangUp();
  assert.equal(world.signalling.said.at(-1), "ice connected");
  await world.clock.pass(MINUTE);
  assert.equal(world.signalling.said.filter((each) => each === "ice connected").length, 1);
});

test("a call that rings is cancelled, one that was answered is hung up", async () => {
  const [ringing, talking] = [new World(), new World()];
  const one = await ringing.dial();
  await ringing.signalling.shows(session({ status: "offered" }));
  await one.hangUp();
  assert.deepEqual(ringing.signalling.hangups, ["cancel"]);
  await (await talking.connected()).hangUp();
  assert.deepEqual(talking.signalling.hangups, ["hangup"]);
});

test("a caller stops at the deadline by itself, however late the sweep is", async () => {
  const world = new World();
  const call = await world.dial();
  await world.clock.pass(5_000);
  await world.signalling.shows(session({ status: "offered" }));
  await world.clock.pass(30_900);
  assert.equal(call.stage, "ringing");
  await world.clock.pass(100);
  assert.equal(call.end, "missed");
});

test("a call that no server looks at ends after half a minute", async () => {
  const world = new World();
  const call = await world.dial();
  await world.clock.pass(30_000);
  assert.equal(call.end, "expired");
});

for (const reason of ["busy", "glare", "declined", "missed", "invalid_offer"] as const) {
  test(`a caller hears that the call ended ${reason}`, async () => {
    const world = new World();
    const call = await world.dial();
    await world.signalling.shows(session({ status: "ended", end_reason: reason }));
    assert.equal(call.end, reason);
    assert.ok(world.peer.closed);
    assert.equal(world.signalling.stopped, 2);
  });
}

// ---- Being called

test("a call rings for the time between the server's two stamps, whatever the device's clock says", async () => {
  const world = new World();
  world.clock.wrongByMs = 3 * 86_400_000;
  const call = await world.incoming();
  await world.clock.pass(29_999);
  assert.equal(call.stage, "incoming");
  await world.clock.pass(1);
  assert.equal(call.end, "missed");
  assert.deepEqual(world.signalling.hangups, []);
});

test("a call without the server's stamps rings for half a minute", async () => {
  const world = new World();
  const ringing = session({ caller_id: "bob", callee_id: "alice", status: "offered" });
  delete ringing.deadline;
  const call = Call.incoming(world.line, ringing, () => () => undefined);
  await world.clock.pass(30_000);
  assert.equal(call.end, "missed");
});

test("an answered call stops ringing, joins, and reports what ICE reached before the answer stood", async () => {
  const world = new World();
  const call = await world.incoming();
  call.answer(stream());
  world.online = true;
  await settled();
  await settled();
  assert.deepEqual(world.signalling.said, ["answer 1"]);
  world.peer.events.ice("connected");
  await world.signalling.shows(answered({ caller_id: "bob", callee_id: "alice" }));
  await world.clock.pass(LASTING_MS);
  assert.deepEqual(world.signalling.said, ["answer 1", "ice connected"]);
  await world.clock.pass(MINUTE);
  assert.equal(call.stage, "connected");
});

test("a call that another device answers stops here and is not ended", async () => {
  const world = new World();
  const call = await world.incoming();
  world.ring(answered({ caller_id: "bob", callee_id: "alice", status: "offered" }));
  assert.equal(call.end, "answered_elsewhere");
  assert.deepEqual(world.signalling.hangups, []);
});

test("whoever answers too late is told so, and ends nobody's call", async () => {
  const world = new World();
  const call = await world.incoming();
  world.signalling.refusing = denied;
  call.answer(stream());
  await settled();
  await settled();
  assert.equal(call.problem?.code, "too_late");
  assert.deepEqual(world.signalling.hangups, []);
});

test("a caller's hangup stops the ringing before the server has seen it", async () => {
  const world = new World();
  const call = await world.incoming();
  const hangup = { by: "caller", reason: "cancel", at: stamp(0) } as const;
  world.ring(session({ caller_id: "bob", callee_id: "alice", status: "offered", hangup }));
  assert.equal(call.end, "cancelled");
});

test("a call that rings has no listener of its own, and one as soon as it rings no longer", async () => {
  const world = new World();
  const call = await world.incoming();
  const candidatesOnly = 1;
  assert.equal(world.signalling.watched, candidatesOnly);
  world.ring(undefined);
  assert.equal(world.signalling.watched, candidatesOnly + 1);
  await world.signalling.shows(session({ status: "ended", end_reason: "missed" }));
  assert.equal(call.end, "missed");
});

test("an answered call listens by itself, once", async () => {
  const world = new World();
  await world.picksUp();
  world.ring(undefined);
  assert.equal(world.signalling.watched, 2);
});

test("a call that rings has a connection that gathers ahead, and is answered with that", async () => {
  const world = new World();
  const call = await world.incoming();
  assert.equal(world.peers.length, 1);
  assert.deepEqual(world.peer.log, []); // nothing of this side's is in it yet
  call.answer(stream());
  await settled();
  await settled();
  assert.deepEqual(world.peers.map(({ log }) => log), [["track", "answer to an offer"]]);
  assert.deepEqual(world.signalling.said, ["answer 1"]);
});

test("only a connection that has to wait for its description gathers ahead", async () => {
  const ringing = new World();
  const call = await ringing.incoming();
  call.answer(stream());
  await settled();
  assert.deepEqual(ringing.peers.map(({ gathersAhead }) => gathersAhead), [true]);
  const dialling = new World();
  await dialling.dial();
  assert.deepEqual(dialling.peers.map(({ gathersAhead }) => gathersAhead), [false]);
});

test("a call that had better not gather ahead has its connection when it is answered", async () => {
  const world = new World();
  world.mayGatherAhead = false;
  const call = await world.incoming();
  assert.equal(world.peers.length, 0);
  call.answer(stream());
  await settled();
  await settled();
  assert.deepEqual(world.peers.map(({ gathersAhead }) => gathersAhead), [false]);
  assert.deepEqual(world.signalling.said, ["answer 1"]);
});

function ringsWithoutCredentials() {
  const world = new World();
  const offered = session({ caller_id: "bob", callee_id: "alice", status: "offered" });
  return { world, call: Call.incoming(world.line, offered, () => () => undefined) };
}

test("a call that is answered while its credentials arrive opens one connection", async () => {
  for (let steps = 0; steps < 12; steps += 1) {
    const { world, call } = ringsWithoutCredentials();
    for (let step = 0; step < steps; step += 1) await Promise.resolve();
    call.answer(stream());
    await settled();
    await settled();
    assert.equal(world.peers.length, 1, `answered after ${steps} steps`);
    assert.deepEqual(world.signalling.said, ["answer 1"]);
  }
});

test("a call that is declined before its credentials are there opens none", async () => {
  const { world, call } = ringsWithoutCredentials();
  await call.decline();
  await settled();
  assert.equal(world.peers.length, 0);
});

test("whatever ends the ringing gives back what was gathered ahead", async () => {
  const ways: ((call: Call, world: World) => unknown)[] = [
    (call) => call.decline(),
    (_, world) => {
      world.ring(answered({ caller_id: "bob", callee_id: "alice" }));
    },
    (_, world) => world.clock.pass(30_000),
  ];
  for (const way of ways) {
    const world = new World();
    const call = await world.incoming();
    await way(call, world);
    assert.equal(call.stage, "ended");
    assert.ok(world.peer.closed);
  }
});

test("credentials that were renewed while it rang are what the answer is made with", async () => {
  const world = new World();
  const call = await world.incoming();
  world.line.credentials.discard(undefined);
  call.answer(stream());
  await settled();
  await settled();
  assert.equal(world.asked, 2);
  assert.equal(world.peer.servers.length, 2);
});

async function answeringWithoutACandidate() {
  const world = new World();
  world.gathers = "later";
  const call = await world.incoming();
  call.answer(stream());
  return { world, call };
}

test("an answer waits for its first candidate, and what it carries is not sent again", async () => {
  const { world } = await answeringWithoutACandidate();
  await world.clock.pass(120);
  assert.deepEqual(world.signalling.said, []);
  world.peer.gather();
  await settled();
  assert.deepEqual(world.signalling.said, ["answer 1"]);
  await world.clock.pass(1000);
  assert.deepEqual(world.signalling.batches, []);
});

test("an answer without a candidate goes out after a fifth of a second", async () => {
  const { world } = await answeringWithoutACandidate();
  await world.clock.pass(199);
  assert.deepEqual(world.signalling.said, []);
  await world.clock.pass(1);
  assert.deepEqual(world.signalling.said, ["answer 1"]);
});

test("a caller who gives up while an answer waits for its candidate is not answered", async () => {
  const { world, call } = await answeringWithoutACandidate();
  await world.clock.pass(50);
  world.ring(session({ caller_id: "bob", callee_id: "alice", status: "ended", end_reason: "cancelled" }));
  await world.clock.pass(1000);
  assert.equal(call.end, "cancelled");
  assert.deepEqual(world.signalling.said, []);
});

test("a declined call says so", async () => {
  const world = new World();
  const call = await world.incoming();
  await call.hangUp();
  assert.equal(call.end, "declined");
  assert.deepEqual(world.signalling.hangups, ["decline"]);
});

test("the other side's candidates wait for its description, whichever comes first", async () => {
  const world = new World();
  await world.dial();
  await world.signalling.brings("callee", 1, 0, candidate(1));
  assert.deepEqual(world.peer.candidates, []);
  await world.signalling.shows(answered());
  assert.deepEqual(world.peer.candidates, ["candidate:1"]);
  await world.signalling.brings("callee", 1, 1, candidate(2));
  assert.deepEqual(world.peer.candidates, ["candidate:1", "candidate:2"]);
});

// ---- Going on

test("a lost connection is reported, restarted with fresh credentials, and reported again", async () => {
  const world = new World();
  const call = await world.connected();
  await world.clock.pass(56 * MINUTE);
  world.peer.events.ice("lost");
  assert.equal(call.stage, "reconnecting");
  await world.clock.pass(1_000);
  assert.deepEqual(world.peer.log.slice(3), ["restart"]);
  assert.equal(world.asked, 2);
  assert.equal(world.peer.servers.length, 2);
  await world.signalling.shows(connected({ ...offer(2, "caller"), answer: { type: "answer", sdp: sdp("theirs"), revision: 2, from: "callee" } }));
  world.peer.events.ice("connected");
  assert.equal(call.stage, "connected");
  await world.clock.pass(LASTING_MS);
  assert.deepEqual(world.signalling.said.filter((each) => each !== "alive"), [
    "dial bob", "ice connected", "ice disconnected", "offer 2", "ice connected",
  ]);
});

test("the third attempt is a new peer connection, and then the call is lost until the person tries again", async () => {
  const world = new World();
  const call = await world.connected();
  world.peer.events.ice("lost");
  await world.clock.pass(MINUTE);
  assert.equal(world.peers.length, 2);
  assert.ok(world.peers[0]?.closed);
  assert.deepEqual(world.peer.log, ["track", "offer"]);
  assert.equal(call.stage, "lost");
  assert.equal(world.signalling.said.at(-1), "ice failed");
  assert.deepEqual(world.signalling.hangups, []);
  call.reconnect();
  assert.equal(call.stage, "reconnecting");
});

test("while the device is offline or the relay is down, no attempt is made", async () => {
  const world = new World();
  await world.connected();
  world.relayUp = false;
  world.peer.events.ice("lost");
  await world.clock.pass(MINUTE);
  world.relayUp = true;
  world.online = false;
  await world.clock.pass(MINUTE / 2);
  assert.ok(!world.signalling.said.includes("offer 2"));
  world.online = true;
  await world.clock.pass(1_000);
  assert.ok(world.signalling.said.includes("offer 2"));
});

test("the other side's restart is answered in the same connection, with its candidates", async () => {
  const world = new World();
  await world.connected();
  await world.signalling.brings("callee", 2, 0, candidate(7));
  await world.signalling.shows(connected(offer(2, "callee")));
  assert.equal(world.peers.length, 1);
  assert.equal(world.signalling.said.at(-1), "answer 2");
  assert.deepEqual(world.peer.candidates, ["candidate:7"]);
});

test("a re-offer that changes nothing about the connection is answered at once", async () => {
  const world = new World();
  await world.connected();
  world.peer.gathers = "nothing";
  await world.signalling.shows(connected(offer(2, "callee")));
  assert.equal(world.signalling.said.at(-1), "answer 2");
});

test("a re-offer with other fingerprints is answered by a new connection, which sends the same", async () => {
  const world = new World();
  const call = await world.connected();
  await world.signalling.shows(connected(offer(2, "callee", "reloaded")));
  assert.equal(world.peers.length, 2);
  assert.deepEqual(world.peer.log, ["track", "answer to an offer"]);
  assert.equal(world.signalling.said.at(-1), "answer 2");
  assert.equal(call.stage, "connected");
});

test("of two offers at the same moment the one that was refused is rolled back, and the other answered", async () => {
  const world = new World();
  await world.connected();
  world.signalling.refusing = denied;
  world.peer.events.negotiationNeeded();
  await settled();
  world.signalling.refusing = undefined;
  await world.signalling.shows(connected(offer(2, "callee")));
  assert.equal(world.signalling.said.at(-1), "answer 2");
  await world.signalling.shows(
    connected({ ...offer(2, "callee"), answer: { type: "answer", sdp: "", revision: 2, from: "caller" }, accepted: { offer: 2, answer: 2 } }),
  );
  assert.equal(world.signalling.said.at(-1), "offer 3"); // what was to be agreed on still is
});

test("an offer that the network swallowed is made again", async () => {
  const world = new World();
  await world.connected();
  world.signalling.refusing = new Problem("offline", "");
  world.peer.events.negotiationNeeded();
  await settled();
  world.signalling.refusing = undefined;
  await world.clock.pass(1_000);
  assert.deepEqual(world.signalling.said.slice(-2), ["offer 2", "offer 2"]);
});

test("a credential that the relay refuses is replaced, and ICE restarts with the new one", async () => {
  const world = new World();
  await world.dial();
  world.peer.events.unauthorized();
  await world.signalling.shows(answered());
  assert.equal(world.asked, 2);
  assert.equal(world.signalling.said.at(-1), "offer 2");
  assert.ok(world.peer.log.includes("restart"));
});

test("where nothing of a relay came of gathering ahead, another credential is asked for, and ICE restarts with it", async () => {
  const world = new World();
  await world.picksUp();
  world.peer.events.withoutRelay();
  await world.signalling.shows(answered({ caller_id: "bob", callee_id: "alice", status: "answered", accepted: { offer: 1, answer: 1 } }));
  await settled();
  assert.equal(world.asked, 2);
  assert.equal(world.signalling.said.at(-1), "offer 2");
  assert.ok(world.peer.log.includes("restart"));
});

test("a call says every ten minutes that it is alive, from `connected` on", async () => {
  const world = new World();
  const call = await world.connected();
  await world.clock.pass(25 * MINUTE);
  assert.deepEqual(world.signalling.said.filter((each) => each === "alive").length, 2);
  await call.hangUp();
  await world.clock.pass(25 * MINUTE);
  assert.deepEqual(world.signalling.said.filter((each) => each === "alive").length, 2);
});

test("an app that was killed goes on in its call with a new connection, as soon as it may offer", async () => {
  const world = new World();
  const call = Call.rejoin(world.line, connected(), stream());
  await world.clock.pass(0);
  await world.clock.pass(0);
  assert.deepEqual(world.signalling.said, ["offer 2"]);
  assert.deepEqual(world.peer.log, ["track", "offer"]);
  await world.signalling.shows(connected({ ...offer(2, "caller"), answer: { type: "answer", sdp: sdp("t"), revision: 2, from: "callee" } }));
  world.peer.events.ice("connected");
  assert.equal(call.stage, "connected");
  await world.clock.pass(LASTING_MS);
  assert.deepEqual(world.signalling.said, ["offer 2", "ice connected"]);
});

test("an app that comes back without a microphone hangs up its call, and does not say that it was never placed", async () => {
  const world = new World();
  const call = Call.rejoin(world.line, connected(), Promise.reject(new Problem("microphone_refused", "")));
  await settled();
  assert.equal(call.end, "failed");
  assert.equal(call.problem?.code, "microphone_refused");
  assert.deepEqual(world.signalling.hangups, ["failed"]);
});

test("an app that comes back hears of the end while the person is still asked for the microphone", async () => {
  const world = new World();
  const call = Call.rejoin(world.line, connected(), new Promise(() => undefined));
  await world.signalling.shows(connected({ hangup: { by: "callee", reason: "hangup", at: stamp(0) } }));
  assert.equal(call.end, "hangup");
});

test("whoever hangs up before an app is back in its call is heard, and nothing goes on behind it", async () => {
  const world = new World();
  let allow: (media: MediaStream) => void = () => undefined;
  const microphone = new Promise<MediaStream>((resolve) => {
    allow = resolve;
  });
  const call = Call.rejoin(world.line, connected(), microphone);
  await call.hangUp();
  allow(stream());
  await world.clock.pass(MINUTE);
  assert.deepEqual(world.signalling.hangups, ["hangup"]);
  assert.equal(world.signalling.stopped, world.signalling.watched);
  assert.deepEqual(world.peers, []);
});

// ---- The end

test("a session that was purged while the device slept has ended", async () => {
  const world = new World();
  const call = await world.connected();
  await world.signalling.shows(undefined);
  assert.equal(call.end, "expired");
});

test("a listener that breaks is replaced, and one that is denied for good ends the call", async () => {
  const world = new World();
  const call = await world.connected();
  await world.signalling.fails(new Problem("offline", ""));
  await world.clock.pass(1_000);
  await world.signalling.shows(session({ status: "ended", end_reason: "hangup" }));
  assert.equal(call.end, "hangup");

  const other = new World();
  const refused = await other.connected();
  for (let times = 0; times < 3; times += 1) {
    await other.signalling.fails(denied);
    await other.clock.pass(30_000);
  }
  assert.equal(refused.stage, "ended");
});

test("a caller who may no longer listen while it rings cancels, since only a callee may decline", async () => {
  const world = new World();
  const call = await world.dial();
  await world.signalling.shows(session({ status: "offered" }));
  await world.signalling.fails(new Problem("signed_out", ""));
  assert.equal(call.end, "failed");
  assert.deepEqual(world.signalling.hangups, ["cancel"]);
});

test("after the end nothing moves any more: no timer, no attempt, no word", async () => {
  const world = new World();
  const call = await world.connected();
  await call.hangUp();
  const said = [...world.signalling.said];
  world.peer.events.ice("lost");
  world.peer.events.gathered(candidate(1));
  await world.signalling.shows(connected(offer(2, "callee")));
  await world.clock.pass(60 * MINUTE);
  assert.deepEqual(world.signalling.said, said);
  assert.equal(call.end, "hangup");
});
