// Firefox over WebDriver BiDi, for tests in another language: a command a line on stdin, an answer a line on stdout.

import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX,
  headless: true,
  protocolTimeout: 60_000,
  extraPrefsFirefox: {
    "media.navigator.streams.fake": true, // a picture and a tone instead of devices
    "media.navigator.video.default_fps": 10, // like Chromium's (browsers.py)
    "media.navigator.permission.disabled": true,
    "media.getusermedia.insecure.enabled": true,
    "media.peerconnection.ice.loopback": true, // Coturn is at 127.0.0.1
    "media.peerconnection.ice.obfuscate_host_addresses": false,
    "network.proxy.type": 0,
    // Each tab is in front of somebody: in the background, its timers would go off once a second.
    "dom.min_background_timeout_value": 4,
    "dom.min_background_timeout_value_without_budget_throttling": 4,
  },
});
const tabs = [];

const COMMANDS = {
  async new({ script }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.evaluateOnNewDocument(script);
    return tabs.push({ context, page, errors }) - 1;
  },
  open: ({ tab, url }) => tabs[tab].page.goto(url).then(() => undefined),
  js: ({ tab, expression }) => tabs[tab].page.evaluate(expression),
  async click({ tab, button }) {
    const handle = await tabs[tab].page.waitForFunction(
      (name) =>
        [...document.querySelectorAll("button")].find(
          (each) => each.textContent.trim() === name && !each.disabled && each.checkVisibility(),
        ),
      { timeout: 30_000 },
      button,
    );
    await handle.asElement().click();
  },
  reload: ({ tab }) => tabs[tab].page.reload().then(() => undefined),
  offline: ({ tab, offline }) => tabs[tab].page.setOfflineMode(offline),
  errors: ({ tab }) => tabs[tab].errors,
  close: ({ tab }) => tabs[tab].context.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: await COMMANDS[command](rest) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}
await browser.close();
