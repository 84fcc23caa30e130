/**
 * The sound of a call, made here: no file to load, and none that a policy could block.
 *
 * A page may make a sound once the person has touched it. The first touch or key prepares the sound for all calls to
 * come; a page that was never touched rings in sight and by a notification.
 */
export class Ringer {
  #audio: AudioContext | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #title: string | undefined;
  #notification: Notification | undefined;

  constructor() {
    const wake = () => {
      this.#audio ??= new AudioContext();
      void this.#audio.resume();
    };
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, wake, { capture: true });
  }

  get canBeHeard(): boolean {
    return this.#audio?.state === "running";
  }

  /** Somebody calls: rings until `stop`. */
  ring(who: string): void {
    this.stop();
    this.#title = document.title;
    let beat = 0;
    const ring = () => {
      this.#chime(beat % 2 === 0 ? [659, 880] : [659, 988]);
      document.title = beat % 2 === 0 ? `📞 ${who} is calling` : (this.#title ?? "");
      beat += 1;
    };
    ring();
    this.#timer = setInterval(ring, 1600);
    if (document.hidden) this.#notify(who);
  }

  /** The other side's phone rings. */
  ringBack(): void {
    this.stop();
    const tone = () => {
      this.#tone(425, 0, 1, 0.03);
    };
    tone();
    this.#timer = setInterval(tone, 4000);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#notification?.close();
    if (this.#title !== undefined) document.title = this.#title;
    this.#timer = this.#notification = this.#title = undefined;
  }

  #notify(who: string): void {
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    try {
      this.#notification = new Notification(`${who} is calling`, { body: "Open the tab to answer.", tag: "webrtc-lite-call" });
    } catch {
      return; // Chrome on Android leaves notifications to service workers, and says so here only
    }
    this.#notification.onclick = () => {
      focus();
      this.#notification?.close();
    };
  }

  #chime(notes: number[]): void {
    notes.forEach((note, at) => {
      this.#tone(note, at * 0.22, 0.5, 0.09);
    });
  }

  #tone(hertz: number, delay: number, seconds: number, loudness: number): void {
    const audio = this.#audio;
    if (audio?.state !== "running") return;
    const start = audio.currentTime + delay;
    const volume = audio.createGain();
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(loudness, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
    const tone = audio.createOscillator();
    tone.frequency.value = hertz;
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + seconds);
  }
}
