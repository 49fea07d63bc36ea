// node call.js URL CA-FILE [CERTIFICATE-FILE KEY-FILE]: one GET with Node's own https; prints {"status":N} or {"error":"..."}.
const fs = require("fs");
const https = require("https");

const [url, ca, certificate, key] = process.argv.slice(2);
// The test's gateway listens on 127.0.0.1 only; Node before 20 asks ::1 for "localhost" and leaves it at that.
const options = { ca: fs.readFileSync(ca), family: 4 };
if (certificate) {
  options.cert = fs.readFileSync(certificate);
  options.key = fs.readFileSync(key);
}
https
  .get(url, options, (response) => {
    response.resume();
    response.on("end", () => console.log(JSON.stringify({ status: response.statusCode })));
  })
  .on("error", (error) => console.log(JSON.stringify({ error: `${error.code} ${error.message}` })));
