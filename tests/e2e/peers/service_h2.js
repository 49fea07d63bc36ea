// node service_h2.js READY-FILE PROTOCOL [KEY CERTIFICATE CLIENTS-CA]: Node's own server of HTTP/2 ("h2"), of HTTP/1.1 ("http1") or of
// both by ALPN ("both"), over TLS with a client's certificate demanded where files are named. It says what it saw as JSON.
// Of each path under /refused a first request is refused unprocessed once it has begun to send, of each under /left with
// a GOAWAY that leaves it out, of each under /reset with a reset that says nothing; /held is answered when /release was asked.
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const https = require("https");
const { constants } = http2;

const [ready, protocol, key, certificate, ca] = process.argv.slice(2);
const known = new Set();
const held = [];
const counts = { checks: 0, requests: 0, sessions: 0 };
let sick = false;

function refuse(request) {
  const { stream } = request;
  if (request.url.startsWith("/reset")) return stream.close(constants.NGHTTP2_CANCEL);
  if (request.url.startsWith("/refused")) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
  stream.session.goaway(constants.NGHTTP2_NO_ERROR, stream.id > 2 ? stream.id - 2 : 0);
}

function answer(request, response) {
  const path = request.url;
  if (path === "/healthz") {
    counts.checks += 1;
    counts.check_version = request.httpVersion;
    return response.writeHead(sick ? 503 : 200).end();
  }
  counts.requests += 1;
  if (path === "/sick" || path === "/well") sick = path === "/sick";
  if (path === "/release") held.splice(0).forEach((one) => one());
  const first = /^\/(refused|left|reset)/.test(path) && !known.has(path);
  known.add(path);
  const chunks = [];
  request.on("error", () => {});
  request.on("data", (chunk) => {
    chunks.push(chunk);
    if (first && chunks.length === 1) refuse(request);
  });
  request.on("end", () => {
    if (first) return chunks.length === 0 && refuse(request);
    const peer = request.socket.getPeerCertificate ? request.socket.getPeerCertificate() : {};
    const seen = { version: request.httpVersion, client: peer.serialNumber, body: Buffer.concat(chunks).toString(), ...counts };
    const say = () => response.end(JSON.stringify(seen));
    if (path === "/held") held.push(say);
    else say();
  });
}

const tls = key && { key: fs.readFileSync(key), cert: fs.readFileSync(certificate), ca: fs.readFileSync(ca), requestCert: true };
let server;
if (protocol === "http1") server = tls ? https.createServer(tls, answer) : http.createServer(answer);
else if (tls) server = http2.createSecureServer({ ...tls, allowHTTP1: protocol === "both" }, answer);
else server = http2.createServer(answer);
server.on("session", (session) => {
  counts.sessions += 1;
  session.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => fs.writeFileSync(ready, JSON.stringify({ port: server.address().port })));
