import { Problem, type Media } from "../lib";

export interface Devices {
  microphone?: string | undefined;
  camera?: string | undefined;
}

const PICTURE: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const exactly = (id: string | undefined) => (id ? { deviceId: { exact: id } } : {});

/** Camera and microphone, or the microphone alone. A device without a camera calls with its voice. */
export async function openMedia(media: Media, devices: Devices): Promise<MediaStream> {
  if (media === "video" && (await isRefused("camera")) && !(await isRefused("microphone"))) return openMedia("audio", devices);
  const audio = { echoCancellation: true, noiseSuppression: true, ...exactly(devices.microphone) };
  const video = { ...PICTURE, ...exactly(devices.camera) };
  try {
    return await navigator.mediaDevices.getUserMedia(media === "video" ? { audio, video } : { audio });
  } catch (error) {
    if (media === "video" && isNamed(error, "NotFoundError")) return openMedia("audio", devices);
    if (isNamed(error, "OverconstrainedError") && (devices.camera ?? devices.microphone)) {
      devices.camera = devices.microphone = undefined; // what was chosen is no longer plugged in: then whatever is
      return openMedia(media, devices);
    }
    throw mediaProblem(error, "microphone_refused");
  }
}

/** Refused for good, so that the browser would not even ask. Not every browser tells. */
async function isRefused(device: "camera" | "microphone"): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: device })).state === "denied";
  } catch {
    return false;
  }
}

export async function openCamera(device?: string): Promise<MediaStreamTrack> {
  return one({ video: { ...PICTURE, ...exactly(device) } }, "camera_refused");
}

export async function openMicrophone(device?: string): Promise<MediaStreamTrack> {
  return one({ audio: { echoCancellation: true, noiseSuppression: true, ...exactly(device) } }, "microphone_refused");
}

async function one(
  constraints: MediaStreamConstraints,
  refused: "camera_refused" | "microphone_refused",
): Promise<MediaStreamTrack> {
  try {
    const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
    if (track) return track;
  } catch (error) {
    throw mediaProblem(error, refused);
  }
  throw new Problem("no_device", "No track came.");
}

/** The screen, or nothing where the person closes the picker. */
export async function openScreen(): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
  } catch (error) {
    if (isNamed(error, "NotAllowedError") || isNamed(error, "AbortError")) return undefined;
    throw mediaProblem(error, "camera_refused");
  }
}

function mediaProblem(error: unknown, refused: "camera_refused" | "microphone_refused"): Problem {
  const message = error instanceof Error ? error.message : String(error);
  if (isNamed(error, "NotAllowedError") || isNamed(error, "SecurityError")) return new Problem(refused, message, error);
  if (isNamed(error, "NotFoundError") || isNamed(error, "OverconstrainedError")) {
    return new Problem("no_device", message, error);
  }
  return new Problem("device_busy", message, error);
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
