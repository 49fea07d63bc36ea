// Uploader: documents of JSON to one URL of the provider's own, over a connection that is kept between them.
//
// Not for what a partner names: the address is not judged (see webhook.h). Every call blocks; belongs to one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "courier/stop.h"

namespace countersign::courier {

class Transfer;

class Uploader {
 public:
  struct Options {
    std::string url;                    ///< https, or http where the caller knows that nobody listens on the way
    std::filesystem::path ca_file;      ///< whom the receiver's certificate may come from; empty: the system's
    std::filesystem::path certificate;  ///< PEM, leaf first, that we show; empty: none
    std::filesystem::path key;          ///< its key
    base::Duration time;                ///< for one document, connecting included
  };
  /// Borrows `stop`; the files are read at each new connection. Fails: `transfer.unavailable`.
  static base::Result<std::unique_ptr<Uploader>> make(const Options& options, const Stop& stop);
  ~Uploader();

  /// What the receiver said; any status.
  struct Answer {
    long status = 0;
    std::string body = {};                                ///< at most 64 KiB
    base::Duration retry_after = base::Duration::zero();  ///< where it says so (RFC 9110 section 10.2.3)
  };
  /// POSTs `document`. Fails: `transfer.*`.
  base::Result<Answer> post(const std::string& document);

 private:
  explicit Uploader(std::unique_ptr<Transfer> transfer);
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace countersign::courier
