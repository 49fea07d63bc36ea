#include "courier/webhook.h"

#include "courier/transfer.h"
#include "net/own_networks.h"

namespace countersign::courier {
namespace {

constexpr long kGone = 410;

bool is_success(long status) { return status >= 200 && status < 300; }

}  // namespace

base::Result<void> post(const WebhookRules& rules, const Webhook& webhook, const Stop& stop) {
  AddressRules addresses = rules.addresses;
  addresses.own = net::own_networks();
  BASE_TRY(const auto transfer, Transfer::make({.protocols = "https",
                                                .addresses = std::move(addresses),
                                                .ca_file = rules.ca_file,
                                                .deadline = kWebhookTime,
                                                .stop = stop}));
  transfer->set(CURLOPT_URL, webhook.to.text().c_str());
  transfer->set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  transfer->set(CURLOPT_POST, 1L);
  transfer->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(webhook.body.size()));
  transfer->set(CURLOPT_POSTFIELDS, webhook.body.c_str());
  transfer->set(CURLOPT_USERAGENT, "countersign");
  transfer->add("Content-Type: application/json");
  transfer->add("Countersign-Webhook-Id: " + webhook.id);
  transfer->add("Countersign-Signature: " + sign_webhook(webhook.secret, webhook.at, webhook.body));
  transfer->add("Expect:");
  transfer->set(CURLOPT_HTTPHEADER, transfer->list());
  auto done = transfer->perform();
  // What comes after a good status is not read further than its limit, and does not matter.
  if (is_success(transfer->status())) return {};
  if (transfer->status() == kGone)
    return base::unexpected(
        base::Error{base::Kind::denied, "webhook.gone", "the receiver says that it is gone for good (410)", nullptr});
  if (done)
    return base::unexpected(base::Error{base::Kind::unavailable, "webhook.failed",
                                        "the receiver answered " + std::to_string(*done) + " instead of 2xx", nullptr});
  return base::unexpected(std::move(done).error().under("webhook.failed", "the webhook could not be delivered"));
}

}  // namespace countersign::courier
