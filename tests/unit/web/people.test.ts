import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf, people, personIn } from "../../../web/src/page/people";

test("a person is meant by a whole link, or by an id with blanks around it", () => {
  assert.deepEqual(personIn("https://calls.example/#call=ada1&name=Ada+L%C3%B3velace"), { uid: "ada1", name: "Ada Lóvelace" });
  assert.deepEqual(personIn("#call=ada1"), { uid: "ada1", name: "" });
  assert.deepEqual(personIn("  ada1\n"), { uid: "ada1", name: "" });
});

for (const nobody of ["", "  ", "two words", "https://calls.example/", "https://calls.example/#about", "#call=", "#call=a%2Fb", "x".repeat(129)]) {
  test(`nobody is meant by ${JSON.stringify(nobody.slice(0, 40))}`, () => {
    assert.equal(personIn(nobody), undefined);
  });
}

test("a link's name can neither be endless nor turn the words around it", () => {
  assert.equal(personIn(`#call=a&name=${"a".repeat(99)}`)?.name, "a".repeat(40));
  assert.equal(personIn(`#call=a&name=${encodeURIComponent("\u202eada")}`)?.name, "ada");
});

test("somebody without a name has one all the same", () => {
  assert.equal(nameOf("abcdefgh"), "Guest abcd");
  assert.equal(nameOf("abcdefgh", " \u200b "), "Guest abcd");
  assert.equal(nameOf("abcdefgh", "Ada"), "Ada");
});

test("what somebody else left in the browser's storage breaks nothing", () => {
  for (const left of ["no JSON", "{}", '[1, null, {"uid": 1}]']) {
    Object.assign(globalThis, { localStorage: { getItem: () => left } });
    assert.deepEqual(people(), []);
  }
});
