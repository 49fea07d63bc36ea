// node token_openid.js ISSUER CLIENT FOLDER PATH: openid-client 5 (npm) discovers the server, gets a token by private_key_jwt
// over mutual TLS and calls PATH with it; prints {"status":N,"token":"..."}.
const { readFileSync } = require("node:fs");
const { createPrivateKey } = require("node:crypto");
const { Issuer, custom } = require("openid-client");

const [url, id, folder, path] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`);
const tls = { cert: read("transport-chain.pem"), key: read("transport.key"), ca: read("trust-chain.pem") };
// The test's gateway listens on 127.0.0.1 only.
custom.setHttpOptionsDefaults({ ...tls, lookup: (_, options, done) => (options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4)) });

(async () => {
  const issuer = await Issuer.discover(`${url}/.well-known/oauth-authorization-server`);
  const jwk = createPrivateKey(read("signing.key")).export({ format: "jwk" });
  const client = new issuer.Client(
    { client_id: id, token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "ES256" },
    { keys: [{ ...jwk, alg: "ES256" }] },
  );
  const token = await client.grant({ grant_type: "client_credentials" });
  const answer = await client.requestResource(url + path, token);
  console.log(JSON.stringify({ status: answer.statusCode, token: token.access_token }));
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
