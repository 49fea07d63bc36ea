// What reading gives of several records (RFC 8446 section 5.1).
#include <array>
#include <cstdlib>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "testing/connect_to.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::tls {
namespace {

using testing::Pki;

constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;

using testing::soon;

/// Bytes that differ from one record to the next.
std::string body_of(std::size_t size) {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    body[i] = static_cast<char>('a' + (i / 1000) % 26);
  return body;
}

class TlsStreamTest : public ::testing::TestWithParam<int> {
 protected:
  enum class End { said, cut };

  /// A client that sends all before the server reads.
  void call(std::uint16_t port, const std::string& body, End end) {
    const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), GetParam());
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
    const int descriptor = testing::connect_to(port);
    SSL_set_fd(ssl.get(), descriptor);
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    ASSERT_EQ(SSL_write(ssl.get(), body.data(), static_cast<int>(body.size())), static_cast<int>(body.size()));
    if (end == End::said) SSL_shutdown(ssl.get());
    ::shutdown(descriptor, SHUT_WR);
    all_sent_.set_value();
    std::array<char, 64> rest;
    while (::read(descriptor, rest.data(), rest.size()) > 0) {
    }
    ::close(descriptor);
  }

  net::Task<void> serve(net::Listener& listener, std::shared_ptr<const ServerContext> context, std::size_t at_once) {
    auto socket = co_await listener.accept();
    const JudgeClient nobody = [](const trust::Presented&) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      std::abort();  // no certificate is asked for
    };
    auto connection = co_await Handshake::accept_optional(std::move(*socket), std::move(context), nobody, soon());
    if (!connection) co_return;
    all_sent_.get_future().wait();
    base::Bytes buffer(at_once);
    for (;;) {
      const auto got = co_await connection->stream->read_some(buffer, soon());
      if (!got) failure_ = got.error().code;
      if (!got || *got == 0) break;
      sizes_.push_back(*got);
      got_ += base::as_text(std::span(buffer).first(*got));
    }
    const auto again = co_await connection->stream->read_some(buffer, soon());
    EXPECT_EQ(again.has_value(), failure_.empty());
  }

  void exchange(const std::string& body, std::size_t at_once, End end) {
    Pki pki;
    testing::Issued own = pki.internal_server().issue();
    const Credential credential{std::move(own.chain), std::move(own.key)};
    auto context = ServerContext::make(credential, {.mode = ClientCertificate::none}).value();
    auto listener = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
    std::thread client([&, port = listener.local().port] { call(port, body, end); });
    net::spawn(loop_, serve(listener, context, at_once), "server", log_.log());
    loop_.run();
    client.join();
    EXPECT_TRUE(got_ == body) << got_.size() << " bytes";
  }

  testing::KeptLog log_;
  net::Loop loop_;
  std::promise<void> all_sent_;
  std::string got_;
  std::vector<std::size_t> sizes_;
  std::string failure_;
};

using Sizes = std::vector<std::size_t>;

TEST_P(TlsStreamTest, FullRecordsThatAreThereComeTogether) {
  exchange(body_of(2 * kRecord + 100), 2 * kRecord, End::said);
  EXPECT_EQ(sizes_, (Sizes{2 * kRecord, 100}));
  EXPECT_EQ(failure_, "");
}

TEST_P(TlsStreamTest, WhatIsLeftOfARecordComesNext) {
  exchange(body_of(2 * kRecord), kRecord + 1000, End::said);
  EXPECT_EQ(sizes_, (Sizes{kRecord + 1000, kRecord - 1000}));
  EXPECT_EQ(failure_, "");
}

TEST_P(TlsStreamTest, AFailureBehindAFullRecordIsToldByTheNextRead) {
  exchange(body_of(kRecord), 4 * kRecord, End::cut);
  EXPECT_EQ(sizes_, (Sizes{kRecord}));
  EXPECT_EQ(failure_, "tls.truncated");
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsStreamTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

}  // namespace
}  // namespace countersign::tls
