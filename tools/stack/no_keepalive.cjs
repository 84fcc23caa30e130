// Node 19 and newer reuse sockets; gunicorn, which serves the functions, closes idle ones after 2 s. A call that meets
// the closing socket gets "socket hang up" and a 500. One connection a call costs half a millisecond on loopback.
const http = require("http");
http.globalAgent = new http.Agent({ keepAlive: false });
