// The page: who is signed in, whom they may call, who calls them. What happens in a call is in stage.ts.

import { initializeApp } from "firebase/app";
import {
  browserSessionPersistence,
  connectAuthEmulator,
  createUserWithEmailAndPassword,
  initializeAuth,
  onAuthStateChanged,
  signInAnonymously,
  signInWithEmailAndPassword,
  signOut,
  updateProfile,
  type Auth,
  type User,
} from "firebase/auth";
import { connectFirestoreEmulator, getFirestore, type Firestore } from "firebase/firestore";
import { connectFunctionsEmulator, getFunctions, type Functions } from "firebase/functions";
import { asProblem, Client, Problem, type Call, type Media } from "../lib";
import { firebaseCode } from "../lib/problem";
import { findDeployment, HintedProblem, REGION, type Deployment } from "./deployment";
import { callToRejoin, claimDevice, deadDevices } from "./device";
import { $, alertPerson, onClick, showAvatar, showView, withdrawAlert } from "./dom";
import { openMedia } from "./media";
import { callLink, nameOf, people, personIn, remember } from "./people";
import { Ringer } from "./ringing";
import { Stage } from "./stage";
import { problemWords } from "./words";

const RELAY_ONLY = "webrtc-lite.relay-only";
const COPIED_MS = 2000;
const GO_ON_AGAIN_MS = 3000;
const ORPHANS_AFTER_MS = 3000; // a tab that is being reloaded has let go of its device for a moment

interface Firebase {
  readonly auth: Auth;
  readonly firestore: Firestore;
  readonly functions: Functions;
}

class Page {
  readonly #firebase: Firebase;
  readonly #ringer = new Ringer();
  readonly #stage: Stage;
  #deviceId = "";
  #client: Client | undefined;
  #user: User | undefined;
  #incoming: Call | undefined;
  #alsoRings: Call[] = [];
  #blocked: string[] = [];
  #isSigningIn = false;
  #isSigningOut = false;

  constructor(firebase: Firebase, local: boolean) {
    this.#firebase = firebase;
    this.#stage = new Stage(this.#ringer, () => {
      this.#showHome();
    });
    this.#wireSignIn(local);
    this.#wireHome();
    this.#wireIncoming();
    onClick("alert-close", () => {
      alertPerson("");
    });
    const showNetwork = () => {
      $("offline").hidden = navigator.onLine;
    };
    addEventListener("online", showNetwork);
    addEventListener("offline", showNetwork);
    showNetwork();
    addEventListener("hashchange", () => {
      this.#takeInvitation();
    });
    addEventListener("storage", () => {
      this.#showPeople();
    });
  }

  async start(): Promise<void> {
    this.#deviceId = await claimDevice();
    const asked = new URLSearchParams(location.search).get("relay");
    if (asked !== null) sessionStorage.setItem(RELAY_ONLY, asked === "only" ? "yes" : "");
    $<HTMLInputElement>("relay-only").checked = sessionStorage.getItem(RELAY_ONLY) === "yes";
    onAuthStateChanged(this.#firebase.auth, (user) => {
      if (user?.uid === this.#user?.uid && user !== null) return;
      void this.#signedIn(user ?? undefined);
    });
  }

  // ---- Signing in and out

  #wireSignIn(local: boolean): void {
    const { auth } = this.#firebase;
    const read = (id: string) => $<HTMLInputElement>(id).value.trim();
    const password = () => $<HTMLInputElement>("password").value; // with its blanks, if it has some
    onClick("guest", () => this.#signIn(() => signInAnonymously(auth), read("name")));
    $("name").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || read("email") !== "") return;
      event.preventDefault(); // the form's own button asks for an e-mail address
      $("guest").click();
    });
    onClick("sign-up", () =>
      this.#signIn(() => createUserWithEmailAndPassword(auth, read("email"), password()), read("name")),
    );
    $("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#signIn(() => signInWithEmailAndPassword(auth, read("email"), password()), read("name"));
    });
    $("test-users").hidden = !local;
    for (const button of $("test-users").querySelectorAll("button")) {
      const name = button.dataset["user"] ?? "";
      const email = `${name.toLowerCase()}@example.com`;
      button.addEventListener("click", () => {
        void this.#signIn(async () => {
          await createUserWithEmailAndPassword(auth, email, "password").catch((error: unknown) => {
            if (firebaseCode(error) !== "email-already-in-use") throw error;
          });
          await signInWithEmailAndPassword(auth, email, "password");
        }, name);
      });
    }
    onClick("sign-out", () => this.#signOut());
  }

  async #signIn(how: () => Promise<unknown>, name: string): Promise<void> {
    if (this.#isSigningIn) return;
    this.#isSigningIn = true;
    $("sign-in").setAttribute("aria-busy", "true");
    alertPerson("");
    this.#nameAtSignIn = name;
    try {
      await how();
    } catch (error) {
      alertPerson(signInWords(error));
    }
    $("sign-in").removeAttribute("aria-busy");
    this.#isSigningIn = false;
  }

  #nameAtSignIn = "";

  async #signOut(): Promise<void> {
    this.#isSigningOut = true;
    await this.#client?.close();
    await signOut(this.#firebase.auth);
  }

  async #signedIn(user: User | undefined): Promise<void> {
    void this.#client?.close();
    this.#client = undefined;
    this.#listBlocked([]);
    const before = this.#user;
    this.#user = user;
    $("me").hidden = !user;
    this.#takeInvitation();
    if (!user) {
      if (before) callToRejoin.clear();
      if (before && !this.#isSigningOut) alertPerson(problemWords(new Problem("signed_out", "")));
      this.#isSigningOut = false;
      $<HTMLInputElement>("password").value = "";
      this.#stopRinging();
      showView("sign-in");
      return;
    }
    if (this.#nameAtSignIn !== "" && user.displayName !== this.#nameAtSignIn) {
      await updateProfile(user, { displayName: this.#nameAtSignIn }).catch((error: unknown) => {
        alertPerson(problemWords(asProblem(error))); // it can be given again under Settings
      });
      if (this.#user !== user) return; // signed out meanwhile
    }
    this.#showMe(user);
    this.#listen(user);
    this.#showHome();
    await this.#goOn();
  }

  #showMe(user: User): void {
    const name = user.displayName ?? nameOf(user.uid);
    $("me-name").textContent = name;
    showAvatar("me-avatar", name);
    $<HTMLInputElement>("rename").value = user.displayName ?? "";
    $("link").textContent = callLink({ uid: user.uid, name: user.displayName ?? "" });
    $("uid").textContent = user.uid;
    remember({ uid: user.uid, name });
  }

  #listen(user: User): void {
    const { firestore, functions } = this.#firebase;
    const client = new Client(
      {
        firestore,
        functions,
        uid: user.uid,
        deviceId: this.#deviceId,
        relayOnly: sessionStorage.getItem(RELAY_ONLY) === "yes",
        name: () => user.displayName ?? "",
        refreshToken: () => user.getIdToken(true),
      },
      {
        incoming: (call) => {
          this.#ring(call);
        },
        replaced: (own, survivor) => {
          if (survivor) this.#enter(survivor);
          else this.#stage.letGo(own);
        },
        deaf: (problem) => {
          alertPerson(`Nobody can call you here any more. ${problemWords(problem.code === "denied" ? new Problem("signed_out", "") : problem)}`);
        },
      },
    );
    this.#client = client;
    client.start();
  }

  /** After a start: back into the call that this tab was in, and no other that somebody still waits in. */
  async #goOn(isAgain = false): Promise<void> {
    const client = this.#client;
    const user = this.#user;
    const id = callToRejoin.get();
    if (!client) return;
    try {
      const found = id === undefined ? undefined : await client.rejoinable(id);
      if (this.#user !== user || this.#isSigningOut) return;
      if (this.#client !== client) {
        await this.#goOn(isAgain); // with the one that has taken its place, and its settings
        return;
      }
      // Whoever has begun another call meanwhile stays in that, or has ended it.
      const session = this.#isInCall || callToRejoin.get() !== id ? undefined : found;
      if (session) {
        const stream = openMedia(session.media, this.#stage.devices);
        this.#enter(client.rejoin(session, stream), stream);
      } else if (!this.#isInCall) {
        callToRejoin.clear();
      }
      await client.hangUpOrphans([this.#deviceId], session?.id);
      setTimeout(() => void deadDevices().then((dead) => client.hangUpOrphans(dead, session?.id)).catch(() => undefined), ORPHANS_AFTER_MS);
    } catch (error) {
      if (this.#user !== user) return;
      const problem = asProblem(error);
      if (!isAgain || problem.code !== "offline") alertPerson(problemWords(problem));
      if (problem.code === "offline") setTimeout(() => void (this.#user === user && this.#goOn(true)), GO_ON_AGAIN_MS);
      return;
    }
    if (isAgain) withdrawAlert(problemWords(new Problem("offline", "")));
  }

  // ---- At home

  #wireHome(): void {
    $("dial").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#dialTyped("video");
    });
    onClick("call-audio", () => {
      this.#dialTyped("audio");
    });
    onClick("copy", async () => {
      try {
        await navigator.clipboard.writeText($("link").textContent);
      } catch {
        getSelection()?.selectAllChildren($("link"));
        alertPerson("The browser does not let this page copy. The link is selected: copy it by hand.");
        return;
      }
      $("copy").lastChild?.replaceWith("Copied");
      setTimeout(() => $("copy").lastChild?.replaceWith("Copy"), COPIED_MS);
    });
    $("rename").addEventListener("change", () => void this.#rename());
    $("relay-only").addEventListener("change", () => {
      sessionStorage.setItem(RELAY_ONLY, $<HTMLInputElement>("relay-only").checked ? "yes" : "");
      void this.#client?.close();
      if (this.#user) this.#listen(this.#user);
    });
    onClick("notify", async () => {
      const answer = await Notification.requestPermission();
      this.#showNotify();
      if (answer === "denied") alertPerson("The browser will not show notifications of this page. It rings in this tab all the same.");
    });
  }

  #showHome(): void {
    if (this.#isInCall) return;
    this.#showPeople();
    this.#showNotify();
    void this.#showBlocked();
    showView(this.#user ? "home" : "sign-in");
  }

  get #isInCall(): boolean {
    return this.#stage.call !== undefined && this.#stage.call.stage !== "ended";
  }

  #showNotify(): void {
    $("notify").hidden = !("Notification" in globalThis) || Notification.permission !== "default";
  }

  #showPeople(): void {
    const others = people().filter(({ uid }) => uid !== this.#user?.uid && !this.#blocked.includes(uid));
    const rows = others.map((person) => {
      const row = $<HTMLTemplateElement>("person").content.cloneNode(true) as DocumentFragment;
      const [avatar, name, button] = row.querySelectorAll<HTMLElement>(".avatar, .name, button");
      if (avatar) showAvatar(avatar, person.name);
      if (name) name.textContent = person.name;
      button?.setAttribute("aria-label", `Call ${person.name}`);
      button?.addEventListener("click", () => {
        this.#dial(person.uid, "video");
      });
      return row;
    });
    $("people-list").replaceChildren(...rows);
    $("people").hidden = rows.length === 0;
  }

  async #showBlocked(): Promise<void> {
    const client = this.#client;
    const blocked = await client?.blocked().catch(() => undefined); // offline, what was known stays
    if (!blocked || this.#client !== client || blocked.join() === this.#blocked.join()) return;
    this.#listBlocked(blocked);
    this.#showPeople();
  }

  #listBlocked(blocked: string[]): void {
    this.#blocked = blocked;
    const rows = blocked.map((uid) => {
      const row = $<HTMLTemplateElement>("blocked-person").content.cloneNode(true) as DocumentFragment;
      const [name, button] = row.querySelectorAll<HTMLElement>(".name, button");
      if (name) name.textContent = nameOf(uid);
      button?.setAttribute("aria-label", `Unblock ${nameOf(uid)}`);
      button?.addEventListener("click", () => void this.#unblock(uid));
      return row;
    });
    $("blocked-list").replaceChildren(...rows);
    $("blocked").hidden = rows.length === 0;
  }

  async #unblock(uid: string): Promise<void> {
    try {
      await this.#client?.unblock(uid);
      alertPerson(`${nameOf(uid)} can call you again.`);
    } catch (error) {
      alertPerson(problemWords(asProblem(error)));
    }
    await this.#showBlocked();
    const isLost = document.activeElement === document.body; // the button that had the focus is gone
    if (isLost) ($("blocked-list").querySelector("button") ?? $("settings-title")).focus();
  }

  async #rename(): Promise<void> {
    const user = this.#user;
    const name = $<HTMLInputElement>("rename").value.trim();
    if (!user || name === "") return;
    try {
      await updateProfile(user, { displayName: name });
    } catch (error) {
      alertPerson(problemWords(asProblem(error)));
    }
    this.#showMe(user);
  }

  /** Somebody's call link was opened. */
  #takeInvitation(): void {
    const person = personIn(location.hash);
    if (!person) return;
    remember(person);
    $<HTMLInputElement>("callee").value = callLink(person);
    const who = person.name || "Somebody";
    $("invitation").textContent = `${who} would like you to call. Sign in, or go on as a guest.`;
    $("home-title").textContent = `Call ${person.name || "somebody"}`;
    this.#showPeople();
  }

  // ---- Calling and being called

  #dialTyped(media: Media): void {
    const person = personIn($<HTMLInputElement>("callee").value);
    if (!person) {
      alertPerson("Paste a call link first: the other person finds it under “Your call link”.");
      $("callee").focus();
      return;
    }
    remember(person);
    this.#dial(person.uid, media);
  }

  #dial(uid: string, media: Media): void {
    if (uid === this.#user?.uid) {
      alertPerson("That is your own link. Send it to somebody who is to call you.");
      return;
    }
    if (!navigator.onLine) {
      alertPerson(problemWords(new Problem("offline", "")));
      return;
    }
    const client = this.#client;
    if (!client) return;
    const stream = openMedia(media, this.#stage.devices);
    this.#enter(client.call(uid, media, stream), stream);
  }

  #enter(call: Call, stream?: MediaStream | Promise<MediaStream>): void {
    const stop = call.subscribe(() => {
      if (call.stage === "connected") callToRejoin.set(call.id);
      if (call.otherName !== undefined) remember({ uid: call.otherId, name: call.otherName });
      if (call.stage !== "ended") return;
      stop();
      if (callToRejoin.get() === call.id) callToRejoin.clear();
    });
    this.#stage.show(call, stream);
  }

  #wireIncoming(): void {
    onClick("answer", () => this.#answer());
    onClick("decline", () => this.#incoming?.decline());
    onClick("block", () => {
      const call = this.#incoming;
      if (!call) return;
      const name = nameOf(call.otherId, call.otherName);
      if (call.otherName !== undefined) remember({ uid: call.otherId, name }); // for the day on which they are let in again
      void call.decline();
      this.#client?.block(call.otherId).then(
        () => {
          alertPerson(`${name} is blocked and cannot call you any more.`);
          void this.#showBlocked();
        },
        (error: unknown) => {
          alertPerson(problemWords(asProblem(error)));
        },
      );
    });
    $("incoming").addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape neither answers nor declines
    });
    $("incoming").addEventListener("close", () => {
      if (this.#incoming) $<HTMLDialogElement>("incoming").showModal(); // browsers let nobody hold back the second Escape
    });
  }

  #ring(call: Call): void {
    if (this.#incoming) {
      this.#alsoRings.push(call); // the server lets one ring at a time: the first is about to be over
      return;
    }
    this.#incoming = call;
    $("incoming-problem").textContent = "";
    const name = nameOf(call.otherId, call.otherName);
    showAvatar("incoming-avatar", name);
    $("incoming-name").textContent = name;
    $("incoming-what").textContent = call.media === "video" ? "would like a video call" : "calls you";
    $("incoming-silent").hidden = this.#ringer.canBeHeard;
    $<HTMLButtonElement>("answer").disabled = false;
    $<HTMLDialogElement>("incoming").showModal();
    $("answer").focus();
    this.#ringer.ring(name);
    const stop = call.subscribe(() => {
      if (call.stage === "incoming") return;
      stop();
      this.#stopRinging();
      if (call.stage === "ended" && call.end !== "declined") this.#missed(call, name);
    });
  }

  #missed(call: Call, name: string): void {
    if (call.end === "answered_elsewhere") alertPerson(`${name}: answered on another device.`);
    else alertPerson(`Missed call from ${name}.`);
  }

  #stopRinging(): void {
    this.#incoming = undefined;
    this.#ringer.stop();
    $<HTMLDialogElement>("incoming").close();
    const next = this.#alsoRings.findIndex(({ stage }) => stage === "incoming");
    const [call] = next < 0 ? [] : this.#alsoRings.splice(next, 1);
    if (call) this.#ring(call);
    else this.#alsoRings = [];
  }

  async #answer(): Promise<void> {
    const call = this.#incoming;
    if (!call) return;
    $<HTMLButtonElement>("answer").disabled = true;
    $("incoming-problem").textContent = "";
    call.mark("answer pressed");
    try {
      const stream = await openMedia(call.media, this.#stage.devices);
      if (call.stage !== "incoming") {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      call.answer(stream);
      this.#enter(call, stream);
    } catch (error) {
      $<HTMLButtonElement>("answer").disabled = false; // it still rings: allow the microphone and answer again
      $("incoming-problem").textContent = problemWords(asProblem(error));
    }
  }
}

function signInWords(error: unknown): string {
  switch (firebaseCode(error)) {
    case "email-already-in-use":
      return "There is an account for this e-mail address. Sign in instead.";
    case "weak-password":
      return "Choose a password of at least six characters.";
    case "missing-password":
      return "Type a password as well.";
    case "invalid-email":
    case "missing-email":
      return "That is not an e-mail address.";
    case "network-request-failed":
      return problemWords(new Problem("offline", ""));
    case "operation-not-allowed":
    case "admin-restricted-operation":
      return "This way to sign in is switched off here.";
    case "too-many-requests":
      return "Too many attempts. Wait a minute, then try again.";
    case "user-disabled":
      return "This account has been switched off.";
    case "wrong-password":
    case "user-not-found":
    case "invalid-credential":
    case "invalid-login-credentials":
      return problemWords(new Problem("bad_sign_in", ""));
    default:
      return problemWords(new Problem("unexpected", ""));
  }
}

function connect(deployment: Deployment): Firebase {
  const app = initializeApp(deployment.config);
  // A session per tab: two tabs are two people.
  const auth = initializeAuth(app, { persistence: browserSessionPersistence });
  const firestore = getFirestore(app);
  const functions = getFunctions(app, REGION);
  if (deployment.auth !== undefined) connectAuthEmulator(auth, deployment.auth, { disableWarnings: true });
  for (const [address, wire] of [
    [deployment.firestore, connectFirestoreEmulator.bind(undefined, firestore)],
    [deployment.functions, connectFunctionsEmulator.bind(undefined, functions)],
  ] as const) {
    if (address === undefined) continue;
    const { hostname, port } = new URL(address);
    wire(hostname, Number(port));
  }
  return { auth, firestore, functions };
}

try {
  if (!isSecureContext) {
    throw new HintedProblem("The browser gives a camera and a microphone to secure pages only.", "Open this page by https.");
  }
  const deployment = await findDeployment();
  await new Page(connect(deployment), deployment.local).start();
} catch (error) {
  const hint = error instanceof HintedProblem ? error.hint : "";
  alertPerson(`${error instanceof Error ? error.message : String(error)} ${hint}`);
  $("view-loading").hidden = true;
}
