// A key update of which only a part has come (RFC 8446 section 4.6.3): libssl then has to read in order to write, and
// reader and writer want the same of the socket.
#include <array>
#include <cstdlib>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/connect_to.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::tls {
namespace {

using testing::Pki;
using testing::soon;

constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kApplicationData = 23;

/// HKDF-Expand-Label of one block (RFC 8446 section 7.1), with SHA-256.
std::string expand(const std::string& secret, const std::string& label, std::size_t size) {
  const std::string name = "tls13 " + label;
  const std::string info = std::string(1, '\0') + static_cast<char>(size) + static_cast<char>(name.size()) + name +
                           std::string(1, '\0') + '\x01';
  std::array<unsigned char, 32> out{};
  std::size_t written = 0;
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> params{OSSL_PARAM{"digest", OSSL_PARAM_UTF8_STRING, digest.data(), digest.size(), 0},
                                         OSSL_PARAM{nullptr, 0, nullptr, 0, 0}};
  EXPECT_NE(
      EVP_Q_mac(nullptr, "HMAC", nullptr, nullptr, params.data(), secret.data(), secret.size(),
                reinterpret_cast<const unsigned char*>(info.data()), info.size(), out.data(), out.size(), &written),
      nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

/// A client that writes its records by hand, so that a message can be cut where libssl would never cut it.
class HandmadeClient {
 public:
  explicit HandmadeClient(std::uint16_t port) : descriptor_(testing::connect_to(port)) {
    SSL_CTX_set_keylog_callback(context_.get(), [](const SSL* ssl, const char* line) {
      const std::string text(line);
      if (text.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
        static_cast<HandmadeClient*>(SSL_get_app_data(ssl))->take_secret(text.substr(text.rfind(' ') + 1));
    });
    SSL_CTX_set_ciphersuites(context_.get(), "TLS_AES_128_GCM_SHA256");
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_fd(ssl_.get(), descriptor_);
    EXPECT_EQ(SSL_connect(ssl_.get()), 1);
  }
  ~HandmadeClient() { ::close(descriptor_); }
  HandmadeClient(const HandmadeClient&) = delete;

  void send(const std::string& records) {
    EXPECT_EQ(::send(descriptor_, records.data(), records.size(), MSG_NOSIGNAL), static_cast<ssize_t>(records.size()));
  }
  std::string read() {
    std::array<char, 64> buffer;
    const int got = SSL_read(ssl_.get(), buffer.data(), buffer.size());
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : "";
  }

  /// RFC 8446 section 5.2.
  std::string record(std::uint8_t type, const std::string& content) {
    const std::string plain = content + static_cast<char>(type);
    std::string head = "\x17\x03\x03";
    head += '\0';
    head += static_cast<char>(plain.size() + 16);
    std::string iv = expand(secret_, "iv", 12);
    iv.back() = static_cast<char>(iv.back() ^ static_cast<char>(sequence_++));
    const std::string key = expand(secret_, "key", 16);
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    std::array<unsigned char, 256> out{};
    int size = 0;
    EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, bytes(key), bytes(iv));
    EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes(head), static_cast<int>(head.size()));
    EVP_EncryptUpdate(cipher.get(), out.data(), &size, bytes(plain), static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(cipher.get(), out.data() + size, &size);
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, 16, out.data() + plain.size());
    return head + std::string(reinterpret_cast<const char*>(out.data()), plain.size() + 16);
  }

 private:
  void take_secret(const std::string& hexadecimal) {
    for (std::size_t i = 0; i < hexadecimal.size(); i += 2)
      secret_ += static_cast<char>(std::stoi(hexadecimal.substr(i, 2), nullptr, 16));
  }

  int descriptor_;
  std::shared_ptr<SSL_CTX> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, SSL_free};
  std::string secret_;
  std::uint8_t sequence_ = 0;
};

class KeyUpdate : public ::testing::Test {
 protected:
  void call(std::uint16_t port) {
    HandmadeClient client(port);
    const std::string update("\x18\0\0\x01\0", 5);  // KeyUpdate, update_not_requested
    const std::string byte = client.record(kApplicationData, "x");
    client.send(byte + client.record(kHandshake, update.substr(0, 2)));
    both_wait_.get_future().wait();
    client.send(client.record(kHandshake, update.substr(2)));
    heard_ = client.read();
  }

  net::Task<void> write(net::Stream& stream) {
    constexpr std::string_view kHello = "hello";
    const auto written = co_await stream.write_all(base::as_bytes(kHello), soon());
    written_ = written ? "ok" : written.error().code;
  }
  net::Task<void> read(net::Stream& stream) {
    std::array<std::uint8_t, 16> buffer;
    const auto count = co_await stream.read_some(buffer, soon());
    read_ = count ? "something" : count.error().code;
  }
  net::Task<void> say_that_both_wait() {
    both_wait_.set_value();
    co_return;
  }

  net::Task<void> serve(net::Listener& listener, std::shared_ptr<const ServerContext> context) {
    auto socket = co_await listener.accept();
    const JudgeClient nobody = [](const trust::Presented&) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      std::abort();  // no certificate is asked for
    };
    auto connection = co_await Handshake::accept_optional(std::move(*socket), std::move(context), nobody, soon());
    if (!connection) co_return;
    net::Stream& stream = *connection->stream;
    std::array<std::uint8_t, 16> buffer;
    const auto first = co_await stream.read_some(buffer, soon());
    EXPECT_TRUE(first) << base::to_string(first.error());
    // The first part of the update is looked at, and nothing is waited for.
    const net::Deadline passed{};
    const auto second = co_await stream.read_some(buffer, passed);
    EXPECT_FALSE(second);
    EXPECT_EQ(second.error().code, "net.timeout") << second.error().detail;
    net::TaskGroup both(loop_, log_.log());
    both.spawn(write(stream), "write");
    both.spawn(read(stream), "read");
    both.spawn(say_that_both_wait(), "say");
    (void)co_await both.wait_until_empty(soon());
  }

  testing::KeptLog log_;
  net::Loop loop_;
  std::promise<void> both_wait_;
  std::string heard_;
  std::string written_;
  std::string read_;
};

TEST_F(KeyUpdate, InPartsHoldsUpWriterAndReaderAndHarmsNeither) {
  Pki pki;
  testing::Issued own = pki.internal_server().issue();
  const Credential credential{std::move(own.chain), std::move(own.key)};
  auto context = ServerContext::make(credential, {.mode = ClientCertificate::none}).value();
  auto listener = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  std::thread client([this, port = listener.local().port] { call(port); });
  net::spawn(loop_, serve(listener, context), "server", log_.log());
  loop_.run();
  client.join();
  EXPECT_EQ(written_, "ok");
  EXPECT_EQ(heard_, "hello");
  EXPECT_EQ(read_, "tls.truncated") << "it waited until the client went away";
}

}  // namespace
}  // namespace countersign::tls
