#include "load.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "h2_conversation.h"

namespace countersign::bench {
namespace {

using Steady = std::chrono::steady_clock;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

/// The server is not verified: that is the client's work, and nothing of it is measured.
Context make_context(const Identity& identity, const Load& load) {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* ctx = context.get();
  BASE_CHECK(ctx != nullptr && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
  BASE_CHECK(SSL_CTX_use_certificate_chain_file(ctx, identity.chain.c_str()) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, identity.key.c_str(), SSL_FILETYPE_PEM) == 1);
  BASE_CHECK(SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1);
  SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  static constexpr std::array<unsigned char, 3> kH2 = {2, 'h', '2'};
  BASE_CHECK(load.streams == 0 || SSL_CTX_set_alpn_protos(ctx, kH2.data(), kH2.size()) == 0);
  return context;
}

/// From 127.0.0.`source`, to 127.0.0.1.
int connect_from(unsigned source, int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  const timeval patience{10, 0};
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  bool good = ::bind(descriptor, raw, sizeof address) == 0;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  good = good && ::connect(descriptor, raw, sizeof address) == 0;
  if (good) return descriptor;
  ::close(descriptor);
  return -1;
}

/// One connection of the client.
class Caller {
 public:
  Caller(SSL_CTX* context, unsigned source, int port) : descriptor_(connect_from(source, port)) {
    if (descriptor_ < 0) {
      error_ = std::string("connect: ") + std::strerror(errno);
      return;
    }
    ERR_clear_error();
    ssl_ = SSL_new(context);
    BASE_CHECK(ssl_ != nullptr && SSL_set_fd(ssl_, descriptor_) == 1);
    char name[] = "localhost";
    SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
    if (SSL_connect(ssl_) != 1) note("handshake");
  }
  ~Caller() {
    conversation_.reset();
    if (ssl_ != nullptr && error_.empty()) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    if (descriptor_ >= 0) ::close(descriptor_);
    ERR_clear_error();
  }
  Caller(const Caller&) = delete;

  const std::string& error() const { return error_; }

  /// Sends one request and reads its response whole.
  bool ask(const Load& load) {
    if (!error_.empty()) return false;
    if (load.streams > 0) return ask_in_streams(load);
    std::string head = load.request_bytes == 0 ? "GET /" : "POST /";
    head += std::to_string(load.response_bytes) + " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n";
    if (load.request_bytes > 0) head += "Content-Length: " + std::to_string(load.request_bytes) + "\r\n";
    head += "\r\n";
    return write_all(head) && write_body(load.request_bytes) && read_response(load.response_bytes);
  }

 private:
  bool note(const char* step) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_peek_error(), text.data(), text.size());
    error_ = std::string(step) + ": " + text.data();
    ERR_clear_error();
    return false;
  }

  bool ask_in_streams(const Load& load) {
    if (conversation_ == nullptr) conversation_ = std::make_unique<H2Conversation>(ssl_);
    const bool good =
        conversation_->ask({"/" + std::to_string(load.response_bytes), load.response_bytes, load.streams});
    if (!good) error_ = conversation_->error();
    return good;
  }

  bool write_all(std::string_view data) {
    while (!data.empty()) {
      const int wrote = SSL_write(ssl_, data.data(), static_cast<int>(data.size()));
      if (wrote <= 0) return note("write");
      data.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  bool write_body(std::size_t size) {
    static const std::string piece(64 * 1024, 'y');
    for (; size > 0; size -= std::min(size, piece.size()))
      if (!write_all(std::string_view(piece).substr(0, size))) return false;
    return true;
  }

  bool read_response(std::size_t body) {
    std::string head;
    std::array<char, 16 * 1024> piece;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
      const int got = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) return note("read");
      head.append(piece.data(), static_cast<std::size_t>(got));
      end = head.find("\r\n\r\n");
    }
    if (!head.starts_with("HTTP/1.1 200")) {
      error_ = "answered " + head.substr(0, head.find('\r'));
      return false;
    }
    for (std::size_t seen = head.size() - end - 4; seen < body;) {
      const int got = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) return note("read");
      seen += static_cast<std::size_t>(got);
    }
    return true;
  }

  int descriptor_;
  SSL* ssl_ = nullptr;
  std::unique_ptr<H2Conversation> conversation_;  ///< of HTTP/2
  std::string error_;
};

constexpr unsigned kFirstSource = 2;

/// What one of the threads does until the time is up.
void call_on(int port, const Identity& identity, const Load& load, unsigned source, Steady::time_point until,
             Run& run) {
  const Context context = make_context(identity, load);
  std::unique_ptr<Caller> caller;
  for (auto start = Steady::now(); start < until;) {
    if (load.each == Load::Each::connection) caller.reset();
    if (caller == nullptr) caller = std::make_unique<Caller>(context.get(), source, port);
    const bool good = caller->ask(load);
    const auto end = Steady::now();
    if (good) {
      run.operations += static_cast<std::size_t>(std::max(load.streams, 1));
      run.micros.push_back(std::chrono::duration<double, std::micro>(end - start).count());
    } else {
      ++run.errors;
      if (run.first_error.empty()) run.first_error = caller->error();
      caller.reset();
    }
    start = end;
  }
}

}  // namespace

double Run::percentile(double of_100) const {
  if (micros.empty()) return 0;
  const auto at = static_cast<std::size_t>(static_cast<double>(micros.size()) * of_100 / 100);
  return micros[std::min(at, micros.size() - 1)];
}

Run drive(int port, const Identity& identity, const Load& load, double seconds) {
  std::vector<Run> parts(static_cast<std::size_t>(load.at_once));
  std::vector<std::thread> threads;
  const auto start = Steady::now();
  const auto until = start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  for (std::size_t i = 0; i < parts.size(); ++i)
    threads.emplace_back(
        [&, i] { call_on(port, identity, load, kFirstSource + static_cast<unsigned>(i), until, parts[i]); });
  for (std::thread& thread : threads)
    thread.join();
  Run whole;
  whole.seconds = std::chrono::duration<double>(Steady::now() - start).count();
  for (const Run& part : parts) {
    whole.operations += part.operations;
    whole.errors += part.errors;
    if (whole.first_error.empty()) whole.first_error = part.first_error;
    whole.micros.insert(whole.micros.end(), part.micros.begin(), part.micros.end());
  }
  std::ranges::sort(whole.micros);
  return whole;
}

struct IdleConnections::All {
  Context context;
  std::vector<std::unique_ptr<Caller>> callers;
};

IdleConnections::IdleConnections(int port, const Identity& identity, const Load& one, std::size_t count)
    : all_(std::make_unique<All>(All{make_context(identity, one), {}})) {
  constexpr std::size_t kFromEachAddress = 500;
  for (std::size_t i = 0; i < count; ++i) {
    const auto source = kFirstSource + static_cast<unsigned>(i / kFromEachAddress);
    all_->callers.push_back(std::make_unique<Caller>(all_->context.get(), source, port));
    if (!all_->callers.back()->ask(one)) ++errors_;
  }
}

IdleConnections::~IdleConnections() = default;

}  // namespace countersign::bench
