#include "courier/transfer.h"

#include <algorithm>
#include <cstring>

#include <sys/socket.h>

namespace countersign::courier {
namespace {

using base::Kind;

constexpr std::size_t kTextLimit = 300;
constexpr curl_off_t kLongestRetryAfter = 24 * 60 * 60;

long to_millis(base::Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// libcurl's words may hold a server's: kept short, and printable.
std::string to_words(std::string text) {
  text.resize(std::min(text.size(), kTextLimit));
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

}  // namespace

base::Result<std::unique_ptr<Transfer>> Transfer::make(const Options& options) {
  std::unique_ptr<Transfer> transfer(new Transfer(options));
  if (transfer->begin(options)) return transfer;
  return base::fail(Kind::unavailable, "transfer.unavailable", "libcurl cannot begin a transfer");
}

bool Transfer::begin(const Options& options) {
  // Counted and thread-safe since libcurl 7.84.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return false;
  curl_ = curl_easy_init();
  if (curl_ == nullptr) return false;
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that stays silent does not hold up the deadline, nor the end
  set(CURLOPT_PROTOCOLS_STR, options.protocols);
  set(CURLOPT_PROXY, "");  // else one named in the environment would see everything, and connect where we must not
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // else the system's are believed, too
  }
  set(CURLOPT_TIMEOUT_MS, to_millis(options.deadline));
  set(CURLOPT_CONNECTTIMEOUT_MS, to_millis(options.deadline / 2));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(text_));
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::take_head);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::tick);
  set(CURLOPT_XFERINFODATA, this);
  return failed_ == CURLE_OK;
}

Transfer::~Transfer() {
  curl_slist_free_all(list_);
  curl_easy_cleanup(curl_);
}

void Transfer::add(const std::string& line) {
  curl_slist* longer = curl_slist_append(list_, line.c_str());
  if (longer == nullptr) failed_ = CURLE_OUT_OF_MEMORY;
  else list_ = longer;
}

void Transfer::upload(std::string content) {
  body_ = std::move(content);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &Transfer::give_body);
  set(CURLOPT_READDATA, this);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_.size()));
}

long Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

base::Duration Transfer::retry_after() const {
  curl_off_t seconds = 0;
  curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &seconds);
  return std::chrono::seconds(std::clamp<curl_off_t>(seconds, 0, kLongestRetryAfter));
}

base::Result<long> Transfer::perform() {
  given_ = head_size_ = 0;
  answer_.clear();
  too_large_ = false;
  text_[0] = '\0';
  if (failed_ != CURLE_OK) return base::unexpected(to_error(failed_));
  const CURLcode code = curl_easy_perform(curl_);
  if (code != CURLE_OK) return base::unexpected(to_error(code));
  return status();
}

base::Error Transfer::to_error(CURLcode code) const {
  const std::string words = to_words(text_[0] != '\0' ? static_cast<const char*>(text_) : curl_easy_strerror(code));
  if (turned_back_)
    return {Kind::unavailable, "transfer.private_address",
            "the name leads to an address that is not of the public internet, or is denied: nothing was sent there"};
  if (too_large_) return {Kind::unavailable, "transfer.too_large", "the answer is larger than 64 KiB"};
  switch (static_cast<int>(code)) {
    case CURLE_ABORTED_BY_CALLBACK: return {Kind::unavailable, "transfer.stopped", "this program is about to end"};
    case CURLE_OPERATION_TIMEDOUT: return {Kind::timeout, "transfer.timeout", words};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED: return {Kind::unavailable, "transfer.untrusted", words};
    case CURLE_LOGIN_DENIED: return {Kind::unavailable, "transfer.login", words};
    default: return {Kind::unavailable, "transfer.failed", words};
  }
}

/// The last word on where a connection goes: whatever a name resolved to, and however often it changes (DNS rebinding).
curl_socket_t Transfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!allows(transfer.addresses_, address->addr)) {
    transfer.turned_back_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Transfer::take_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  std::string& answer = transfer.answer_;
  transfer.too_large_ = answer.size() + size * count > kAnswerLimit;
  if (transfer.too_large_) return 0;
  answer.append(data, size * count);
  return size * count;
}

std::size_t Transfer::take_head(char*, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.head_size_ += size * count;
  transfer.too_large_ = transfer.head_size_ > kAnswerLimit;
  return transfer.too_large_ ? 0 : size * count;
}

std::size_t Transfer::give_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = std::min(size * count, transfer.body_.size() - transfer.given_);
  std::memcpy(data, transfer.body_.data() + transfer.given_, length);
  transfer.given_ += length;
  return length;
}

int Transfer::tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(self)->stop_.load() ? 1 : 0;
}

}  // namespace countersign::courier
