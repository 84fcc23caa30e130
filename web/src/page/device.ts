import { storedList } from "./storage";

/** This tab as a device: two tabs are two people, or two devices of one. */

const DEVICE = "webrtc-lite.device"; // in this tab's session storage: outlives a reload, and no more
const DEVICES = "webrtc-lite.devices"; // in local storage: all tabs that there were
const CALL = "webrtc-lite.call"; // in this tab's session storage: what to go on in after a reload
const REMEMBERED = 50;
const RELEASED_WITHIN_MS = 1000;

const lockOf = (device: string) => `webrtc-lite.device.${device}`;

/**
 * This tab's device id, which it holds a lock on as long as it lives. A tab that was reloaded has the same one as before;
 * one that was duplicated finds it taken, and gets its own.
 */
export async function claimDevice(): Promise<string> {
  const known = sessionStorage.getItem(DEVICE);
  if (known !== null && (await claim(known))) return known;
  const fresh = crypto.randomUUID();
  sessionStorage.setItem(DEVICE, fresh);
  sessionStorage.removeItem(CALL);
  localStorage.setItem(DEVICES, JSON.stringify([fresh, ...devices()].slice(0, REMEMBERED)));
  await claim(fresh);
  return fresh;
}

function claim(device: string): Promise<boolean> {
  return new Promise((resolve) => {
    const untilThePageIsGone = () =>
      new Promise<void>(() => {
        resolve(true);
      });
    const signal = AbortSignal.timeout(RELEASED_WITHIN_MS);
    navigator.locks.request(lockOf(device), { signal }, untilThePageIsGone).catch(() => {
      resolve(false);
    });
  });
}

/** Tabs of this browser that are gone: closed or crashed, perhaps in the middle of a call. */
export async function deadDevices(): Promise<string[]> {
  const { held = [], pending = [] } = await navigator.locks.query();
  const alive = new Set([...held, ...pending].map(({ name }) => name));
  return devices().filter((device) => !alive.has(lockOf(device)));
}

function devices(): string[] {
  return storedList(DEVICES).filter((each) => typeof each === "string");
}

export const callToRejoin = {
  get: (): string | undefined => sessionStorage.getItem(CALL) ?? undefined,
  set: (id: string): void => {
    sessionStorage.setItem(CALL, id);
  },
  clear: (): void => {
    sessionStorage.removeItem(CALL);
  },
};
