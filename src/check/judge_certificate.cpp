// What the server shows of itself: its chain, and whether it would be believed.
#include <algorithm>
#include <iterator>

#include "check/verdicts.h"
#include "crypto/strength.h"
#include "trust/verdict.h"
#include "x509/ocsp_staple.h"

namespace countersign::check {
namespace {

using trust::Reason;
using x509::Certificate;

using Chain = std::vector<Certificate>;

/// Warned of when less is left than this, and less than a third of the certificate's life: some live for six days.
constexpr base::Duration kSoon = std::chrono::hours(24 * 14);
constexpr int kLivesLeft = 3;
/// TLS feature status_request, "must staple" (RFC 7633).
constexpr std::string_view kTlsFeature = "1.3.6.1.5.5.7.1.24";

const Chain& chain_of(const Observations& seen) { return seen.best().sighting.chain; }

Verdict no_chain() {
  return not_tried("the server sent no certificate", "mend protocol.modern and cipher.broken first");
}

std::string text_of(const Certificate& certificate) { return "'" + plain(certificate.subject().text) + "'"; }

bool is_issued_by(const Certificate& certificate, const Certificate& issuer) {
  return issuer.subject().der == certificate.issuer().der && certificate.is_signed_by(issuer.public_key());
}

const Certificate* find_issuer(const Certificate& of, const Chain& among) {
  const auto found =
      std::ranges::find_if(among, [&](const Certificate& candidate) { return is_issued_by(of, candidate); });
  return found == among.end() ? nullptr : &*found;
}

/// From the leaf upwards as far as what was sent leads, in its right order.
Chain climb(const Chain& sent) {
  Chain path{sent.front()};
  while (!path.back().is_self_issued() && path.size() <= sent.size()) {
    const Certificate* next = find_issuer(path.back(), sent);
    if (next == nullptr) break;
    path.push_back(*next);
  }
  return path;
}

/// An instant at which as much of the chain is valid as can be, as near to `at` as can be: dates are judged elsewhere.
base::Instant while_valid(const Chain& chain, base::Instant at) {
  for (const Certificate& certificate : chain)
    at = std::clamp(at, certificate.not_before(), std::max(certificate.not_before(), certificate.not_after()));
  return at;
}

std::optional<trust::Refusal> refusal_of(const Observations& seen) {
  const Chain& sent = chain_of(seen);
  const Chain looked_at(sent.begin(),
                        sent.begin() + static_cast<std::ptrdiff_t>(std::min(sent.size(), trust::kPresentedLimit)));
  const trust::Policy policy{.purposes = {trust::Purpose::server}};
  auto verdict = trust::verify_chain(looked_at, policy, *seen.anchors, while_valid(looked_at, seen.at));
  if (verdict) return std::nullopt;
  return std::move(verdict).error();
}

/// Is it that something was left out, rather than that nobody is believed who vouches?
bool is_incomplete(const trust::Refusal& refusal, const Chain& sent) {
  if (refusal.reason == Reason::missing_intermediate) return true;
  return refusal.reason == Reason::unknown_issuer && climb(sent).size() == 1 && !sent.front().is_self_issued();
}

std::string where_to_get_issuer(const Certificate& of) {
  const auto& urls = of.information_access().ca_issuers;
  return urls.empty() ? "" : "; it is at " + plain(urls.front(), 200);
}

std::string days_until(base::Instant later, base::Instant at) {
  const auto days = std::chrono::duration_cast<std::chrono::hours>(later - at).count() / 24;
  return std::to_string(days) + (days == 1 ? " day" : " days");
}

/// With their place in the chain as sent, 1 for the leaf.
std::vector<std::string> texts(const Chain& chain) {
  std::vector<std::string> words;
  for (const Certificate& certificate : chain)
    words.push_back(text_of(certificate));
  return words;
}

}  // namespace

Verdict judge_chain(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  if (sent.size() > trust::kPresentedLimit)
    return failure(std::to_string(sent.size()) + " certificates were sent; callers look at " +
                   std::to_string(trust::kPresentedLimit));
  const auto refusal = refusal_of(seen);
  if (!refusal || !is_incomplete(*refusal, sent)) return with_list(passed("sent:"), texts(sent));
  const Certificate top = climb(sent).back();
  return failure("missing: '" + plain(top.issuer().text) + "', which issued " + text_of(top) +
                 where_to_get_issuer(top));
}

Verdict judge_order(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  const Chain path = climb(sent);
  const bool in_order = std::equal(path.begin(), path.end(), sent.begin(), sent.end());
  if (in_order) return passed("each certificate is issued by the next");
  // Of two certificates of one CA (cross certificates) the other may serve other callers.
  const auto is_on_path = [&](const Certificate& one) {
    return std::ranges::any_of(path, [&](const Certificate& on) { return on.subject().der == one.subject().der; });
  };
  Chain needless;
  std::ranges::remove_copy_if(sent, std::back_inserter(needless), is_on_path);
  if (path.size() == 1) return passed("judged with certificate.chain");
  if (!needless.empty()) return with_list(warning("not needed:"), texts(needless));
  if (path.size() < sent.size()) return passed("each certificate is needed");
  return with_list(warning("sent in the order"), texts(sent));
}

Verdict judge_trust(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  const auto refusal = refusal_of(seen);
  if (!refusal) return passed("leads to a root that is believed");
  if (is_incomplete(*refusal, sent)) return not_tried("the chain is not whole", "mend certificate.chain first");
  const Reason reason = refusal->reason;
  if (reason == Reason::wrong_purpose) return passed("leads to a root that is believed");  // see certificate.purpose
  if (reason == Reason::weak_key || reason == Reason::weak_signature)
    return not_tried("a certificate of the chain is too weak", "mend certificate.strength first");
  Verdict verdict = failure(std::string(trust::name(reason)) + ": " + plain(refusal->detail, 300));
  verdict.how_to = trust::explanation(reason).remedy(trust::Party::server);
  return verdict;
}

Verdict judge_name(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  const Certificate& leaf = sent.front();
  if (leaf.matches_host(seen.host)) return passed("names '" + seen.host + "'");
  std::vector<std::string> names;
  for (const auto* list : {&leaf.subject_alt_names().dns, &leaf.subject_alt_names().ip_addresses})
    for (const std::string& one : *list)
      names.push_back(plain(one));
  return failure("does not name '" + seen.host + "' but " + (names.empty() ? "nobody" : listed(names)));
}

Verdict judge_validity(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  for (const Certificate& one : sent) {
    if (seen.at < one.not_before())
      return failure(text_of(one) + " is not valid before " + base::to_rfc3339(one.not_before()));
    if (seen.at > one.not_after()) return failure(text_of(one) + " expired at " + base::to_rfc3339(one.not_after()));
  }
  const Certificate& first = *std::ranges::min_element(sent, {}, &Certificate::not_after);
  const base::Duration left = first.not_after() - seen.at;
  const base::Duration life = first.not_after() - first.not_before();
  const std::string when = text_of(first) + " ends in " + days_until(first.not_after(), seen.at) + ", at " +
                           base::to_rfc3339(first.not_after());
  if (left < std::min(kSoon, life / kLivesLeft)) return warning(when);
  return passed(when);
}

Verdict judge_strength(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  for (const Certificate& one : sent) {
    const auto strong = crypto::check_strength(one.public_key(), crypto::KeyPolicy::believe);
    if (!strong) return failure("the key of " + text_of(one) + ": " + plain(strong.error().detail, 200));
    // Nobody asks for a root's signature on itself.
    if (!one.is_self_issued() && !one.has_strong_signature())
      return failure(text_of(one) + " is signed by SHA-1, MD5 or something unknown");
  }
  const crypto::PublicKey key = sent.front().public_key();
  return passed(std::string(crypto::name(key.type())) + " of " + std::to_string(key.bits()) + " bits");
}

Verdict judge_purpose(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  const auto& usages = sent.front().extended_key_usages();
  if (sent.front().is_ca()) return failure("the server shows the certificate of a CA as its own");
  if (!usages) return passed("not restricted");
  const bool serves = std::ranges::any_of(*usages, [](const std::string& oid) {
    return oid == x509::oid::kServerAuth || oid == x509::oid::kAnyExtendedKeyUsage;
  });
  return serves ? passed("serverAuth") : failure("extendedKeyUsage lacks serverAuth");
}

Verdict judge_staple(const Observations& seen, const Check&) {
  const Chain& sent = chain_of(seen);
  if (sent.empty()) return no_chain();
  const Certificate& leaf = sent.front();
  const base::Bytes& der = seen.best().sighting.staple;
  if (der.empty()) {
    const auto extensions = leaf.extensions();
    const bool must = std::ranges::any_of(extensions, [](const auto& one) { return one.oid == kTlsFeature; });
    return must ? failure("none is sent, and the certificate says that there must be one") : passed("none is sent");
  }
  const Certificate* issuer = find_issuer(leaf, sent);
  if (issuer == nullptr) issuer = find_issuer(leaf, seen.anchors->anchors().anchors());
  if (issuer == nullptr) return not_tried("the certificate's issuer is not known", "mend certificate.chain first");
  const auto staple = x509::verify_staple({.der = der, .leaf = leaf, .issuer = *issuer});
  if (!staple) return failure(plain(staple.error().detail, 200));
  const bool current = staple->this_update <= seen.at && (!staple->next_update || seen.at <= *staple->next_update);
  if (staple->status == x509::OcspStatus::Kind::revoked) return failure("it says that the certificate is revoked");
  if (staple->status == x509::OcspStatus::Kind::unknown) return failure("its responder does not know the certificate");
  if (!current)
    return failure("it speaks of another time: from " + base::to_rfc3339(staple->this_update) +
                   (staple->next_update ? " to " + base::to_rfc3339(*staple->next_update) : ""));
  return passed("good, as of " + base::to_rfc3339(staple->this_update));
}

}  // namespace countersign::check
