// Java's JSSE as the termination point for the provider's calls. Tried with Java 17: java Server.java
// It makes its key store in memory out of the same PEM files as the other servers here.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

public class Server {
  // Who may call: production calls of the provider, and nobody else under the same trust chain.
  static final String CALLER = "urn:countersign:production:provider:ehi";
  static final Pattern AMOUNT = Pattern.compile("\"amount\"\\s*:\\s*\"?([0-9]+(?:\\.[0-9]+)?)\"?");
  static final double LIMIT = 100.00;
  static final int BODY_LIMIT = 64 * 1024;
  static final char[] NO_PASSWORD = new char[0];

  static Path file(String name) {
    return Path.of(System.getenv().getOrDefault("EHI_FOLDER", "/etc/ehi"), name);
  }

  static Collection<? extends Certificate> certificates(String name) throws Exception {
    return CertificateFactory.getInstance("X.509").generateCertificates(Files.newInputStream(file(name)));
  }

  static PrivateKey key(String name, String algorithm) throws Exception {
    String pem = Files.readString(file(name)).replaceAll("-----[A-Z ]+-----|\\s", "");
    return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
  }

  static KeyStore empty() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, NO_PASSWORD);
    return store;
  }

  static SSLContext context() throws Exception {
    // You prove who you are.
    Certificate[] chain = certificates("server-chain.pem").toArray(new Certificate[0]);
    KeyStore own = empty();
    own.setKeyEntry("server", key("server.key", chain[0].getPublicKey().getAlgorithm()), NO_PASSWORD, chain);
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(own, NO_PASSWORD);

    // The provider proves who it is: only the root is an anchor, the issuing CAs come with the provider's chain.
    KeyStore trusted = empty();
    for (Certificate one : certificates("trust-chain.pem")) {
      X509Certificate ca = (X509Certificate) one;
      if (ca.getSubjectX500Principal().equals(ca.getIssuerX500Principal())) trusted.setCertificateEntry(ca.getSerialNumber().toString(), ca);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);

    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  static boolean mayCall(X509Certificate certificate) throws Exception {
    Collection<List<?>> names = certificate.getSubjectAlternativeNames();
    return names != null && names.size() == 1 && names.iterator().next().equals(List.of(6, CALLER));  // 6: URI
  }

  static void decide(HttpExchange call) throws IOException {
    try (call) {
      X509Certificate caller = (X509Certificate) ((HttpsExchange) call).getSSLSession().getPeerCertificates()[0];
      if (!mayCall(caller)) { answer(call, 403, "{\"error\":\"not the EHI caller of the provider\"}"); return; }
      byte[] body = call.getRequestBody().readNBytes(BODY_LIMIT + 1);
      Matcher amount = AMOUNT.matcher(new String(body, StandardCharsets.UTF_8));
      if (body.length > BODY_LIMIT || !amount.find()) { answer(call, 400, "{\"error\":\"not a message of the provider\"}"); return; }
      boolean approved = Double.parseDouble(amount.group(1)) <= LIMIT;
      answer(call, 200, "{\"approved\":" + approved + ",\"caller\":\"" + CALLER + "\"}");
    } catch (IOException error) {
      throw error;
    } catch (Exception error) {
      throw new IOException(error);
    }
  }

  static void answer(HttpExchange call, int status, String json) throws IOException {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    call.getResponseHeaders().set("Content-Type", "application/json");
    call.sendResponseHeaders(status, body.length);
    call.getResponseBody().write(body);
  }

  public static void main(String[] arguments) throws Exception {
    // No way around a fresh look at the certificate: no tickets. JSSE cannot be told not to keep sessions of TLS 1.2, so
    // this server speaks 1.3 only, as the provider's sender does.
    System.setProperty("jdk.tls.server.enableSessionTicketExtension", "false");
    SSLContext context = context();
    int port = Integer.parseInt(System.getenv().getOrDefault("EHI_PORT", "443"));
    HttpsServer server = HttpsServer.create(new InetSocketAddress(System.getenv().getOrDefault("EHI_ADDRESS", "0.0.0.0"), port), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context) {
      @Override public void configure(HttpsParameters parameters) {
        SSLParameters wanted = context.getDefaultSSLParameters();
        wanted.setNeedClientAuth(true);
        wanted.setProtocols(new String[] {"TLSv1.3"});
        parameters.setSSLParameters(wanted);
      }
    });
    server.createContext("/decide", Server::decide);
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("listening on " + server.getAddress());
  }
}
