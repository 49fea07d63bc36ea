// java Token.java ISSUER CLIENT FOLDER PATH: an access token by private_key_jwt over mutual TLS, and a call of PATH with it,
// with the JDK alone; prints {"status":N}. FOLDER has transport.p12 (password "secret"),
// signing.key (an EC key in PKCS#8) and trust-chain.pem.

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.FileInputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Token {
  static final char[] PASSWORD = "secret".toCharArray();

  public static void main(String[] arguments) throws Exception {
    String issuer = arguments[0], client = arguments[1], folder = arguments[2];
    HttpClient http = HttpClient.newBuilder().sslContext(tls(folder)).version(HttpClient.Version.HTTP_1_1).build();
    String form = "grant_type=client_credentials&client_assertion_type="
        + URLEncoder.encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", UTF_8)
        + "&client_assertion=" + assertion(issuer, client, key(Path.of(folder, "signing.key")));
    String answer = http.send(HttpRequest.newBuilder(URI.create(issuer + "/oauth2/token"))
        .header("Content-Type", "application/x-www-form-urlencoded").POST(BodyPublishers.ofString(form)).build(),
        BodyHandlers.ofString()).body();
    Matcher token = Pattern.compile("\"access_token\":\"([^\"]+)\"").matcher(answer);
    if (!token.find()) throw new IllegalStateException(answer);
    int status = http.send(HttpRequest.newBuilder(URI.create(issuer + arguments[3]))
        .header("Authorization", "Bearer " + token.group(1)).build(), BodyHandlers.ofString()).statusCode();
    System.out.println("{\"status\":" + status + ",\"token\":\"" + token.group(1) + "\"}");
  }

  static String assertion(String issuer, String client, PrivateKey key) throws Exception {
    Base64.Encoder b64 = Base64.getUrlEncoder().withoutPadding();
    long now = Instant.now().getEpochSecond();
    String content = b64.encodeToString("{\"alg\":\"ES256\",\"typ\":\"JWT\"}".getBytes(US_ASCII)) + "."
        + b64.encodeToString(String.format("{\"iss\":\"%1$s\",\"sub\":\"%1$s\",\"aud\":\"%2$s\",\"jti\":\"%3$s\",\"iat\":%4$d,\"exp\":%5$d}",
            client, issuer, UUID.randomUUID(), now, now + 60).getBytes(US_ASCII));
    Signature signer = Signature.getInstance("SHA256withECDSAinP1363Format");  // R || S, as JWS wants it
    signer.initSign(key);
    signer.update(content.getBytes(US_ASCII));
    return content + "." + b64.encodeToString(signer.sign());
  }

  static PrivateKey key(Path file) throws Exception {
    String pem = Files.readString(file).replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
    return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
  }

  static SSLContext tls(String folder) throws Exception {
    KeyManagerFactory ours = KeyManagerFactory.getInstance("PKIX");
    ours.init(KeyStore.getInstance(new File(folder, "transport.p12"), PASSWORD), PASSWORD);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    int number = 0;
    try (FileInputStream in = new FileInputStream(new File(folder, "trust-chain.pem"))) {
      for (var one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("trust" + number++, one);
      }
    }
    TrustManagerFactory theirs = TrustManagerFactory.getInstance("PKIX");
    theirs.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(ours.getKeyManagers(), theirs.getTrustManagers(), null);
    return context;
  }
}
