#include "courier/uploader.h"

#include "courier/transfer.h"

namespace countersign::courier {

Uploader::Uploader(std::unique_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
Uploader::~Uploader() = default;

base::Result<std::unique_ptr<Uploader>> Uploader::make(const Options& options, const Stop& stop) {
  BASE_TRY(auto transfer, Transfer::make({.protocols = options.url.starts_with("https:") ? "https" : "http",
                                          .addresses = {.reach = Reach::anywhere},
                                          .ca_file = options.ca_file,
                                          .deadline = options.time,
                                          .stop = stop}));
  transfer->set(CURLOPT_URL, options.url.c_str());
  transfer->set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  transfer->set(CURLOPT_CA_CACHE_TIMEOUT, 0L);  // else a CA that was taken out of the file is believed for a day
  if (!options.certificate.empty()) {
    transfer->set(CURLOPT_SSLCERT, options.certificate.c_str());
    transfer->set(CURLOPT_SSLKEY, options.key.c_str());
  }
  transfer->set(CURLOPT_POST, 1L);
  transfer->set(CURLOPT_USERAGENT, "countersign");
  transfer->add("Content-Type: application/json");
  transfer->add("Expect:");
  transfer->set(CURLOPT_HTTPHEADER, transfer->list());
  return std::unique_ptr<Uploader>(new Uploader(std::move(transfer)));
}

base::Result<Uploader::Answer> Uploader::post(const std::string& document) {
  transfer_->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(document.size()));
  transfer_->set(CURLOPT_POSTFIELDS, document.c_str());  // borrowed until perform() returns
  BASE_TRY(const long status, transfer_->perform());
  return Answer{status, transfer_->answer(), transfer_->retry_after()};
}

}  // namespace countersign::courier
