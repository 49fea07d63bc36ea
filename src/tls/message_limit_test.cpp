// A peer that says nothing but what libssl takes by itself is ended; one that says some of it between its data is not.
#include "tls/message_limit.h"

#include <array>
#include <cstdlib>
#include <functional>
#include <span>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/connect_to.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"
#include "tls/handshake.h"
#include "tls/server.h"

namespace countersign::tls {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;

/// Far more than any peer would send, and enough to be without end for a loop that does not look up.
constexpr int kFlood = 20'000;

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// The records of a client of TLS 1.2 with AES-128-GCM, written by hand (RFC 5246 section 6.3, RFC 5288 section 3):
/// no library begins to renegotiate twice.
class Tls12Records {
 public:
  explicit Tls12Records(SSL* ssl) {
    std::string master(48, '\0'), server(32, '\0'), client(32, '\0');
    SSL_SESSION_get_master_key(SSL_get_session(ssl), bytes_of(master), master.size());
    SSL_get_server_random(ssl, bytes_of(server), server.size());
    SSL_get_client_random(ssl, bytes_of(client), client.size());
    std::string seed = "key expansion" + server + client;
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 4> parameters{
        OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
        OSSL_PARAM_construct_octet_string("secret", master.data(), master.size()),
        OSSL_PARAM_construct_octet_string("seed", seed.data(), seed.size()), OSSL_PARAM_construct_end()};
    const std::unique_ptr<EVP_KDF, void (*)(EVP_KDF*)> kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr), EVP_KDF_free);
    const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> run(EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
    std::string block(40, '\0');  // both keys, then both salts; the client's first
    EXPECT_EQ(EVP_KDF_derive(run.get(), bytes_of(block), block.size(), parameters.data()), 1);
    key_ = block.substr(0, 16);
    salt_ = block.substr(32, 4);
  }

  std::string record(char type, const std::string& content) {
    ++sequence_;  // the handshake's Finished was number 0
    std::string number(8, '\0');
    for (int i = 0; i < 8; ++i)
      number[static_cast<std::size_t>(7 - i)] = static_cast<char>(sequence_ >> (8 * i));
    const std::string version("\x03\x03", 2);
    const auto length = [](std::size_t size) {
      return std::string{static_cast<char>(size >> 8), static_cast<char>(size)};
    };
    const std::string checked = number + type + version + length(content.size());
    const std::string nonce = salt_ + number;
    std::string out(content.size() + 16, '\0');
    int size = 0;
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, bytes_of(key_), bytes_of(nonce));
    EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(checked), static_cast<int>(checked.size()));
    EVP_EncryptUpdate(cipher.get(), bytes_of(out), &size, bytes_of(content), static_cast<int>(content.size()));
    EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + size, &size);
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, 16, bytes_of(out) + content.size());
    return type + version + length(number.size() + out.size()) + number + out;
  }

 private:
  std::string key_;
  std::string salt_;
  std::uint64_t sequence_ = 0;
};

/// What it sends is made beforehand, and goes out as fast as the kernel takes it.
class Peer {
 public:
  explicit Peer(std::uint16_t port) : descriptor_(testing::connect_to(port)) {}
  ~Peer() { ::close(descriptor_); }
  Peer(const Peer&) = delete;

  void be_client(int version) {
    make(TLS_client_method());
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_cipher_list(context_.get(), "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
    begin();
    ASSERT_EQ(SSL_connect(ssl_.get()), 1);
  }
  void be_server(const Issued& own) {
    make(TLS_server_method());
    SSL_CTX_use_certificate(context_.get(), own.chain.front().native());
    for (std::size_t i = 1; i < own.chain.size(); ++i)
      SSL_CTX_add1_chain_cert(context_.get(), own.chain[i].native());
    SSL_CTX_use_PrivateKey(context_.get(), own.key.native());
    SSL_CTX_set_num_tickets(context_.get(), 0);
    begin();
    ASSERT_EQ(SSL_accept(ssl_.get()), 1);
  }

  void update_keys() {
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
    write();
  }
  void give_ticket() {
    SSL_new_session_ticket(ssl_.get());
    write();
  }
  void renegotiate() {
    if (!by_hand_) by_hand_.emplace(ssl_.get());
    const std::string hello("\x01\0\0\x20", 4);
    made_ += by_hand_->record(SSL3_RT_HANDSHAKE, hello + std::string(32, '\0'));
  }
  /// One attempt, its body in so many records.
  void renegotiate_in(int pieces) {
    if (!by_hand_) by_hand_.emplace(ssl_.get());
    made_ += by_hand_->record(SSL3_RT_HANDSHAKE, {'\x01', '\0', '\0', static_cast<char>(pieces)});
    for (int i = 0; i < pieces; ++i)
      made_ += by_hand_->record(SSL3_RT_HANDSHAKE, std::string(1, '\0'));
  }
  void say(const std::string& data) {
    if (by_hand_) made_ += by_hand_->record(SSL3_RT_APPLICATION_DATA, data);
    else keep_written([&] { EXPECT_GT(SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size())), 0); });
  }
  /// Without a handshake.
  void say_plainly(const std::string& bytes) { made_ += bytes; }

  /// Until the other side has had enough.
  void send() {
    for (std::size_t sent = 0; sent < made_.size();) {
      const ssize_t count = ::send(descriptor_, made_.data() + sent, made_.size() - sent, MSG_NOSIGNAL);
      if (count < 0) return;
      sent += static_cast<std::size_t>(count);
    }
    ::shutdown(descriptor_, SHUT_WR);
    char byte;
    while (::recv(descriptor_, &byte, 1, 0) > 0) {
    }
  }

 private:
  void make(const SSL_METHOD* method) { context_ = {SSL_CTX_new(method), SSL_CTX_free}; }
  void begin() {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), descriptor_);
  }
  void write() {
    keep_written([this] { EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1); });
  }
  template <class Work>
  void keep_written(Work work) {
    BIO* const into = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl_.get(), into);
    work();
    char* text = nullptr;
    const long size = BIO_get_mem_data(into, &text);
    made_.append(text, static_cast<std::size_t>(size));
  }

  int descriptor_;
  std::shared_ptr<SSL_CTX> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, SSL_free};
  std::optional<Tls12Records> by_hand_;
  std::string made_;
};

class MessageLimit : public ::testing::Test {
 protected:
  using Script = std::function<void(Peer&)>;

  /// All that comes until the end, and how it ends.
  static net::Task<std::string> hear(net::Stream& stream) {
    std::array<std::uint8_t, 4096> buffer;
    std::string heard;
    for (;;) {
      const auto got = co_await stream.read_some(buffer, soon());
      if (!got) co_return heard + "|" + got.error().code;
      heard.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    }
  }
  net::Task<std::string> accept(net::Listener& listener, std::shared_ptr<const ServerContext> context) {
    auto socket = co_await listener.accept();
    const JudgeClient nobody = [](const trust::Presented&) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      std::abort();  // no certificate is asked for
    };
    auto connection = co_await Handshake::accept_optional(std::move(*socket), std::move(context), nobody, soon());
    if (!connection) co_return "handshake|" + connection.error().error.code;
    co_return co_await hear(*connection->stream);
  }
  net::Task<std::string> connect(net::Listener& listener, std::shared_ptr<const ClientContext> context) {
    auto socket = co_await listener.accept();
    JudgeServer judge = [this](const trust::PresentedChain& presented) {
      return trust::verify_chain(presented, {.purposes = {trust::Purpose::server}}, pki_.trust_set(), pki_.now());
    };
    auto connection = co_await Handshake::connect(std::move(*socket), std::move(context), "localhost", judge, soon());
    if (!connection) co_return "handshake|" + connection.error().error.code;
    co_return co_await hear(*connection->stream);
  }

  std::string run_beside(const Script& script, net::Task<std::string> ours) {
    std::thread peer([&, port = listener_.local().port] {
      Peer one(port);
      script(one);
      one.send();
    });
    std::string heard = testing::run(loop_, std::move(ours));
    peer.join();
    return heard;
  }
  /// Our side is the server.
  std::string serve(const Script& script) {
    Issued own = pki_.internal_server().issue();
    const Credential credential{std::move(own.chain), std::move(own.key)};
    auto context = ServerContext::make(credential, {.mode = ClientCertificate::none}).value();
    return run_beside(script, accept(listener_, std::move(context)));
  }
  /// Our side is the client.
  std::string call(const Script& script) {
    return run_beside(script, connect(listener_, ClientContext::make(nullptr).value()));
  }

  Pki pki_;
  Issued own_ = pki_.internal_server().issue();
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
};

constexpr int kLimit = static_cast<int>(kMessagesWithoutData);

struct Row {
  const char* name;
  int messages;
  const char* heard;
};
constexpr std::array kRows = {Row{"some", 3, "x|tls.truncated"}, Row{"the most", kLimit, "x|tls.truncated"},
                              Row{"one more", kLimit + 1, "|tls.flood"}, Row{"a flood", kFlood, "|tls.flood"}};

/// What is heard of a peer that sends so many messages, and then data.
void expect_heard(std::span<const Row> rows, const std::function<std::string(int messages)>& heard_of) {
  for (const Row& row : rows)
    EXPECT_EQ(heard_of(row.messages), row.heard) << row.name;
}

TEST_F(MessageLimit, KeyUpdatesOfAClient) {
  expect_heard(kRows, [&](int messages) {
    return serve([&](Peer& peer) {
      peer.be_client(TLS1_3_VERSION);
      for (int i = 0; i < messages; ++i)
        peer.update_keys();
      peer.say("x");
    });
  });
}

TEST_F(MessageLimit, KeyUpdatesBetweenDataHaveNoEnd) {
  constexpr int kTimes = 5 * kLimit;
  EXPECT_EQ(serve([](Peer& peer) {
              peer.be_client(TLS1_3_VERSION);
              for (int i = 0; i < kTimes; ++i) {
                peer.update_keys();
                peer.say("x");
              }
            }),
            std::string(kTimes, 'x') + "|tls.truncated");
}

TEST_F(MessageLimit, ARareByteBuysNoFlood) {
  const std::string heard = serve([](Peer& peer) {
    peer.be_client(TLS1_3_VERSION);
    for (int i = 0; i < 5 * kLimit; ++i) {
      peer.update_keys();
      if (i % 4 == 0) peer.say("x");
    }
  });
  EXPECT_TRUE(heard.ends_with("x|tls.flood")) << heard;
}

/// Records without content are data by their type, and make good for nothing.
TEST_F(MessageLimit, NorDoRecordsWithoutContent) {
  EXPECT_EQ(serve([](Peer& peer) {
              peer.be_client(TLS1_2_VERSION);
              for (int i = 0; i < 5 * kLimit; ++i) {
                peer.renegotiate();
                peer.say("");
              }
            }),
            "|tls.flood");
}

TEST_F(MessageLimit, AttemptsToRenegotiate) {
  expect_heard(kRows, [&](int messages) {
    return serve([&](Peer& peer) {
      peer.be_client(TLS1_2_VERSION);
      for (int i = 0; i < messages; ++i)
        peer.renegotiate();
      peer.say("x");
    });
  });
}

TEST_F(MessageLimit, PiecesOfOneMessage) {
  constexpr std::array kPieces = {Row{"some", 3, "x|tls.truncated"}, Row{"one more", kLimit, "|tls.flood"}};
  expect_heard(kPieces, [&](int messages) {
    return serve([&](Peer& peer) {
      peer.be_client(TLS1_2_VERSION);
      peer.renegotiate_in(messages);
      peer.say("x");
    });
  });
}

TEST_F(MessageLimit, TicketsOfAServer) {
  std::array rows = kRows;
  rows.front() = {"four", 4, "x|tls.truncated"};
  expect_heard(rows, [&](int messages) {
    return call([&](Peer& peer) {
      peer.be_server(own_);
      for (int i = 0; i < messages; ++i)
        peer.give_ticket();
      peer.say("x");
    });
  });
}

/// A client skips these during its handshake (RFC 5246 section 7.4.1.1).
TEST_F(MessageLimit, HelloRequestsBeforeAHandshake) {
  const auto requests = [](int count) {
    std::string record("\x16\x03\x03\0\x04\0\0\0\0", 9), all;
    for (int i = 0; i < count; ++i)
      all += record;
    return all;
  };
  EXPECT_EQ(call([&](Peer& peer) { peer.say_plainly(requests(kFlood)); }), "handshake|tls.flood");
  EXPECT_EQ(call([&](Peer& peer) { peer.say_plainly(requests(8)); }), "handshake|tls.truncated")
      << "it waited for the server's hello";
}

}  // namespace
}  // namespace countersign::tls
