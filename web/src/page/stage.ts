import { asProblem, QualityMeter, type Call, type Stage as CallStage } from "../lib";
import { $, alertPerson, onClick, showAvatar, showView } from "./dom";
import { openCamera, openMicrophone, openScreen, type Devices } from "./media";
import { nameOf } from "./people";
import type { Ringer } from "./ringing";
import { endWords, GONE, lengthWords, NO_CAMERA, problemWords, qualityWords, stageWords } from "./words";

const LOOK_MS = 1000;

/** The view of a call: pictures, buttons, what state it is in, and how it goes. */
export class Stage {
  readonly #ringer: Ringer;
  readonly #done: () => void;
  readonly devices: Devices = {};
  #call: Call | undefined;
  #unsubscribe: () => void = () => undefined;
  #local: MediaStream | undefined;
  #screen: MediaStream | undefined;
  #meter = new QualityMeter();
  #looking: ReturnType<typeof setInterval> | undefined;
  #connectedAt: number | undefined;
  #stageDrawn: CallStage | undefined;
  #isTrying = false;

  constructor(ringer: Ringer, done: () => void) {
    this.#ringer = ringer;
    this.#done = done;
    onClick("hang-up", () => this.#call?.hangUp());
    onClick("again", () => this.#call?.reconnect());
    onClick("back", () => {
      this.#leave();
    });
    onClick("mute", () => {
      this.#toggle("audio");
    });
    onClick("camera", () => this.#toggleCamera());
    onClick("screen", () => this.#toggleScreen());
    onClick("devices", () => this.#toggleDevices());
    onClick("hear", () => this.#play());
    $("microphones").addEventListener("change", () => void this.#switch("microphone"));
    $("cameras").addEventListener("change", () => void this.#switch("camera"));
    navigator.mediaDevices.addEventListener("devicechange", () => {
      if (!$("device-panel").hidden) void this.#listDevices();
    });
    $<HTMLVideoElement>("remote").addEventListener("loadeddata", () => {
      if ($<HTMLVideoElement>("remote").videoWidth > 0) this.#call?.mark("first picture");
    });
    if (!("getDisplayMedia" in navigator.mediaDevices)) $("screen").hidden = true;
  }

  get call(): Call | undefined {
    return this.#call;
  }

  show(call: Call, stream?: MediaStream | Promise<MediaStream>): void {
    this.#unsubscribe();
    if (this.#call !== call) void this.#call?.hangUp(); // one that was over has nothing left to hang up
    if (stream) this.#stopLocal(); // else it is the one that the call before this has opened
    this.#call = call;
    this.#stageDrawn = undefined;
    this.#unsubscribe = call.subscribe(() => {
      this.#draw(call);
    });
    this.#meter = new QualityMeter();
    this.#connectedAt = undefined;
    $("call-time").textContent = "";
    this.#drawLive({});
    clearInterval(this.#looking);
    this.#looking = setInterval(() => void this.#look(call), LOOK_MS);
    if (stream) {
      void Promise.resolve(stream).then(
        (ready) => {
          this.#showLocal(call, ready);
        },
        () => undefined, // the call tells why it was not placed
      );
    }
    alertPerson("");
    showView("call");
    this.#draw(call);
    $("call-title").scrollIntoView({ block: "nearest" });
    scrollTo(0, 0);
    $("hang-up").focus({ preventScroll: true });
  }

  #showLocal(call: Call, stream: MediaStream): void {
    if (this.#call !== call || call.stage === "ended") {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#local = stream;
    for (const track of stream.getTracks()) this.#watch(call, track);
    $<HTMLVideoElement>("local").srcObject = stream;
    if (call.media === "video" && stream.getVideoTracks().length === 0) alertPerson(NO_CAMERA);
    this.#drawButtons();
  }

  #draw(call: Call): void {
    const name = nameOf(call.otherId, call.otherName);
    const { stage } = call;
    const isOver = stage === "ended";
    const words = isOver ? endWords(call) : stageWords(stage);
    if (stage === "connected") this.#connectedAt ??= performance.now();
    showAvatar("other-avatar", name);
    $("call-title").textContent = $("veil-name").textContent = name;
    $("veil-state").textContent = words;
    $("call-state").textContent = words;
    this.#drawPictures(call);
    $("bar").hidden = isOver;
    $("back").hidden = !isOver;
    $("again").hidden = stage !== "lost";
    $("live").hidden = stage !== "connected" && stage !== "reconnecting";
    this.#drawTimeline(call);
    if (stage !== this.#stageDrawn) {
      if (stage === "ringing") this.#ringer.ringBack();
      else if (this.#stageDrawn === "ringing") this.#ringer.stop();
      this.#stageDrawn = stage;
    }
    this.#drawButtons();
    if (isOver) this.#over(call);
  }

  #drawPictures(call: Call): void {
    const remote = $<HTMLVideoElement>("remote");
    const withPicture = call.remote.filter((stream) => stream.getVideoTracks().length > 0);
    const main = withPicture.at(-1) ?? call.remote.at(0) ?? null;
    const camera = withPicture.length > 1 ? (withPicture[0] ?? null) : null;
    const isNew = remote.srcObject !== main;
    if (isNew) remote.srcObject = main;
    remote.classList.toggle("contained", camera !== null);
    const inset = $<HTMLVideoElement>("remote-camera");
    if (inset.srcObject !== camera) inset.srcObject = camera;
    inset.hidden = camera === null;
    const shows = call.stage === "connected" && withPicture.length > 0;
    const veil = $("veil");
    veil.hidden = shows;
    veil.dataset["stage"] = call.stage;
    veil.classList.toggle("over", withPicture.length > 0);
    // The camera's stream carries the voice where a shared screen is in front.
    inset.muted = camera === null;
    if (isNew) void this.#play();
  }

  #drawTimeline(call: Call): void {
    const rows = call.timeline.map(({ step, atMs }) => {
      const row = document.createElement("li");
      const at = Object.assign(document.createElement("span"), { className: "at", textContent: `${Math.round(atMs)} ms` });
      row.append(step, at);
      return row;
    });
    $("timeline").replaceChildren(...rows);
  }

  /** A page that was reloaded may have to be touched before it plays a sound. */
  async #play(): Promise<void> {
    const videos = [$<HTMLVideoElement>("remote"), $<HTMLVideoElement>("remote-camera")];
    try {
      await Promise.all(videos.filter(({ srcObject }) => srcObject !== null).map((video) => video.play()));
      $("hear").hidden = true;
    } catch (error) {
      $("hear").hidden = !(error instanceof DOMException && error.name === "NotAllowedError");
    }
  }

  async #look(call: Call): Promise<void> {
    const report = await call.stats().catch(() => undefined); // closed meanwhile
    if (!report || call !== this.#call || $("live").hidden) return;
    const seen = qualityWords(this.#meter.read([...report.entries()] as [string, unknown][]));
    const words = call.stage === "connected" ? seen : {}; // what was true of a connection that is lost is not news
    this.#drawLive(words);
    if (this.#connectedAt !== undefined) $("call-time").textContent = ` · ${lengthWords(performance.now() - this.#connectedAt)}`;
  }

  #drawLive(words: Record<string, string>): void {
    for (const shown of $("live").querySelectorAll<HTMLElement>("dd")) {
      shown.textContent = words[shown.dataset["of"] ?? ""] ?? "–";
    }
  }

  #over(call: Call): void {
    clearInterval(this.#looking);
    if (call.end !== "glare") this.#stopLocal(); // else the call that goes on instead has it already
    $("device-panel").hidden = $("hear").hidden = true;
    $("devices").setAttribute("aria-expanded", "false");
    if (call.problem) alertPerson(problemWords(call.problem));
    $("back").focus({ preventScroll: true });
    this.#unsubscribe();
  }

  /** Camera and microphone of a call that was to go on in another one, which is over as well. */
  letGo(call: Call): void {
    if (call === this.#call) this.#stopLocal();
  }

  #stopLocal(): void {
    for (const stream of [this.#local, this.#screen]) for (const track of stream?.getTracks() ?? []) track.stop();
    this.#local = this.#screen = undefined;
  }

  #leave(): void {
    this.#stopLocal();
    this.#call = undefined;
    for (const id of ["remote", "remote-camera", "local"]) $<HTMLVideoElement>(id).srcObject = null;
    this.#drawButtons();
    this.#done();
  }

  // ---- Buttons

  #drawButtons(): void {
    const [voice] = this.#local?.getAudioTracks() ?? [];
    const [picture] = this.#local?.getVideoTracks() ?? [];
    const goesOn = this.#call?.stage === "connected" || this.#call?.stage === "reconnecting";
    // What is to be agreed on anew can be once there is an agreement; what is not there yet cannot be switched.
    button("mute", voice?.enabled === false, "Unmute", "Mute", voice !== undefined);
    button("camera", !picture?.enabled, "Camera on", "Camera off", picture !== undefined || goesOn);
    button("screen", this.#screen !== undefined, "Stop sharing", "Share screen", goesOn);
    $<HTMLButtonElement>("devices").disabled = this.#local === undefined;
    $("local").hidden = !picture?.enabled || this.#call?.stage === "ended";
  }

  #toggle(kind: "audio" | "video"): void {
    for (const track of this.#local?.getTracks() ?? []) if (track.kind === kind) track.enabled = !track.enabled;
    this.#drawButtons();
  }

  async #toggleCamera(): Promise<void> {
    const [local, call] = [this.#local, this.#call];
    if (!local || !call) return;
    if (local.getVideoTracks().length > 0) {
      this.#toggle("video");
      return;
    }
    await this.#tried(async () => {
      await this.#use(call, local, await openCamera(this.devices.camera));
    });
  }

  async #toggleScreen(): Promise<void> {
    const call = this.#call;
    if (!call) return;
    if (this.#screen) {
      this.#stopSharing(call);
      return;
    }
    await this.#tried(async () => {
      const screen = await openScreen();
      const [track] = screen?.getVideoTracks() ?? [];
      if (!screen || !track) return;
      if (!this.#isOn(call)) {
        for (const each of screen.getTracks()) each.stop(); // the call ended behind the browser's picker
        return;
      }
      this.#screen = screen;
      track.addEventListener("ended", () => {
        this.#stopSharing(call); // by the browser's own button
      });
      call.addTrack(track, screen);
    });
  }

  #stopSharing(call: Call): void {
    for (const track of this.#screen?.getTracks() ?? []) {
      call.removeTrack(track);
      track.stop();
    }
    this.#screen = undefined;
    this.#drawButtons();
  }

  async #toggleDevices(): Promise<void> {
    const panel = $("device-panel");
    panel.hidden = !panel.hidden;
    $("devices").setAttribute("aria-expanded", String(!panel.hidden));
    if (panel.hidden) return;
    await this.#listDevices();
    $("microphones").focus();
  }

  async #listDevices(): Promise<void> {
    const found = await navigator.mediaDevices.enumerateDevices();
    this.#list("microphones", found, "audioinput");
    this.#list("cameras", found, "videoinput");
  }

  #list(id: string, found: MediaDeviceInfo[], kind: MediaDeviceKind): void {
    const inUse = this.#local?.getTracks().find((track) => `${track.kind}input` === kind)?.getSettings().deviceId;
    const options = found
      .filter((device) => device.kind === kind)
      .map(({ deviceId, label }, at) => new Option(label || `Device ${at + 1}`, deviceId, false, deviceId === inUse));
    $(id).replaceChildren(...options);
    $<HTMLSelectElement>(id).disabled = options.length === 0;
  }

  async #switch(what: "microphone" | "camera"): Promise<void> {
    const [local, call] = [this.#local, this.#call];
    if (!local || !call) return;
    const device = $<HTMLSelectElement>(`${what}s`).value;
    await this.#tried(async () => {
      const fresh = await (what === "camera" ? openCamera(device) : openMicrophone(device));
      this.devices[what] = device;
      await this.#use(call, local, fresh);
    });
  }

  /** Sends this track from here on, in the place of the one of its kind, if there is one. */
  async #use(call: Call, local: MediaStream, fresh: MediaStreamTrack): Promise<void> {
    if (!this.#isOn(call)) {
      fresh.stop(); // the call ended while the device was opened
      return;
    }
    this.#watch(call, fresh);
    const old = local.getTracks().find(({ kind }) => kind === fresh.kind);
    local.addTrack(fresh);
    if (old) {
      fresh.enabled = old.enabled;
      local.removeTrack(old);
      old.stop();
      await call.replaceTrack(old, fresh);
    } else {
      call.addTrack(fresh, local); // a picture in a call that had none: agreed on in a new round
    }
    $<HTMLVideoElement>("local").srcObject = local;
  }

  /** A device that is pulled out ends its track; one that is switched off here does not say so. */
  #watch(call: Call, track: MediaStreamTrack): void {
    track.addEventListener("ended", () => void this.#replaceLost(call, track));
  }

  async #replaceLost(call: Call, track: MediaStreamTrack): Promise<void> {
    const local = this.#local;
    if (!local?.getTracks().includes(track) || !this.#isOn(call)) return;
    const what = track.kind === "audio" ? "microphone" : "camera";
    this.devices[what] = undefined;
    try {
      await this.#use(call, local, await (what === "camera" ? openCamera() : openMicrophone()));
      alertPerson(GONE[what].replaced);
    } catch {
      if (what === "camera") {
        local.removeTrack(track);
        call.removeTrack(track);
      }
      alertPerson(GONE[what].alone);
    }
    this.#drawButtons();
  }

  #isOn(call: Call): boolean {
    return this.#call === call && call.stage !== "ended";
  }

  async #tried(steps: () => Promise<void>): Promise<void> {
    if (this.#isTrying) return; // the browser is still asking
    this.#isTrying = true;
    try {
      await steps();
    } catch (error) {
      alertPerson(problemWords(asProblem(error)));
    }
    this.#isTrying = false;
    this.#drawButtons();
  }
}

/** The words say what a press does; whether it is on now, the colour. Both at once is what a screen reader gets wrong. */
function button(id: string, isOn: boolean, whenOn: string, otherwise: string, isOfUse: boolean): void {
  const pressed = $<HTMLButtonElement>(id);
  pressed.classList.toggle("on", isOn && isOfUse);
  pressed.disabled = !isOfUse;
  const words = pressed.querySelector("span");
  if (words) words.textContent = isOn ? whenOn : otherwise;
}
