// To learn what functions there are, firebase-tools has them served for a moment on the first free port from 8081 on. Two
// stacks of one checkout see a change at the same moment and find the same port: one then asks the other's server, or ends
// it, and goes on with the functions and the secret that it had. So each stack begins at a port of its own.
const Module = require("module");
const FIRST = 8081;
const offset = Number(process.env.WEBRTC_LITE_PORT_OFFSET);
const load = Module._load;

Module._load = function (name, ...rest) {
  const loaded = load.call(this, name, ...rest);
  if (name !== "portfinder" || loaded.ownPorts) return loaded;
  const find = loaded.getPortPromise;
  loaded.ownPorts = true;
  loaded.getPortPromise = (options) => find(options?.port === FIRST ? { ...options, port: FIRST + offset } : options);
  return loaded;
};
