// Builds the page's scripts into web/public, which Hosting serves, (--tests) the unit tests into .stack/web-tests for node --test,
// or (--bench) what tests/bench runs in a page.

import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild-wasm";

const WEB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(WEB);
const SHARED = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "none" };

async function buildPage() {
  const entryPoints = { check: join(WEB, "src/check/page.js"), app: join(WEB, "src/page/main.ts") };
  const { outputFiles } = await build({ ...SHARED, entryPoints, outdir: join(WEB, "public"), minify: true, write: false });
  for (const { path, contents } of outputFiles) {
    await writeFile(`${path}.${process.pid}`, contents); // moved into its place whole: a stack may be serving it
    await rename(`${path}.${process.pid}`, path);
  }
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

async function buildBench() {
  const entryPoints = [join(ROOT, "tests/bench/web/setup.ts")];
  await build({ ...SHARED, entryPoints, outdir: join(ROOT, ".stack/bench") });
}

const [what] = process.argv.slice(2);
await (what === "--tests" ? buildTests() : what === "--bench" ? buildBench() : buildPage());
