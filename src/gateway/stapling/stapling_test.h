// What tests of stapling share: a certificate of the gateway's, responders of every kind, and a keeper.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/stapling/staple_keeper.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/staple.h"

namespace countersign::gateway {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Issued;
using Kind = x509::OcspStatus::Kind;
using Answer = base::Result<base::Bytes>;

inline base::Error unreachable() { return {base::Kind::timeout, "transfer.timeout", "nobody answered"}; }

/// A certificate of the gateway's, and responders of every kind.
class OwnStaples : public ::testing::Test {
 protected:
  const testing::Ca& ca() const { return pki_.issuing_ca(base::Environment::internal, trust::Purpose::server); }

  struct Said {
    Kind kind = Kind::good;
    base::Duration from = base::Duration::zero();  ///< from now
    base::Duration to = hours(1);
  };
  /// By the issuer itself.
  base::Bytes response(Said said) const { return response(said, server_.certificate, ca().key); }
  base::Bytes response(Said said, const x509::Certificate& subject, const crypto::PrivateKey& signer) const {
    return testing::make_staple({.subject = subject,
                                 .issuer = ca().certificate,
                                 .signer = signer,
                                 .kind = said.kind,
                                 .this_update = pki_.now() + said.from,
                                 .next_update = pki_.now() + said.to});
  }

  struct Responder {
    std::vector<std::string> eku = {std::string(x509::oid::kOcspSigning)};
    base::Duration life = hours(48);
    const testing::Ca* issuer = nullptr;  ///< null: the certificate's own
  };
  /// By somebody to whom the issuer, or another one, gave a certificate (RFC 6960 section 4.2.2.2).
  base::Bytes delegated(Responder by) {
    auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const x509::CertificateSpec spec{.serial = x509::Serial::generate(random_).value(),
                                     .subject = {"ocsp", "service", "internal"},
                                     .not_before = pki_.now() - hours(1),
                                     .not_after = pki_.now() + by.life,
                                     .key = key.public_key(),
                                     .key_usage = {x509::KeyUsage::digital_signature},
                                     .extended_key_usage = by.eku,
                                     .subject_alt_names = {},
                                     .ca = std::nullopt};
    const auto certificate = testing::issue(spec, by.issuer == nullptr ? ca() : *by.issuer);
    const base::Bytes id = testing::cert_id_of(server_.certificate, ca().certificate);
    const auto data = x509::build_response_data({.responder_key = x509::OcspNames::of(certificate).key_sha1,
                                                 .produced_at = pki_.now(),
                                                 .this_update = pki_.now(),
                                                 .next_update = pki_.now() + hours(1),
                                                 .answers = {{id, {.kind = Kind::good}}},
                                                 .nonce = std::nullopt});
    return x509::assemble_ocsp_response(data, key.sign(data).value(), certificate);
  }

  std::string judge(base::Bytes der) const {
    const auto judged = judge_staple(std::move(der), server_.certificate, ca().certificate, pki_.now());
    return judged ? "good" : std::string(name(judged.error().trouble));
  }

  testing::Pki pki_;
  testing::SeededRandom random_{7};
  testing::KeptLog log_;
  Issued server_ = pki_.internal_server().issue();
};

/// A keeper without its thread, and a responder that says what it is told to.
class Keeping : public OwnStaples {
 protected:
  void SetUp() override { keep(make(server_.chain)); }
  std::shared_ptr<StapledCertificate> make(const std::vector<x509::Certificate>& chain,
                                           const std::string& responder = "http://ocsp.example") {
    return keeper_.find_or_make(chain, {.responder = responder});
  }
  void keep(std::shared_ptr<StapledCertificate> certificate) {
    kept_ = std::move(certificate);
    keeper_.keep({{kept_, {{"partners", "api.example"}, {"partners", "other"}}}});
  }
  /// What the responder says from now on.
  void says(Answer answer) { answer_ = std::move(answer); }
  void looks() { next_ = keeper_.look(); }
  /// When the next question is due, and what is stapled then.
  void passes(base::Duration time) {
    pki_.clock().advance(time);
    looks();
  }
  base::Bytes shown() const {
    const auto staple = kept_->staple().current();
    return staple == nullptr ? base::Bytes() : staple->der;
  }
  base::Duration until_next() const { return kept_->next() - pki_.now(); }
  int said(std::string_view event) const {
    int count = 0;
    for (const std::string& line : log_.lines())
      count += line.find("\"" + std::string(event) + "\"") != std::string::npos ? 1 : 0;
    return count;
  }
  bool measures(const std::string& line) const { return keeper_.metrics().find(line + "\n") != std::string::npos; }

  Answer answer_ = base::unexpected(unreachable());
  int asked_ = 0;
  std::string asked_at_;
  base::Bytes asked_for_;
  std::function<void()> meanwhile_;  ///< happens once, while the responder is asked
  StapleKeeper keeper_{{.ask =
                            [this](const courier::ResponderCall& call, const courier::Stop&) {
                              ++asked_;
                              asked_at_ = call.url;
                              asked_for_ = base::to_bytes(call.question);
                              if (meanwhile_) std::exchange(meanwhile_, nullptr)();
                              return answer_;
                            }},
                       Dice(1),
                       pki_.clock(),
                       log_.log()};
  std::shared_ptr<StapledCertificate> kept_;
  base::Instant next_ = {};
};

}  // namespace countersign::gateway
