/** The library's public surface. web/README.md says what each is on Android and iOS. */
export { Call, type End, type Stage } from "./call";
export { Client, type ClientOptions } from "./client";
export type { Clock } from "./clock";
export { asProblem, Problem, type ProblemCode } from "./problem";
export { QualityMeter, type Quality } from "./quality";
export type { Media, Session, Side } from "./session";
export type { ClientEvents } from "./switchboard";
export type { Mark } from "./timeline";
