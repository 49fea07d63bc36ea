// The examples of RFC 9421 (appendix B, sections 2.2, 2.4, 3.2, 4.3) and RFC 9530, as they are printed there.
#include "signatures/rfc_vectors_test.h"

#include <gtest/gtest.h>

#include "crypto/private_key.h"
#include "testing/code_of.h"

namespace countersign::signatures {
namespace {

struct Vector {
  std::string name;
  std::string input;
  std::string signature;
  std::vector<std::string> lines;  ///< of the base, without the last
  bool of_response = false;
};

const Vector kVectors[] = {
    {"B.2.1 minimal, rsa-pss-sha512",
     R"(sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd")",
     "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXa"
     "JMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/"
     "Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsf"
     "xVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/"
     "SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ"
     "98Xw9Q==:",
     {}},
    {"B.2.2 selective, rsa-pss-sha512",
     R"(sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example")",
     "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB"
     "4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/"
     "2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2"
     "fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/"
     "XaVe4bXTu"
     "gEjHSw==:",
     {"\"@authority\": example.com",
      "\"content-digest\": "
      "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
      "\"@query-param\";name=\"Pet\": dog"}},
    {"B.2.3 full, rsa-pss-sha512",
     R"(sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss")",
     "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrC"
     "Ub38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/"
     "CCoC1xM"
     "y7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+"
     "QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKE"
     "gM4cUA==:",
     {"\"date\": Tue, 20 Apr 2021 02:07:55 GMT", "\"@method\": POST", "\"@path\": /foo",
      "\"@query\": ?param=Value&Pet=dog", "\"@authority\": example.com", "\"content-type\": application/json",
      "\"content-digest\": "
      "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
      "\"content-length\": 18"}},
    {"B.2.4 response, ecdsa-p256-sha256",
     R"(sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256")",
     "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:",
     {"\"@status\": 200", "\"content-type\": application/json",
      "\"content-digest\": "
      "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
      "\"content-length\": 23"},
     true},
    {"B.2.6 ed25519",
     R"(sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519")",
     "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
     {"\"date\": Tue, 20 Apr 2021 02:07:55 GMT", "\"@method\": POST", "\"@path\": /foo", "\"@authority\": example.com",
      "\"content-type\": application/json", "\"content-length\": 18"}},
    {"2.5 and 3.2, rsa-pss-sha512",
     R"(sig1=("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss")",
     "sig1=:HIbjHC5rS0BYaa9v4QfD4193TORw7u9edguPh0AW3dMq9WImrlFrCGUDih47vAxi4L2YRZ3XMJc1uOKk/"
     "J0ZmZ+wcta4nKIgBkKq0rM9hs3C"
     "QyxXGxHLMCy8uqK488o+9jrptQ+xFPHK7a9sRL1IXNaagCNN3ZxJsYapFj+JXbmaI5rtAdSfSvzPuBCh+"
     "ARHBmWuNo1UzVVdHXrl8ePL4cccqlazIJdC"
     "4QEjrF+Sn4IxBQzTZsL9y9TP5FsZYzHvDqbInkTNigBcE9cKOYNFCn4D/"
     "WM7F6TNuZO9EgtzepLWcjTymlHzK7aXq6Am6sfOrpIC49yXjj3ae6HRalVc"
     "/g==:",
     {"\"@method\": POST", "\"@authority\": example.com", "\"@path\": /foo",
      "\"content-digest\": "
      "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
      "\"content-length\": 18", "\"content-type\": application/json"}},
};

/// The standard's examples cover what they like; ours is a policy, and not asked here.
bool holds(const MessageView& message, const SignatureInput& input) {
  const auto key = find_rfc_key(input.keyid.value_or(""));
  if (!key) return false;
  const auto scheme = input.alg ? http_scheme(key->key().type(), *input.alg) : http_scheme(key->key().type());
  const auto base = signature_base(message, input);
  return scheme && base && verify(*scheme, key->key(), *base, input.signature);
}

TEST(Rfc9421, ExamplesHaveThePrintedBaseAndHold) {
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.name);
    http::Fields fields = vector.of_response ? rfc_response_fields() : rfc_request_fields();
    fields.add("Signature-Input", vector.input);
    fields.add("Signature", vector.signature);
    const RequestView request = rfc_request(fields);
    const MessageView message = vector.of_response ? MessageView::of(200, fields, nullptr) : MessageView::of(request);
    const auto inputs = read_signatures(fields);
    ASSERT_TRUE(inputs) << inputs.error().detail;
    const SignatureInput& input = inputs->front();
    const auto base = signature_base(message, input);
    ASSERT_TRUE(base) << base.error().detail;
    std::string expected;
    for (const std::string& line : vector.lines)
      expected += line + "\n";
    expected += "\"@signature-params\": " + vector.input.substr(vector.input.find('=') + 1);
    EXPECT_EQ(*base, expected);
    EXPECT_TRUE(holds(message, input));
    SignatureInput changed = input;
    changed.signature.back() ^= 1U;
    EXPECT_FALSE(holds(message, changed));
  }
}

TEST(Rfc9421, HmacOfB25IsNotTaken) {
  http::Fields fields = rfc_request_fields();
  fields.add("Signature-Input",
             R"(sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret")");
  fields.add("Signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:");
  const auto inputs = read_signatures(fields);
  ASSERT_TRUE(inputs);
  EXPECT_FALSE(http_scheme(crypto::KeyType::rsa, "hmac-sha256"));
  EXPECT_FALSE(holds(MessageView::of(rfc_request(fields)), inputs->front()));
}

/// B.2.6 is made again, byte for byte.
TEST(Rfc9421, Ed25519SignsAsPrinted) {
  const auto key = crypto::PrivateKey::from_pem(
      crypto::to_pem("PRIVATE KEY", base::from_base64(kTestKeyEd25519Private).value()), base::Secret());
  ASSERT_TRUE(key);
  const http::Fields fields = rfc_request_fields();
  const RequestView request = rfc_request(fields);
  SignatureInput input{.label = "sig-b26", .components = {}, .parameters = {}, .signature = {}};
  for (const char* name : {"date", "@method", "@path", "@authority", "content-type", "content-length"})
    input.components.push_back(Component::named(name));
  input.parameters = {{"created", std::int64_t{1'618'884'473}}, {"keyid", std::string("test-key-ed25519")}};
  const auto base = signature_base(MessageView::of(request), input);
  ASSERT_TRUE(base);
  const auto signature = sign(Scheme::ed25519, *key, *base);
  ASSERT_TRUE(signature);
  EXPECT_EQ("sig-b26=" + sf::serialise(sf::BareItem(*signature)), kVectors[4].signature);
}

/// Section 4.3: a proxy's signature beside the client's, which no longer fits what the proxy made of the request.
TEST(Rfc9421, ProxySignsBesideTheClient) {
  http::Fields fields = fields_of(
      {{"Host", "origin.host.internal.example"},
       {"Content-Type", "application/json"},
       {"Content-Length", "18"},
       {"Forwarded", "for=192.0.2.123;host=example.com;proto=https"},
       {"Content-Digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"},
       {"Signature-Input",
        R"(sig1=("@method" "@authority" "@path" "content-digest" "content-type" "content-length");created=1618884475;keyid="test-key-ecc-p256")"},
       {"Signature-Input",
        R"(proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540)"},
       {"Signature", "sig1=:X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A==:"},
       {"Signature",
        "proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/"
        "fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJ"
        "leXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+"
        "7X5kXQfi8NMa"
        "ZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/"
        "vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1"
        "w5o0LV/g==:"}});
  RequestView request = rfc_request(fields);
  request.authority = "origin.host.internal.example";
  const auto inputs = read_signatures(fields);
  ASSERT_TRUE(inputs) << inputs.error().detail;
  ASSERT_EQ(inputs->size(), 2U);
  EXPECT_FALSE(holds(MessageView::of(request), (*inputs)[0]));
  EXPECT_TRUE(holds(MessageView::of(request), (*inputs)[1]));
  request.authority = "example.com";
  EXPECT_TRUE(holds(MessageView::of(request), (*inputs)[0]));
  EXPECT_FALSE(holds(MessageView::of(request), (*inputs)[1]));
}

/// B.3: a proxy that ends TLS signs for the client's certificate.
TEST(Rfc9421, TlsTerminatingProxyOfB3) {
  const std::string certificate =
      ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF"
      "0ZS"
      "BDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgm"
      "nMtOX"
      "U/IncWalRhebrXmckC8vdgJ1p5Be5F/"
      "3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38l"
      "bEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/"
      "BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGS"
      "M49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";
  const http::Fields fields = fields_of(
      {{"Client-Cert", certificate},
       {"Signature-Input",
        R"(ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256")"},
       {"Signature",
        "ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:"}});
  RequestView request = rfc_request(fields);
  request.authority = "service.internal.example";
  EXPECT_TRUE(holds(MessageView::of(request), read_signatures(fields).value().front()));
}

/// B.4: what may become of a message on its way, and what may not.
TEST(Rfc9421, TransformationsOfB4) {
  struct Row {
    const char* name;
    const char* method;
    const char* authority;
    const char* target;
    http::Fields fields;
    bool holds;
  };
  const char* target = "/demo?name1=Value1&Name2=value2";
  const http::Field date{"Date", "Fri, 15 Jul 2022 14:24:55 GMT"};
  const http::Field json{"Accept", "application/json"};
  const http::Field any{"Accept", "*/*"};
  const http::Field both{"Accept", "application/json, */*"};
  for (Row row : {
           Row{"as signed", "GET", "example.org", target, fields_of({date, json, any}), true},
           Row{"a parameter and a field more", "GET", "example.org", "/demo?name1=Value1&Name2=value2&param=added",
               fields_of({date, json, any, {"Accept-Language", "en-US,en;q=0.5"}}), true},
           Row{"fields put together", "GET", "example.org", target,
               fields_of({{"Referer", "https://developer.example.org/demo"}, both}), true},
           Row{"fields in another order", "GET", "example.org", target, fields_of({json, any, date}), true},
           Row{"white space around", "GET", "example.org", target, fields_of({{"Accept", "  application/json "}, any}),
               true},
           Row{"another method", "POST", "example.org", target, fields_of({date, json, any}), false},
           Row{"another authority", "GET", "example.com", target, fields_of({date, json, any}), false},
           Row{"another path", "GET", "example.org", "/demo/?name1=Value1", fields_of({date, json, any}), false},
           Row{"values in another order", "GET", "example.org", target, fields_of({date, any, json}), false},
       }) {
    row.fields.add(
        "Signature-Input",
        R"(transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519")");
    row.fields.add("Signature",
                   "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/"
                   "LXlh5QMFFQ6cpLt2m0pmj3NDA==:");
    const RequestView request{.method = row.method,
                              .scheme = "https",
                              .authority = row.authority,
                              .target = row.target,
                              .fields = row.fields};
    EXPECT_EQ(holds(MessageView::of(request), read_signatures(row.fields).value().front()), row.holds) << row.name;
  }
}

struct Derived {
  std::string identifier;
  std::string target;
  std::string value;
};

TEST(Rfc9421, DerivedComponentsOfSection22) {
  const Derived rows[] = {
      {"\"@method\"", "/path?param=value", "POST"},
      {"\"@target-uri\"", "/path?param=value", "https://www.example.com/path?param=value"},
      {"\"@authority\"", "/path?param=value", "www.example.com"},
      {"\"@scheme\"", "/path?param=value", "https"},
      {"\"@request-target\"", "/path?param=value", "/path?param=value"},
      {"\"@path\"", "/path?param=value", "/path"},
      {"\"@path\"", "", "/"},
      {"\"@query\"", "/path?param=value&foo=bar&baz=bat%2Dman", "?param=value&foo=bar&baz=bat%2Dman"},
      {"\"@query\"", "/path?queryString", "?queryString"},
      {"\"@query\"", "/path", "?"},
      {"\"@query\"", "/path?", "?"},
      {"\"@query-param\";name=\"baz\"", "/path?param=value&foo=bar&baz=batman&qux=", "batman"},
      {"\"@query-param\";name=\"qux\"", "/path?param=value&foo=bar&baz=batman&qux=", ""},
      {"\"@query-param\";name=\"var\"",
       "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20="
       "something",
       "this%20is%20a%20big%0Amultiline%20value"},
      {"\"@query-param\";name=\"bar\"",
       "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20="
       "something",
       "with%20plus%20whitespace"},
      {"\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"",
       "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20="
       "something",
       "something"},
  };
  const http::Fields fields;
  for (const Derived& row : rows) {
    SCOPED_TRACE(row.identifier + " " + row.target);
    const RequestView request{.method = "POST",
                              .scheme = "https",
                              .authority = "WWW.example.com:443",
                              .target = row.target,
                              .fields = fields};
    const auto component = Component::from(sf::parse_item(row.identifier).value());
    ASSERT_TRUE(component);
    const auto value = component->value(MessageView::of(request));
    ASSERT_TRUE(value) << value.error().detail;
    EXPECT_EQ(*value, row.value);
    EXPECT_EQ(component->text(), row.identifier);
  }
}

TEST(Rfc9421, FieldsOfSection21) {
  const http::Fields fields = fields_of({{"Cache-Control", "max-age=60"},
                                         {"Cache-Control", "   must-revalidate"},
                                         {"Example-Header", "value, with, lots"},
                                         {"Example-Header", "of, commas"},
                                         {"Example-Dict", "  a=1,    b=2;x=1;y=2,   c=(a   b   c), d"},
                                         {"X-Empty", ""}});
  struct Row {
    std::string identifier;
    std::string value;
  };
  const Row rows[] = {{"\"cache-control\"", "max-age=60, must-revalidate"},
                      {"\"x-empty\"", ""},
                      {"\"example-dict\"", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"},
                      {"\"example-dict\";sf", "a=1, b=2;x=1;y=2, c=(a b c), d"},
                      {"\"example-dict\";key=\"a\"", "1"},
                      {"\"example-dict\";key=\"d\"", "?1"},
                      {"\"example-dict\";key=\"b\"", "2;x=1;y=2"},
                      {"\"example-dict\";key=\"c\"", "(a b c)"},
                      {"\"example-header\";bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"}};
  const RequestView request = rfc_request(fields);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.identifier);
    const auto value = Component::from(sf::parse_item(row.identifier).value()).value().value(MessageView::of(request));
    ASSERT_TRUE(value) << value.error().detail;
    EXPECT_EQ(*value, row.value);
  }
}

TEST(Rfc9421, ResponseCoversItsRequest) {
  const http::Fields of_request = rfc_request_fields();
  const http::Fields of_response = rfc_response_fields();
  const RequestView request = rfc_request(of_request);
  const MessageView message = MessageView::of(503, of_response, &request);
  const auto value = [&](std::string_view identifier) {
    return Component::from(sf::parse_item(identifier).value()).value().value(message);
  };
  EXPECT_EQ(value("\"@method\";req").value(), "POST");
  EXPECT_EQ(value("\"content-digest\";req").value().substr(0, 12), "sha-512=:WZD");
  EXPECT_EQ(value("\"content-digest\"").value().substr(0, 12), "sha-512=:mEW");
  EXPECT_EQ(testing::code_of(value("\"@method\"")), "component.unusable");
  EXPECT_EQ(testing::code_of(value("\"x-none\";req")), "component.missing");
}

/// RFC 9530, appendices A and B: {"hello": "world"} with its line end.
TEST(Rfc9530, ContentDigestAsPrinted) {
  constexpr std::string_view kContent = "{\"hello\": \"world\"}\n";
  EXPECT_EQ(content_digest(DigestAlgorithm::sha256, kContent),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
  EXPECT_EQ(content_digest(DigestAlgorithm::sha512, kContent),
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/"
            "WkppmM44T3qg==:");
  EXPECT_EQ(content_digest(DigestAlgorithm::sha256, ""), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
}

/// RFC 9530 section 4: the greater weight, of those we have; zero is no.
TEST(Rfc9530, WantContentDigestChooses) {
  const std::pair<const char*, std::optional<DigestAlgorithm>> rows[] = {
      {"sha-256=1", DigestAlgorithm::sha256},
      {"sha-512=3, sha-256=10, unixsum=0", DigestAlgorithm::sha256},
      {"sha-512=10, sha-256=3", DigestAlgorithm::sha512},
      {"sha-512=0", std::nullopt},
      {"md5=10", std::nullopt},
      {"sha-512", std::nullopt},
      {"not a dictionary", std::nullopt}};
  for (const auto& [text, wanted] : rows)
    EXPECT_EQ(wanted_digest(fields_of({{"Want-Content-Digest", text}})), wanted) << text;
  EXPECT_EQ(wanted_digest({}), std::nullopt);
}

struct DigestRow {
  std::string name;
  std::string field;
  std::string outcome;
};

TEST(Rfc9530, ContentDigestIsCheckedAsAWhole) {
  const std::string good256 = content_digest(DigestAlgorithm::sha256, "x");
  const std::string good512 = content_digest(DigestAlgorithm::sha512, "x");
  const std::string bad512 = content_digest(DigestAlgorithm::sha512, "y");
  const DigestRow rows[] = {{"one", good256, "ok"},
                            {"both", good256 + ", " + good512, "ok"},
                            {"with an older one", "md5=:AAAA:, " + good512, "ok"},
                            {"one of two is wrong", good256 + ", " + bad512, "digest.mismatch"},
                            {"the only one is wrong", bad512, "digest.mismatch"},
                            {"cut short", "sha-256=:AAAA:", "digest.mismatch"},
                            {"older ones alone", "md5=:AAAA:", "digest.unsupported"},
                            {"nothing in it", "", "digest.unsupported"},
                            {"a text", "sha-256=\"x\"", "digest.malformed"},
                            {"a list", "sha-256=(:AAAA:)", "digest.malformed"},
                            {"no dictionary", "sha-256=:A:", "digest.malformed"}};
  for (const DigestRow& row : rows) {
    SCOPED_TRACE(row.name);
    auto check = DigestCheck::of(fields_of({{"Content-Digest", row.field}}));
    if (!check) {
      EXPECT_EQ(check.error().code, row.outcome);
      continue;
    }
    check->add("x");
    EXPECT_EQ(testing::code_of(std::move(*check).finish()), row.outcome);
  }
  EXPECT_EQ(testing::code_of(DigestCheck::of({})), "digest.missing");
}

}  // namespace
}  // namespace countersign::signatures
