// java -cp BOUNCYCASTLE Est.java HOST:PORT LABEL CA-FILE KEY-OUT CERTIFICATE-OUT code CODE
// java -cp BOUNCYCASTLE Est.java HOST:PORT LABEL CA-FILE KEY-OUT CERTIFICATE-OUT held PKCS12-FILE PASSWORD
// Enrols or renews with Bouncy Castle's EST client; writes key and leaf as PEM and prints {"cas":N} or {"error":"..."}.

import java.io.FileInputStream;
import java.io.FileWriter;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.HashSet;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.JcaHttpAuthBuilder;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

public class Est {
  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    boolean renews = arguments[5].equals("held");
    JsseESTServiceBuilder builder =
        new JsseESTServiceBuilder(arguments[0], JcaJceUtils.getCertPathTrustManager(anchors(arguments[2]), null));
    builder.withLabel(arguments[1]);
    builder.withTimeout(20000);
    if (renews) builder.withKeyManagers(held(arguments[6], arguments[7]).getKeyManagers());
    ESTService service = builder.build();

    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    KeyPair pair = generator.generateKeyPair();
    PKCS10CertificationRequest request =
        new JcaPKCS10CertificationRequestBuilder(new X500Principal("CN=anything"), pair.getPublic())
            .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()));
    ESTAuth code = renews ? null : new JcaHttpAuthBuilder("device", arguments[6].toCharArray()).build();
    try {
      int cas = ESTService.storeToArray(service.getCACerts().getCertificateStore()).length;
      if (!service.getCSRAttributes().hasAttributesResponse()) throw new IllegalStateException("no csrattrs");
      EnrollmentResponse response = service.simpleEnroll(renews, request, code);
      X509CertificateHolder[] issued = ESTService.storeToArray(response.getStore());
      if (issued.length != 1) throw new IllegalStateException(issued.length + " certificates");
      write(arguments[3], new JcaPKCS8Generator(pair.getPrivate(), null));
      write(arguments[4], issued[0]);
      System.out.println("{\"cas\":" + cas + "}");
    } catch (Exception refused) {
      System.out.println("{\"error\":\"" + refused.toString().replace('"', '\'').replace('\n', ' ') + "\"}");
    }
  }

  private static Set<TrustAnchor> anchors(String file) throws Exception {
    Set<TrustAnchor> anchors = new HashSet<>();
    try (FileInputStream in = new FileInputStream(file)) {
      for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in))
        anchors.add(new TrustAnchor((X509Certificate) one, null));
    }
    return anchors;
  }

  private static KeyManagerFactory held(String file, String password) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream in = new FileInputStream(file)) {
      store.load(in, password.toCharArray());
    }
    KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, password.toCharArray());
    return factory;
  }

  private static void write(String file, Object content) throws Exception {
    try (JcaPEMWriter writer = new JcaPEMWriter(new FileWriter(file))) {
      writer.writeObject(content);
    }
  }
}
