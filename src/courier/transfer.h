// Private to courier: where libcurl is called. One transfer, within a deadline, with nothing taken from the
// environment.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "courier/address_rules.h"
#include "courier/stop.h"

namespace countersign::courier {

/// Set from another thread: whoever sends gives up within a second.
/// What a receiver may send back, head and body each.
inline constexpr std::size_t kAnswerLimit = 64 * 1024;

/// A reset easy handle with what holds for every transfer. Strings given to set() are copied by libcurl.
class Transfer {
 public:
  struct Options {
    const char* protocols;  ///< "smtp,smtps"
    AddressRules addresses;
    std::filesystem::path ca_file;  ///< empty: the system's
    base::Duration deadline;
    const Stop& stop;  ///< borrowed
  };
  /// Fails: `transfer.unavailable`.
  static base::Result<std::unique_ptr<Transfer>> make(const Options& options);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(curl_, option, value); code != CURLE_OK && failed_ == CURLE_OK)
      failed_ = code;
  }
  /// Adds to the list, which lives as long as this: header lines or recipients.
  void add(const std::string& line);
  curl_slist* list() const { return list_; }
  /// What is sent as the body of an upload.
  void upload(std::string content);

  /// Does it; once more with what was set since, where it is called again. The status of the last answer; 0 when there
  /// was none. Fails: `transfer.stopped`, `transfer.timeout`, `transfer.private_address`, `transfer.untrusted` (the
  /// server's certificate), `transfer.login`, `transfer.too_large`, `transfer.failed`.
  base::Result<long> perform();
  /// The same also where the transfer failed.
  long status() const;
  /// What came behind the head, and for how long it asks to be left alone; of the last perform().
  const std::string& answer() const { return answer_; }
  base::Duration retry_after() const;

 private:
  explicit Transfer(const Options& options) : addresses_(options.addresses), stop_(options.stop) {}
  bool begin(const Options& options);
  base::Error to_error(CURLcode code) const;
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t take_head(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t give_body(char* data, std::size_t size, std::size_t count, void* self);
  static int tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  const AddressRules addresses_;
  const Stop& stop_;
  CURL* curl_ = nullptr;
  curl_slist* list_ = nullptr;
  CURLcode failed_ = CURLE_OK;
  std::string body_;
  std::size_t given_ = 0;
  std::size_t head_size_ = 0;
  std::string answer_;
  bool too_large_ = false;    ///< what came is over its limit
  bool turned_back_ = false;  ///< from an address that is not allowed
  char text_[CURL_ERROR_SIZE] = {};
};

}  // namespace countersign::courier
