// Who can be written to, what a message is made of, and that nothing leaves for where it must not.
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include "courier/address_rules.h"
#include "courier/public_address.h"
#include "courier/smtp.h"
#include "courier/webhook.h"
#include "testing/code_of.h"
#include "testing/times.h"

namespace countersign::courier {
namespace {

using testing::code_of;
using testing::kNow;

TEST(MailAddress, IsPlainOrRefused) {
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const std::string host63(63, 'h');
  for (const Row& row :
       {Row{"ordinary", "ops@example.com", "ok"},
        Row{"dots and plus", "a.b+certs@mail.example.co.uk", "ok"},
        Row{"one label", "root@localhost", "ok"},
        Row{"longest local part", std::string(64, 'a') + "@example.com", "ok"},
        Row{"longer local part", std::string(65, 'a') + "@example.com", "address.invalid"},
        Row{"longest label", "a@" + host63 + ".example", "ok"},
        Row{"longer label", "a@" + host63 + "h.example", "address.invalid"},
        Row{"254 bytes", "a@" + host63 + "." + host63 + "." + host63 + "." + std::string(60, 'h'), "ok"},
        Row{"255 bytes", "a@" + host63 + "." + host63 + "." + host63 + "." + std::string(61, 'h'), "address.invalid"},
        Row{"empty", "", "address.invalid"},
        Row{"no domain", "ops@", "address.invalid"},
        Row{"no local part", "@example.com", "address.invalid"},
        Row{"a new line", "ops@example.com\r\nBcc: x@example.com", "address.invalid"},
        Row{"a new line in front", "a\nb@example.com", "address.invalid"},
        Row{"a NUL", std::string("ops\0@example.com", 16), "address.invalid"},
        Row{"brackets", "<ops@example.com>", "address.invalid"},
        Row{"two", "a@example.com,b@example.com", "address.invalid"},
        Row{"a space", "a b@example.com", "address.invalid"},
        Row{"quoted", "\"a b\"@example.com", "address.invalid"},
        Row{"an option", "-oQ/tmp@example.com", "address.invalid"},
        Row{"two dots", "a..b@example.com", "address.invalid"},
        Row{"a hyphen in front of a label", "a@-example.com", "address.invalid"},
        Row{"a literal", "a@[127.0.0.1]", "address.invalid"},
        Row{"not ASCII", "m\xc3\xbcller@example.com", "address.invalid"}})
    EXPECT_EQ(code_of(MailAddress::parse(row.text)), row.code) << row.name;
  EXPECT_EQ(MailAddress::parse("a@b.example")->domain(), "b.example");
}

TEST(WebhookUrl, IsHttpsOrRefused) {
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const std::string base = "https://hooks.example/";
  for (const Row& row :
       {Row{"ordinary", "https://hooks.example/countersign?a=b", "ok"},
        Row{"a port", "https://hooks.example:8443/x", "ok"},
        Row{"longest", base + std::string(kWebhookUrlLimit - base.size(), 'x'), "ok"},
        Row{"longer", base + std::string(kWebhookUrlLimit - base.size() + 1, 'x'), "address.invalid"},
        Row{"plain", "http://hooks.example/", "address.invalid"},
        Row{"a file", "file:///etc/passwd", "address.invalid"},
        Row{"a user", "https://a:b@hooks.example/", "address.invalid"},
        Row{"a fragment", "https://hooks.example/#x", "address.invalid"},
        Row{"a new line", "https://hooks.example/\r\nX: y", "address.invalid"},
        Row{"a space", "https://hooks.example/a b", "address.invalid"}, Row{"empty", "", "address.invalid"}})
    EXPECT_EQ(code_of(WebhookUrl::parse(row.text)), row.code) << row.name;
}

Mail mail_of(std::string subject, std::string text) {
  return {*MailAddress::parse("ca@provider.example"),
          *MailAddress::parse("ops@acme.example"),
          std::move(subject),
          std::move(text),
          "00ff",
          kNow};
}

TEST(Message, SaysWhoWhenAndWhat) {
  EXPECT_EQ(to_message(mail_of("It ends", "One.\n.Two\n\nThree")).value(),
            "Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nFrom: <ca@provider.example>\r\nTo: <ops@acme.example>\r\n"
            "Subject: It ends\r\nMessage-ID: <00ff@provider.example>\r\nAuto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
            "One.\r\n.Two\r\n\r\nThree\r\n");
}

TEST(Message, LetsNoSubjectBecomeAnotherHeader) {
  struct Row {
    const char* name;
    std::string subject;
    const char* code;
  };
  for (const Row& row :
       {Row{"ordinary", "a", "ok"}, Row{"empty", "", "mail.header"}, Row{"a new line", "a\nBcc: b", "mail.header"},
        Row{"a carriage return", "a\rb", "mail.header"}, Row{"not ASCII", "\xc3\xbc", "mail.header"},
        Row{"longest", std::string(300, 'x'), "ok"}, Row{"longer", std::string(301, 'x'), "mail.header"}})
    EXPECT_EQ(code_of(to_message(mail_of(row.subject, "x"))), row.code) << row.name;
}

TEST(Message, EncodesWhatWouldNotGetThrough) {
  struct Row {
    const char* name;
    std::string text;
    bool encoded;
  };
  for (const Row& row :
       {Row{"plain", "abc\n", false}, Row{"not ASCII", "M\xc3\xbcller\n", true},
        Row{"a lone carriage return", "a\rb", true}, Row{"a NUL", std::string("a\0b", 3), true},
        Row{"longest line", std::string(998, 'x'), false}, Row{"longer line", std::string(999, 'x'), true}})
    EXPECT_EQ(to_message(mail_of("s", row.text))->find("base64") != std::string::npos, row.encoded) << row.name;
}

TEST(Signature, IsOfTimeAndBody) {
  const base::Secret secret{std::string_view("whsec")};
  // printf '1790000000.{"a":1}' | openssl dgst -sha256 -hmac whsec
  EXPECT_EQ(sign_webhook(secret, kNow, "{\"a\":1}"),
            "t=1790000000,v1=10eafca9f78117bc724863bcd4b5c7d926c944a32a6ab8e96770849ab3e84a49");
  EXPECT_NE(sign_webhook(secret, kNow, "{\"a\":1}"), sign_webhook(secret, kNow, "{\"a\":2}"));
  EXPECT_NE(sign_webhook(secret, kNow, "x").substr(13),
            sign_webhook(secret, {kNow.micros + 1'000'000}, "x").substr(13));
}

bool is_public(const char* text) {
  sockaddr_storage storage{};
  auto& four = reinterpret_cast<sockaddr_in&>(storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) storage.ss_family = AF_INET;
  else if (::inet_pton(AF_INET6, text, &six.sin6_addr) == 1) storage.ss_family = AF_INET6;
  else ADD_FAILURE() << text;
  const bool is_public = is_public_address(reinterpret_cast<const sockaddr&>(storage));
  EXPECT_EQ(is_public_address(std::string(text)), is_public) << text;
  return is_public;
}

TEST(PublicAddress, EndsWhereSpecialBlocksBegin) {
  for (const char* text : {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
                           "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
                           "172.32.0.0",      "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",
                           "223.255.255.255", "2001:200::1",     "2606:4700::1111", "2003::1",        "3ffe::1"})
    EXPECT_TRUE(is_public(text)) << text;
  for (const char* text : {"0.0.0.0",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:1.1.1.1",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "fe80::1",
                           "fc00::1",
                           "fd00::1",
                           "ff02::1",
                           "2001::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "3fff::1",
                           "100::1"})
    EXPECT_FALSE(is_public(text)) << text;
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(other));
  for (const char* none : {"", "1.1.1", "0x01010101", "1.1.1.1 ", "[2003::1]", "2003::1%eth0", "host.example"})
    EXPECT_FALSE(is_public_address(std::string(none))) << none;
}

/// A socket that listens, and tells whether anybody came.
class Door {
 public:
  Door() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
  }
  ~Door() { ::close(listener_); }
  bool somebody_came() const {
    const int visitor = ::accept(listener_, nullptr, nullptr);
    if (visitor >= 0) ::close(visitor);
    return visitor >= 0;
  }
  std::uint16_t port = 0;

 private:
  int listener_;
};

TEST(Webhook, NeverEntersOurNetwork) {
  const base::Secret secret{std::string_view("whsec")};
  const Stop stop{false};
  for (const char* host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const Door door;
    const Webhook webhook{
        WebhookUrl::parse("https://" + std::string(host) + ":" + std::to_string(door.port) + "/").value(), "00ff", "{}",
        secret, kNow};
    const auto refused = post({}, webhook, stop);
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, "webhook.failed");
    EXPECT_NE(base::to_string(refused.error()).find("transfer.private_address"), std::string::npos)
        << base::to_string(refused.error());
    EXPECT_FALSE(door.somebody_came()) << host;
  }
}

/// What is denied is so for those, too, who may go anywhere: there it can be tried on loopback.
TEST(Webhook, GoesNowhereThatIsDenied) {
  const base::Secret secret{std::string_view("whsec")};
  const Stop stop{false};
  auto door = std::make_unique<Door>();
  const Webhook webhook{WebhookUrl::parse("https://127.0.0.1:" + std::to_string(door->port) + "/").value(), "00ff",
                        "{}", secret, kNow};
  const auto outcome = [&](const char* denied) {
    const AddressRules addresses{.reach = Reach::anywhere, .deny = {net::Network::parse(denied).value()}};
    return base::to_string(post({.addresses = addresses}, webhook, stop).error());
  };
  EXPECT_NE(outcome("127.0.0.0/8").find("transfer.private_address"), std::string::npos);
  EXPECT_FALSE(door->somebody_came());
  door.reset();  // who is let there finds nobody
  EXPECT_NE(outcome("127.0.0.2/32").find("transfer.failed"), std::string::npos);
}

TEST(AddressRules, ArePublicAndNeitherDeniedNorOurs) {
  const auto networks = [](const char* text) { return net::Networks{net::Network::parse(text).value()}; };
  struct Row {
    const char* name;
    AddressRules rules;
    const char* address;
    bool allowed;
  };
  const Row rows[] = {
      {"public", {}, "2a01:db8::1", true},
      {"private", {}, "10.0.0.1", false},
      {"private, where all may be", {.reach = Reach::anywhere}, "10.0.0.1", true},
      {"no address", {.reach = Reach::anywhere}, "host.example", false},
      {"denied", {.deny = networks("2a01:db8::/32")}, "2a01:db8::1", false},
      {"beside it", {.deny = networks("2a01:db8::/32")}, "2a01:db9::1", true},
      {"denied, where all else may be", {.reach = Reach::anywhere, .deny = networks("10.0.0.0/8")}, "10.0.0.1", false},
      {"of IPv4", {.deny = networks("11.0.0.0/24")}, "11.0.0.1", false},
      {"of IPv4, beside it", {.deny = networks("11.0.0.0/24")}, "11.0.1.1", true},
      {"ours", {.own = networks("11.0.0.0/24")}, "11.0.0.1", false},
      {"ours, where all may be", {.reach = Reach::anywhere, .own = networks("11.0.0.0/24")}, "11.0.0.1", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(allows(row.rules, row.address), row.allowed) << row.name;
  }
}

TEST(Webhook, AndMailEndWhenStopped) {
  const base::Secret secret{std::string_view("whsec")};
  const Stop stop{true};
  const Door door;  // takes the connection and says nothing
  const Webhook webhook{WebhookUrl::parse("https://127.0.0.1:" + std::to_string(door.port) + "/").value(), "00ff", "{}",
                        secret, kNow};
  const auto posted = post({.addresses = {.reach = Reach::anywhere}}, webhook, stop);
  ASSERT_FALSE(posted);
  EXPECT_NE(base::to_string(posted.error()).find("transfer.stopped"), std::string::npos);
  const auto sent = send({{"127.0.0.1", door.port}, MailSecurity::none, "", {}, {}}, mail_of("s", "t"), stop);
  ASSERT_FALSE(sent);
  EXPECT_NE(base::to_string(sent.error()).find("transfer.stopped"), std::string::npos);
}

}  // namespace
}  // namespace countersign::courier
