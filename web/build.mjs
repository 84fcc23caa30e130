// Builds the page into web/dist, which Hosting serves, or (--tests) the unit tests into .stack/web-tests for node --test.

import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild-wasm";

const WEB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(WEB);
const SHARED = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "none" };

async function buildPage() {
  const dist = join(WEB, "dist");
  const fresh = `${dist}.${process.pid}`; // built beside it and moved into its place whole: a stack may be serving it
  await mkdir(fresh, { recursive: true });
  await cp(join(WEB, "public"), fresh, { recursive: true });
  const entryPoints = { app: join(WEB, "src/page/main.ts"), check: join(WEB, "src/check/page.js") };
  await build({ ...SHARED, entryPoints, outdir: fresh, minify: true });
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(fresh)) await rename(join(fresh, name), join(dist, name));
  await rm(fresh, { recursive: true });
}

async function buildTests() {
  const tests = join(ROOT, "tests/unit/web");
  const names = (await readdir(tests)).filter((name) => name.endsWith(".test.ts"));
  const outdir = join(ROOT, ".stack/web-tests");
  await rm(outdir, { recursive: true, force: true });
  const entryPoints = names.map((name) => join(tests, name));
  const outExtension = { ".js": ".mjs" };
  await build({ ...SHARED, entryPoints, outdir, outExtension, platform: "node", sourcemap: "inline" });
}

await (process.argv.includes("--tests") ? buildTests() : buildPage());
