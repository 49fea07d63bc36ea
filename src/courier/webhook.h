// A webhook: one POST of JSON over https, signed, to where a partner wants it.
#pragma once

#include <filesystem>

#include "courier/address.h"
#include "courier/address_rules.h"
#include "courier/signature.h"
#include "courier/stop.h"

namespace countersign::courier {

inline constexpr base::Duration kWebhookTime = std::chrono::seconds(10);

struct WebhookRules {
  AddressRules addresses = {};         ///< `own` is filled in when it is sent
  std::filesystem::path ca_file = {};  ///< empty: the system's
};

struct Webhook {
  WebhookUrl to;
  std::string id;  ///< letters and digits: the field Countersign-Webhook-Id; the same again when it is sent again
  std::string body;
  const base::Secret& secret;
  base::Instant at;
};

/// The receiver has answered 2xx when it returns. Blocks, for kWebhookTime at most. Fails: `webhook.gone`
/// (Kind::denied; it answered 410), `webhook.failed`.
base::Result<void> post(const WebhookRules& rules, const Webhook& webhook, const Stop& stop);

}  // namespace countersign::courier
