"""token_authlib.py ISSUER CLIENT FOLDER PATH: authlib gets a token by private_key_jwt over mutual TLS and calls PATH with it;
prints {"status":N,"token":"..."}."""
import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

issuer, client, folder, path = sys.argv[1:]
endpoint = issuer + "/oauth2/token"
with open(f"{folder}/signing.key") as key:
    session = OAuth2Session(client, key.read(), token_endpoint_auth_method="private_key_jwt")
session.register_client_auth_method(PrivateKeyJWT(endpoint, claims={"exp": int(time.time()) + 60}, alg="ES256"))
session.cert = (f"{folder}/transport-chain.pem", f"{folder}/transport.key")
session.verify = f"{folder}/trust-chain.pem"
session.trust_env = False  # REQUESTS_CA_BUNDLE would count more than verify
token = session.fetch_token(endpoint, grant_type="client_credentials")
print(json.dumps({"status": session.get(issuer + path).status_code, "token": token["access_token"]}))
