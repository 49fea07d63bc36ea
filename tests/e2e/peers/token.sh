#!/bin/sh
# token.sh ISSUER CLIENT FOLDER: an access token by private_key_jwt, with curl and openssl alone; prints the answer. The
# signing key must be RSA.
set -eu
issuer=$1 client=$2 folder=$3
b64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
now=$(date +%s)
head=$(printf '{"alg":"PS256","typ":"JWT"}' | b64)
body=$(printf '{"iss":"%s","sub":"%s","aud":"%s","jti":"%s","iat":%d,"exp":%d}' \
  "$client" "$client" "$issuer" "$(openssl rand -hex 16)" "$now" "$((now + 60))" | b64)
signature=$(printf %s "$head.$body" | openssl dgst -sha256 -sign "$folder/signing.key" -sigopt rsa_padding_mode:pss \
  -sigopt rsa_pss_saltlen:32 | b64)
exec curl -sS --cert "$folder/transport-chain.pem" --key "$folder/transport.key" --cacert "$folder/trust-chain.pem" \
  "$issuer/oauth2/token" -d grant_type=client_credentials \
  --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  -d "client_assertion=$head.$body.$signature"
