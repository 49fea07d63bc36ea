// The Node client of docs/message-signatures.md, and a check of what others signed, on Node's own crypto alone.
//
//   node message_signature.js check VECTORS          every vector that is to be verified; prints how many
//   node message_signature.js sign KEY METHOD URL [CONTENT]   the fields, one a line
const crypto = require("crypto");
const fs = require("fs");

const thumbprint = (key) => {
  const jwk = crypto.createPublicKey(key).export({ format: "jwk" });
  const members = { EC: ["crv", "kty", "x", "y"], RSA: ["e", "kty", "n"], OKP: ["crv", "kty", "x"] }[jwk.kty];
  return crypto.createHash("sha256").update(JSON.stringify(jwk, members)).digest("base64url");
};

// How a key signs under one of the names of RFC 9421 or JWS: ECDSA as R || S.
const how = (key, algorithm) => {
  const kind = key.asymmetricKeyType;
  if (kind === "ed25519") return [null, key];
  if (kind === "ec")
    return [key.asymmetricKeyDetails.namedCurve === "secp384r1" ? "sha384" : "sha256", { key, dsaEncoding: "ieee-p1363" }];
  if (algorithm === "rsa-v1_5-sha256") return ["sha256", key];
  const digest = algorithm === "PS256" ? "sha256" : "sha512";
  const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
  return [digest, { key, padding, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST }];
};

const componentValue = (identifier, message) => {
  const [, name, ofRequest] = /^"([^"]*)"(;req)?$/.exec(identifier);
  const url = new URL(message.url);
  const authority = url.host; // without the port where that is the scheme's own
  if (name === "@method") return message.method;
  if (name === "@target-uri") return `${url.protocol}//${authority}${url.pathname}${url.search}`;
  if (name === "@status") return String(message.status);
  const fields = ofRequest ? message.requestFields : message.fields;
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value.trim()).join(", ");
};

const signatureBase = (components, params, message) =>
  [...components.map((one) => `${one}: ${componentValue(one, message)}`), `"@signature-params": ${params}`].join("\n");

function sign(key, method, url, fields, content) {
  const components = ['"@method"', '"@target-uri"'];
  const added = [];
  if (content !== undefined) {
    components.push('"content-digest"');
    const digest = crypto.createHash("sha256").update(content).digest("base64");
    added.push(["Content-Digest", `sha-256=:${digest}:`]);
  }
  const params = `(${components.join(" ")});created=${Math.floor(Date.now() / 1000)};keyid="${thumbprint(key)}"`;
  const base = signatureBase(components, params, { method, url, fields: [...fields, ...added] });
  const signature = crypto.sign(how(key)[0], Buffer.from(base), how(key)[1]).toString("base64");
  return [...added, ["Signature-Input", `sig1=${params}`], ["Signature", `sig1=:${signature}:`]];
}

function holds(vector, key) {
  const signed = vector.response || vector.request;
  const find = (name) => signed.fields.find(([field]) => field.toLowerCase() === name)?.[1];
  const content = Buffer.from(signed.content ?? "");
  if (vector.kind === "header") {
    const signature = Buffer.from(find("x-signature").split("s=")[1], "base64");
    const digest = { ed25519: null, rsa: "sha256" }[key.asymmetricKeyType];
    return crypto.verify(digest === undefined ? how(key)[0] : digest, content, key, signature);
  }
  if (vector.kind === "jws") {
    const [header, , signature] = find("x-jws-signature").split(".");
    const { alg } = JSON.parse(Buffer.from(header, "base64url"));
    const input = Buffer.concat([Buffer.from(`${header}.`), content]);
    return crypto.verify(...((h) => [h[0], input, h[1]])(how(key, alg)), Buffer.from(signature, "base64url"));
  }
  const params = find("signature-input").replace(/^sig1=/, "");
  const components = params.slice(1, params.indexOf(")")).split(" ").filter(Boolean);
  const message = { ...vector.request, fields: signed.fields, status: signed.status, requestFields: vector.request.fields };
  const base = signatureBase(components, params, message);
  if (base !== vector.signature_base) throw new Error(`${vector.name}: another signature base`);
  const [digest, options] = how(key, /;alg="([^"]+)"/.exec(params)?.[1]);
  const signature = Buffer.from(find("signature").replace(/^sig1=:|:$/g, ""), "base64");
  return crypto.verify(digest, Buffer.from(base), options, signature);
}

const [, , action, ...rest] = process.argv;
if (action === "check") {
  const { keys, vectors } = JSON.parse(fs.readFileSync(rest[0]));
  const known = Object.fromEntries(keys.map((key) => [key.name, crypto.createPublicKey({ key: key.jwk, format: "jwk" })]));
  const good = vectors.filter((vector) => vector.expect === "verified");
  for (const vector of good) if (!holds(vector, known[vector.key])) throw new Error(`${vector.name} does not hold`);
  console.log(good.length);
} else {
  const [key, method, url, content] = rest;
  for (const [name, value] of sign(crypto.createPrivateKey(fs.readFileSync(key)), method, url, [], content))
    console.log(`${name}: ${value}`);
}
