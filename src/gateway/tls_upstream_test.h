// One worker's view of an upstream over TLS.
#pragma once

#include <gtest/gtest.h>

#include "gateway/tls_service_test.h"
#include "gateway/upstream/call.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::gateway {

using testing::soon;

class H2TlsUpstreams : public ::testing::Test {
 protected:
  H2TlsUpstreams() {
    settings_.name = "grpc";
    settings_.addresses = {service_.at()};
    settings_.ejection.failures = 0;
    settings_.idle_time = std::chrono::seconds(1);  // after it the loop runs dry
    settings_.resolve_time = base::Duration::zero();
    settings_.tls.emplace();
    settings_.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.web_trust());
    settings_.tls->server_name = "payments.example";
  }
  void start(UpstreamProtocol protocol, bool service_speaks_http2) {
    start(protocol, service_speaks_http2, pki_.server("payments.example").issue());
  }
  void start(UpstreamProtocol protocol, bool service_speaks_http2, testing::Issued own) {
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    service_.use(
        tls::ServerContext::make(credential, {.mode = tls::ClientCertificate::optional, .http2 = service_speaks_http2})
            .value());
    settings_.protocol = protocol;
    state_ = std::make_shared<UpstreamState>(settings_);
    upstream_ = std::make_shared<Upstream>(UpstreamConnector::Needs{loop_, pki_.clock(), registry_, log_.log()}, state_,
                                           Dice(1));
  }
  std::string show_another() {
    testing::Issued own = pki_.service().issue();
    std::string serial = own.certificate.serial().hex();
    state_->use_credential(
        std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)}));
    return serial;
  }

  /// As an exchange does it: the status, or the code of the error.
  net::Task<std::string> get(std::string path) {
    UpstreamCall call(upstream_, {});
    co_return co_await carry(call, std::move(path));
  }
  static net::Task<std::string> carry(UpstreamCall& call, std::string path) {
    auto connected = co_await call.connect();
    if (!connected) co_return connected.error().code;
    base::Result<int> status = 0;
    if (call.stream() != nullptr) status = co_await ask_h2(*call.stream(), path);
    else status = co_await ask_h1(*call.connection(), path);
    if (!status) co_return call.explain(status.error()).code;
    call.answered(*status);
    call.give_back();
    co_return std::to_string(*status);
  }
  static net::Task<base::Result<int>> ask_h2(http::H2ClientStream& stream, std::string path) {
    BASE_CO_TRY_VOID(stream.send_head({"GET", "https", "localhost", path, {}}, http::H2ClientStream::Body::none));
    BASE_CO_TRY(const auto head, co_await stream.read_head(soon()));
    co_return head.status;
  }
  static net::Task<base::Result<int>> ask_h1(UpstreamConnection& connection, std::string path) {
    const std::string get = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    BASE_CO_TRY_VOID(co_await connection.stream->write_all(base::as_bytes(get), soon()));
    BASE_CO_TRY(const auto head, co_await connection.reader.read_response_head("GET", soon()));
    co_return head.status;
  }
  net::Task<void> get_into(std::string path, std::vector<std::string>& outcomes) {
    outcomes.push_back(co_await get(std::move(path)));
  }
  net::Task<std::vector<std::string>> gets(int count) {
    std::vector<std::string> outcomes;
    net::TaskGroup group(loop_, log_.log());
    for (int i = 0; i < count; ++i)
      group.spawn(get_into("/", outcomes), "get");
    EXPECT_TRUE(co_await group.wait_until_empty(soon()));
    co_return outcomes;
  }
  std::vector<std::string> run_gets(int count) { return testing::run(loop_, gets(count)); }
  bool until(const std::function<bool()>& is_so) {
    for (const net::Deadline deadline = soon(); !is_so() && !deadline.passed();) {
      upstream_->sweep();  // as the worker's housekeeping does
      testing::run(loop_, net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5))));
    }
    return is_so();
  }

  testing::KeptLog log_;
  testing::Pki pki_;
  trust::RegistryView registry_;
  net::Loop loop_;
  TlsService service_{loop_, log_.log(), pki_};
  UpstreamSettings settings_;
  std::shared_ptr<UpstreamState> state_;
  std::shared_ptr<Upstream> upstream_;
};

}  // namespace countersign::gateway
