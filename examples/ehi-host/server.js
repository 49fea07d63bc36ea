// Node as the termination point for the provider's calls. Tried with Node 18.
'use strict';
const fs = require('fs');
const https = require('https');
const path = require('path');
const { constants } = require('crypto');

const folder = process.env.EHI_FOLDER || '/etc/ehi';
const read = (name) => fs.readFileSync(path.join(folder, name));

// Who may call: production calls of the provider, and nobody else under the same trust chain.
const CALLER = 'URI:urn:countersign:production:provider:ehi';
const LIMIT = 100.0;
const BODY_LIMIT = 64 * 1024;

function authorize(socket) {
  return socket.authorized && socket.getPeerCertificate().subjectaltname === CALLER;
}

function answer(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const server = https.createServer({
  // You prove who you are.
  cert: read('server-chain.pem'),
  key: read('server.key'),
  minVersion: 'TLSv1.2',
  // The provider proves who it is: these CAs alone are believed, and without a certificate there is no connection.
  ca: read('trust-chain.pem'),
  requestCert: true,
  rejectUnauthorized: true,
  // No way around a fresh look at the certificate.
  secureOptions: constants.SSL_OP_NO_TICKET,
}, (request, response) => {
  if (!authorize(request.socket)) return answer(response, 403, { error: 'not the EHI caller of the provider' });
  const pieces = [];
  let size = 0;
  request.on('data', (piece) => {
    size += piece.length;
    if (size > BODY_LIMIT) request.destroy(); else pieces.push(piece);
  });
  request.on('end', () => {
    try {
      const message = JSON.parse(Buffer.concat(pieces));
      if (request.method !== 'POST' || request.url !== '/decide') return answer(response, 404, { error: 'no such path' });
      answer(response, 200, { approved: Number(message.amount) <= LIMIT, caller: request.socket.getPeerCertificate().subjectaltname });
    } catch {
      answer(response, 400, { error: 'not a message of the provider' });
    }
  });
});
server.on('tlsClientError', (error, socket) => console.log(`refused ${socket.remoteAddress}: ${error.code} ${error.message}`));
server.listen(Number(process.env.EHI_PORT || 443), process.env.EHI_ADDRESS);
