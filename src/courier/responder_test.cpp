// An OCSP responder is asked in the way of RFC 5019, and nothing it does holds us up or leads us elsewhere.
#include "courier/responder.h"

#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/code_of.h"

namespace countersign::courier {
namespace {

/// A server that says the same to whoever comes, on a thread of its own, and keeps what it heard.
class Responder {
 public:
  explicit Responder(std::string says) : says_(std::move(says)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Responder() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/ocsp"; }
  /// Once the answer was given.
  const std::string& heard() const { return heard_; }
  int visits() const { return visits_; }

 private:
  void serve() {
    for (;;) {
      const int visitor = ::accept(listener_, nullptr, nullptr);
      if (visitor < 0) return;
      ++visits_;
      char part[4096];
      heard_.clear();
      while (!is_whole()) {
        const auto count = ::recv(visitor, part, sizeof part, 0);
        if (count <= 0) break;
        heard_.append(part, static_cast<std::size_t>(count));
      }
      (void)::send(visitor, says_.data(), says_.size(), MSG_NOSIGNAL);
      // Who is silent stays, until the other side goes.
      while (says_.empty() && ::recv(visitor, part, sizeof part, 0) > 0) {
      }
      ::close(visitor);
    }
  }
  bool is_whole() const {
    const std::size_t end = heard_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t length = heard_.find("Content-Length: ");
    return length == std::string::npos || heard_.size() - end - 4 >= std::stoul(heard_.substr(length + 16));
  }

  std::string says_;
  int listener_;
  std::uint16_t port_ = 0;
  std::string heard_;
  std::atomic<int> visits_ = 0;
  std::thread thread_;
};

std::string answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const Stop kGoesOn{false};
constexpr base::Duration kLong = std::chrono::seconds(20);

TEST(AskResponder, GetsWhatIsShortAndPostsWhatIsLong) {
  const base::Bytes question = {0xfb, 0xff, 0xfe, 0x01};  // "+//+AQ==" in base64
  const base::Bytes longer(300, 0x30);
  Responder responder(answer("said"));
  const auto got = ask_responder({responder.url(), question, kLong}, kGoesOn);
  ASSERT_TRUE(got) << base::to_string(got.error());
  EXPECT_EQ(base::as_text(*got), "said");
  EXPECT_TRUE(responder.heard().starts_with("GET /ocsp/%2B%2F%2F%2BAQ%3D%3D HTTP/1.1\r\n")) << responder.heard();
  const auto below = ask_responder({responder.url() + "/", question, kLong}, kGoesOn);
  EXPECT_TRUE(responder.heard().starts_with("GET /ocsp/%2B")) << "one slash: " << responder.heard();
  const auto queried = ask_responder({responder.url() + "?ca=1", question, kLong}, kGoesOn);
  EXPECT_TRUE(responder.heard().starts_with("POST /ocsp?ca=1 HTTP/1.1\r\n")) << responder.heard();
  const auto posted = ask_responder({responder.url(), longer, kLong}, kGoesOn);
  ASSERT_TRUE(posted) << base::to_string(posted.error());
  EXPECT_TRUE(responder.heard().starts_with("POST /ocsp HTTP/1.1\r\n")) << responder.heard();
  EXPECT_NE(responder.heard().find("Content-Type: application/ocsp-request"), std::string::npos);
  EXPECT_TRUE(responder.heard().ends_with(std::string(300, '0')));
}

TEST(AskResponder, TakesNoOtherAnswer) {
  struct Row {
    const char* name;
    std::string says;
    const char* code;
  };
  for (const Row& row : {Row{"an error", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "responder.status"},
                         Row{"no HTTP", "what?\r\n\r\n", "transfer.failed"},
                         Row{"too large", answer(std::string(65 * 1024, 'a')), "transfer.too_large"},
                         Row{"a head too large", "HTTP/1.1 200 OK\r\nX: " + std::string(80 * 1024, 'a') + "\r\n\r\n",
                             "transfer.too_large"},
                         Row{"half", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "transfer.failed"}}) {
    Responder responder(row.says);
    const base::Bytes question = {0x30, 0x00};
    EXPECT_EQ(testing::code_of(ask_responder({responder.url(), question, kLong}, kGoesOn)), row.code) << row.name;
  }
}

TEST(AskResponder, GoesNowhereElse) {
  Responder other(answer("said elsewhere"));
  Responder responder("HTTP/1.1 302 Found\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n");
  const base::Bytes question = {0x30, 0x00};
  EXPECT_EQ(testing::code_of(ask_responder({responder.url(), question, kLong}, kGoesOn)), "responder.status");
  EXPECT_EQ(other.visits(), 0);
}

TEST(AskResponder, GivesUpOnWhoIsSilent) {
  Responder responder("");
  const base::Bytes question = {0x30, 0x00};
  EXPECT_EQ(testing::code_of(ask_responder({responder.url(), question, std::chrono::milliseconds(200)}, kGoesOn)),
            "transfer.timeout");
  const Stop stopped{true};
  EXPECT_EQ(testing::code_of(ask_responder({responder.url(), question, kLong}, stopped)), "transfer.stopped");
}

}  // namespace
}  // namespace countersign::courier
