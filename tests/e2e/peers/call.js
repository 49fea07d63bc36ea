// node call.js URL CA-FILE [CERTIFICATE-FILE KEY-FILE]: one GET with Node's own https; prints {"status":N} or {"error":"..."}.
const fs = require("fs");
const https = require("https");

const [url, ca, certificate, key] = process.argv.slice(2);
const options = { ca: fs.readFileSync(ca) };
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
