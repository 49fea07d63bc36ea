// The ClientHello in pieces: at whatever byte it is split, in TCP or in TLS records, the outcome is the same; and what
// its server name may look like.
#include <array>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
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

using testing::Issued;
using testing::Pki;
using testing::soon;

net::Task<void> serve(net::Listener& listener, Entrance entrance, std::string& outcome) {
  auto socket = co_await listener.accept();
  if (!socket) co_return;
  auto connection = co_await Handshake::accept_at(std::move(*socket), std::move(entrance), soon());
  if (!connection) {
    const HandshakeFailure& failure = connection.error();
    outcome = failure.refusal ? std::string(trust::name(failure.refusal->reason)) : failure.error.code;
    co_return;
  }
  outcome = connection->site->name + " as " + connection->server_name;
  connection->stream->abort();
}

/// A client whose bytes the test carries: OpenSSL between two memory BIOs.
class CarriedClient {
 public:
  CarriedClient(SSL_CTX* context, std::uint16_t port, std::string server_name)
      : ssl_(SSL_new(context), SSL_free), socket_(testing::connect_to(port)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (!server_name.empty())
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, server_name.data());
    SSL_set_connect_state(ssl_.get());
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~CarriedClient() { ::close(socket_); }
  CarriedClient(const CarriedClient&) = delete;

  /// What it has to say next.
  std::string speak() {
    std::array<char, 16384> piece;
    int result = SSL_do_handshake(ssl_.get());
    if (result == 1) result = SSL_read(ssl_.get(), piece.data(), 1);
    done_ = result <= 0 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ;
    ERR_clear_error();
    std::string said;
    for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), piece.size())) > 0;)
      said.append(piece.data(), static_cast<std::size_t>(got));
    return said;
  }
  /// And hangs up once it was told that it is refused.
  void send(std::string_view bytes) const {
    if (!bytes.empty()) (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (done_) ::shutdown(socket_, SHUT_WR);
  }
  void hear() {
    std::array<char, 16384> piece;
    for (ssize_t got = 0; (got = ::recv(socket_, piece.data(), piece.size(), MSG_DONTWAIT)) > 0;)
      BIO_write(SSL_get_rbio(ssl_.get()), piece.data(), static_cast<int>(got));
  }

 private:
  std::shared_ptr<SSL> ssl_;
  int socket_;
  bool done_ = false;
};

/// `record` as two records that hold its content up to `at` and from there on (RFC 8446 section 5.1).
std::string in_two_records(const std::string& record, std::size_t at) {
  constexpr std::size_t kHead = 5;
  const auto wrap = [&](std::string_view content) {
    std::string one = record.substr(0, 3);
    one += static_cast<char>(content.size() >> 8);
    one += static_cast<char>(content.size() & 0xff);
    return one.append(content);
  };
  const std::string_view content = std::string_view(record).substr(kHead);
  return wrap(content.substr(0, at)) + wrap(content.substr(at));
}

struct Row {
  std::string name;
  std::string server_name;
  bool with_certificate;
  std::string outcome;
};

class ClientHello : public ::testing::TestWithParam<Row> {
 protected:
  ClientHello() : client_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    registry_ = pki_.registry();
    Issued own = pki_.internal_server().issue();
    const Credential credential{std::move(own.chain), std::move(own.key)};
    for (const char* name : {"one.example", "two.example"})
      sites_.push_back(std::make_shared<const Site>(
          Site{.name = std::string("site ") + name,
               .context = *ServerContext::make(credential, ServerContext::Options{}),
               .judge = [this](const trust::PresentedChain& presented) { return judge(presented); }}));
  }

  void SetUp() override {
    if (!GetParam().with_certificate) return;
    const Issued issued = pki_.client().issue();
    registry_ = pki_.registry();
    SSL_CTX_use_certificate(client_.get(), issued.chain.front().native());
    SSL_CTX_add1_chain_cert(client_.get(), issued.chain.back().native());
    SSL_CTX_use_PrivateKey(client_.get(), issued.key.native());
  }

  base::Result<trust::AdmittedChain, trust::Refusal> judge(const trust::PresentedChain& presented) const {
    auto chain =
        trust::verify_chain(presented, {.purposes = {trust::Purpose::transport}}, pki_.trust_set(), pki_.now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), *registry_);
  }

  std::shared_ptr<const Site> choose(const std::string& name) const {
    if (name == "one.example" || name.empty()) return sites_.front();
    return name == "two.example" ? sites_.back() : nullptr;
  }

  void settle() {
    loop_.io().restart();
    while (loop_.io().poll() > 0) {
    }
  }

  /// One handshake; `change` makes the pieces, each read by the server before the next is sent, of what the client says
  /// first.
  std::string outcome(const std::function<std::vector<std::string>(const std::string&)>& change) {
    std::string outcome;
    Entrance entrance{sites_.front()->context, [this](const std::string& name) { return choose(name); }};
    net::spawn(loop_, serve(listener_, std::move(entrance), outcome), "server", log_.log());
    CarriedClient client(client_.get(), listener_.local().port, GetParam().server_name);
    for (const std::string& piece : change(client.speak())) {
      client.send(piece);
      settle();
    }
    for (int round = 0; outcome.empty() && round < 1000; ++round) {
      client.hear();
      client.send(client.speak());
      settle();
    }
    return outcome;
  }

  Pki pki_;
  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  std::unique_ptr<trust::RegistryView> registry_;
  std::vector<std::shared_ptr<const Site>> sites_;
  std::shared_ptr<SSL_CTX> client_;
};

TEST_P(ClientHello, SplitAtEveryByteIsTheSame) {
  std::size_t size = 0;
  const auto whole = [&](const std::string& hello) {
    size = hello.size();
    return std::vector{hello};
  };
  ASSERT_EQ(outcome(whole), GetParam().outcome);
  ASSERT_GT(size, 100U);
  for (std::size_t at = 1; at < size; ++at)
    ASSERT_EQ(outcome([at](const std::string& hello) {
                return std::vector{hello.substr(0, at), hello.substr(at)};
              }),
              GetParam().outcome)
        << "split at " << at;
}

TEST_P(ClientHello, InTwoRecordsSplitAtEveryByteIsTheSame) {
  std::size_t size = 0;
  ASSERT_EQ(outcome([&](const std::string& hello) {
              size = hello.size() - 5;
              return std::vector{hello};
            }),
            GetParam().outcome);
  for (std::size_t at = 1; at < size; ++at)
    ASSERT_EQ(outcome([at](const std::string& hello) { return std::vector{in_two_records(hello, at)}; }),
              GetParam().outcome)
        << "split at " << at;
}

TEST_P(ClientHello, ByteByByteIsTheSame) {
  EXPECT_EQ(outcome([](const std::string& hello) {
              std::vector<std::string> bytes;
              for (const char byte : hello)
                bytes.emplace_back(1, byte);
              return bytes;
            }),
            GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(Rows, ClientHello,
                         ::testing::Values(Row{"accepted", "two.example", true, "site two.example as two.example"},
                                           Row{"accepted_by_default", "", true, "site one.example as "},
                                           Row{"without_certificate", "two.example", false, "no_certificate"},
                                           Row{"unknown_name", "three.example", true, "tls.unrecognized_name"}),
                         [](const auto& row) { return row.param.name; });

struct NameRow {
  std::string name;
  std::function<void(std::string&, std::size_t)> change;  ///< of a hello; where the name's bytes begin
  std::string outcome;
};

/// Changes to the server_name extension of a hello that is good otherwise.
class ServerName : public ClientHello {
 protected:
  std::string outcome_of(const std::function<void(std::string&, std::size_t)>& change) {
    return outcome([&](const std::string& hello) {
      std::string changed = hello;
      change(changed, changed.find(GetParam().server_name));
      return std::vector{changed};
    });
  }
};

TEST_P(ServerName, IsReadStrictly) {
  EXPECT_EQ(outcome_of([](std::string&, std::size_t) {}), "site two.example as two.example");
  const std::vector<NameRow> rows = {
      {"zero_byte", [](std::string& h, std::size_t at) { h[at + 3] = '\0'; }, "tls.unrecognized_name"},
      {"another_type", [](std::string& h, std::size_t at) { h[at - 3] = 1; }, "tls.protocol"},
      {"list_too_long", [](std::string& h, std::size_t at) { ++h[at - 4]; }, "tls.protocol"},
      {"name_too_short", [](std::string& h, std::size_t at) { --h[at - 1]; }, "tls.protocol"},
      {"name_too_long", [](std::string& h, std::size_t at) { ++h[at - 1]; }, "tls.protocol"}};
  for (const NameRow& row : rows)
    EXPECT_EQ(outcome_of(row.change), row.outcome) << row.name;
}

INSTANTIATE_TEST_SUITE_P(Rows, ServerName,
                         ::testing::Values(Row{"good", "two.example", true, "site two.example as two.example"}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::tls
