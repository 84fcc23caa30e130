import assert from "node:assert/strict";
import { test } from "node:test";
import { gathersAnew, nameIn, withName } from "../../../web/src/lib/sdp";

const SDP = "v=0\r\ns=-\r\nm=audio 9\r\n";
const arrives = (name: string) => nameIn(withName(SDP, name));
const said = (encoded: string) => nameIn(`v=0\r\na=x-display-name:${encoded}\r\nm=audio 9\r\n`);

test("a name arrives as it was given, whatever its script", () => {
  for (const name of ["Ada", "Zoë Müller", "李雷", "<b>Bo</b> & \"Co\"", "👩‍🚀 Cleo", "نور"]) assert.equal(arrives(name), name);
});

test("a name is one line and no more, and stays a description's attribute", () => {
  const sdp = withName(SDP, "Ada\r\na=setup:active");
  assert.equal(sdp.split("\r\n").length, SDP.split("\r\n").length + 1);
  assert.equal(nameIn(sdp), "Ada a=setup:active");
});

test("a description with none of the old user fragments gathers anew; one that keeps any of them does not", () => {
  const described = (...fragments: string[]) => fragments.map((each) => `m=audio 9\r\na=ice-ufrag:${each}\r\n`).join("");
  assert.ok(gathersAnew("", described("aaaa", "aaaa")));
  assert.ok(gathersAnew(described("aaaa"), described("bbbb")));
  assert.ok(!gathersAnew(described("aaaa"), described("aaaa")));
  assert.ok(!gathersAnew(described("aaaa"), described("aaaa", "bbbb"))); // a section more, on its way into the bundle
  assert.ok(gathersAnew(described("aaaa"), described("AAAA"))); // they are compared as they stand
});

test("a long name is cut between two characters, not inside one", () => {
  assert.equal(arrives("👩‍🚀".repeat(60)), "👩‍🚀".repeat(40));
  assert.equal(arrives("a".repeat(60)), "a".repeat(40));
  assert.equal(arrives(`e${"\u0301".repeat(3000)}`)?.length, 200);
});

test("a name cannot turn the words around it, break their line, or be there without being seen", () => {
  assert.equal(said(encodeURIComponent("\u202eadA\u2066")), "adA");
  assert.equal(said(encodeURIComponent("A\u0000d\u2028a\u0085")), "A d a");
  for (const nothing of ["", "   ", "\u200b\u200d", "\u3000"]) assert.equal(said(encodeURIComponent(nothing)), undefined);
  assert.equal(said("%E0%A4%A"), undefined);
});
