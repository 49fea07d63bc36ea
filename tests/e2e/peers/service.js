// node --no-warnings --insecure-http-parser service.js READY-FILE: Node's own server, with its parser told to be lenient. One line of output for each
// request it saw, whatever became of it; /careless answers without waiting for the body.
const fs = require("fs");
const http = require("http");

const server = http.createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  const answer = () => response.end("node\n");
  if (request.url.includes("/careless")) return answer();
  request.resume();
  request.on("end", answer);
});
server.on("clientError", (error, socket) => {
  if (error.code !== "ECONNRESET" && error.code !== "HPE_INVALID_EOF_STATE") console.log(`MALFORMED ${error.code}`);
  socket.destroy();
});
server.on("upgrade", (request, socket) => {
  console.log(`UPGRADE ${request.url}`);
  socket.destroy();
});
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => fs.writeFileSync(process.argv[2], JSON.stringify({ port: server.address().port })));
