#include "ceremony/hold.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/files.h"
#include "ceremony/journal.h"
#include "ceremony/root_keys.h"
#include "ceremony/transcript.h"
#include "crypto/pem.h"
#include "x509/csr.h"

namespace countersign::ceremony {
namespace {

namespace fs = std::filesystem;
using base::Kind;

tl::unexpected<base::Error> refuse(const char* code, std::string detail) {
  return base::fail(Kind::invalid, code, std::move(detail));
}

/// What is drawn for one thing that will be signed: the same at every run of the same file.
class DrawnFromInput final : public crypto::Random {
 public:
  DrawnFromInput(std::string input, std::string name)
      : seed_("countersign ceremony 1\n" + input + "\n" + name + "\n") {}
  base::Result<void> fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& octet : out) {
      if (at_ == block_.size()) {
        block_ = crypto::sha256(base::as_bytes(seed_ + std::to_string(blocks_++)));
        at_ = 0;
      }
      octet = block_[at_++];
    }
    return {};
  }

 private:
  std::string seed_;
  crypto::Digest256 block_{};
  std::size_t at_ = block_.size();
  int blocks_ = 0;
};

/// Something that is to be signed by a root, in its final bytes.
struct Item {
  std::string name;    ///< of its files
  std::string root;    ///< whose key signs
  std::string number;  ///< as the journal has it
  std::string sha256;  ///< of the signed part
  base::Bytes tbs;
  std::string shown;  ///< in words
  std::optional<CaDraft> certificate;
  std::optional<x509::TbsCrl> crl;
};

struct Made {
  base::Bytes der;
  std::string pem;
};

class Ceremony {
 public:
  Ceremony(const Plan& plan, const Act& act, Journal journal)
      : plan_(plan),
        act_(act),
        input_(base::to_hex(crypto::sha256(base::as_bytes(act.text)))),
        journal_(std::move(journal)) {}

  base::Result<std::string> hold();

 private:
  bool signs() const { return act_.mode == Mode::sign; }
  base::Result<void> look_around();
  base::Result<void> begin();
  base::Result<RootKey> key_of_new(const RootPlan& root);
  base::Result<void> draft_root(const RootPlan& root);
  base::Result<void> draft_ca(const CertifyPlan& ca);
  base::Result<void> draft_crl(const CrlPlan& crl);
  base::Result<void> keep_what_was_said(const CrlPlan& plan,
                                        const std::vector<x509::RevokedCertificate>& revoked) const;
  base::Result<x509::Certificate> find_root(const std::string& name);
  base::Result<const RootKey*> find_key(const std::string& root);
  base::Result<Made> sign(const Item& item);
  base::Result<void> write(const Item& item, const Made& made);
  std::string head() const;
  JournalEntry entry(const char* event) const { return {event, input_, plan_.title, "", "", "", act_.clock.now()}; }

  const Plan& plan_;
  const Act& act_;
  std::string input_;
  Journal journal_;
  std::optional<RootKeys> keys_;
  std::map<std::string, RootKey> open_keys_;
  std::map<std::string, x509::Certificate> roots_;  ///< by name, those that are being made among them
  std::vector<Item> items_;
  bool resumes_ = false;  ///< this very file was begun before, and cut off
};

base::Result<void> Ceremony::look_around() {
  if (const JournalEntry* ended = journal_.find("ended", input_))
    return refuse("ceremony.done", "this very file was carried out at " + base::to_rfc3339(ended->at) +
                                       ", and nothing is signed twice: to sign anew, say in its title what for");
  resumes_ = journal_.has_begun(input_);
  if (!resumes_ && fs::exists(plan_.out))
    return refuse("ceremony.out_exists", "'" + plan_.out.string() + "' is there already: name a folder that is not");
  const base::Instant now = act_.clock.now();
  if (now > plan_.at + kAroundCeremony || now < plan_.at - kAroundCeremony)
    return refuse("ceremony.clock", "the file says " + base::to_rfc3339(plan_.at) + ", this machine's clock " +
                                        base::to_rfc3339(now) + ": set whichever is wrong");
  return {};
}

/// Only who signs needs keys.
base::Result<void> Ceremony::begin() {
  if (!signs()) return {};
  BASE_TRY_VOID(base::make_folder(plan_.state));
  if (plan_.keys.token_module.empty()) {
    keys_.emplace(RootKeys::in_files(plan_.state, act_.secret));
  } else {
    BASE_TRY(auto keys, RootKeys::in_token(plan_.keys, base::Secret(act_.secret.reveal_text())));
    keys_.emplace(std::move(keys));
  }
  if (!journal_.has_begun(input_)) BASE_TRY_VOID(journal_.append(entry("begun")));
  return base::make_folder(plan_.out);
}

/// A root's key is made once: one that lies there is ours only where this ceremony was cut off.
base::Result<RootKey> Ceremony::key_of_new(const RootPlan& root) {
  if (!signs()) {
    BASE_TRY(auto throw_away, crypto::PrivateKey::generate(root.key));
    const auto key = std::make_shared<const crypto::PrivateKey>(std::move(throw_away));
    return RootKey{key->public_key(), [key](base::BytesView message) { return key->sign(message); }};
  }
  const auto same = [&](const RootPlan& one) { return one.name == root.name; };
  const bool announced = journal_.find("making " + root.name, input_) != nullptr;
  if (announced && std::ranges::any_of(plan_.roots, same)) {
    auto found = keys_->find(root.name);
    if (found || found.error().code != "ceremony.no_key") return found;
  }
  if (!announced) {
    const auto found = keys_->find(root.name);
    if (found || found.error().code != "ceremony.no_key")
      return refuse("ceremony.key_exists", "there is a key of '" + root.name +
                                               "' already: a root is made once; give the new one another name");
    JournalEntry making = entry("begun");
    making.event = "making " + root.name;
    BASE_TRY_VOID(journal_.append(std::move(making)));
  }
  return keys_->make(root.name, root.key);
}

base::Result<void> Ceremony::draft_root(const RootPlan& root) {
  if (fs::exists(plan_.state / (root.name + ".pem")) && !resumes_)
    return refuse("ceremony.key_exists", "there is a root '" + root.name + "' already: give the new one another name");
  BASE_TRY(auto key, key_of_new(root));
  const CaOrder order{.rank = CaRank::root,
                      .subject = root.subject,
                      .key = key.public_key,
                      .not_before = plan_.at,
                      .not_after = plan_.at + root.life,
                      .path_length = root.path_length};
  DrawnFromInput drawn(input_, root.name);
  BASE_TRY(auto draft, ceremony::draft(order, nullptr, plan_.at, drawn));
  roots_.insert_or_assign(root.name, draft.shown());
  open_keys_.insert_or_assign(root.name, std::move(key));
  const std::string note = signs() ? "" : "  (the key is made when this is signed; here stands another)\n";
  items_.push_back({root.name, root.name, draft.shown().serial().hex(), base::to_hex(crypto::sha256(draft.tbs().der)),
                    draft.tbs().der, describe(draft.shown()) + note, std::move(draft), std::nullopt});
  return {};
}

base::Result<x509::Certificate> Ceremony::find_root(const std::string& name) {
  if (const auto found = roots_.find(name); found != roots_.end()) return found->second;
  const auto pem = base::read_file(plan_.state / (name + ".pem"));
  if (!pem)
    return base::unexpected(
        base::Error(pem.error())
            .under("ceremony.no_root",
                   "there is no root '" + name + "': it is made by [[roots]], here or at an earlier ceremony"));
  BASE_TRY(auto certificate, x509::Certificate::one_from(*pem));
  roots_.emplace(name, certificate);
  return certificate;
}

base::Result<void> Ceremony::draft_ca(const CertifyPlan& ca) {
  BASE_TRY(const x509::Certificate root, find_root(ca.root));
  std::optional<crypto::PublicKey> key;
  x509::SubjectName subject = ca.subject;
  const fs::path& file = ca.request.empty() ? ca.certificate : ca.request;
  BASE_TRY(const std::string text, base::read_file(file));
  if (!ca.request.empty()) {
    auto csr = x509::Csr::parse(text);
    if (!csr) return base::unexpected(std::move(csr).error().under("ceremony.request", "'" + file.string() + "'"));
    key = csr->public_key();
  } else {
    BASE_TRY(const auto known, x509::Certificate::one_from(text));
    if (!known.is_ca()) return refuse("ceremony.request", "'" + file.string() + "' is no certificate of a CA");
    key = known.public_key();
    subject = {known.subject().common_name, known.subject().organisation, known.subject().organisational_unit};
  }
  const std::string digest = base::to_hex(key->spki_sha256());
  if (!ca.spki_sha256.empty() && digest != ca.spki_sha256)
    return refuse("ceremony.key", "the key in '" + file.string() + "' is " + digest + ", not the one that '" + ca.name +
                                      "' names: the file was exchanged, or the wrong digest was read out");
  CaOrder order{.rank = ca.rank,
                .subject = std::move(subject),
                .key = *key,
                .not_before = plan_.at,
                .not_after = plan_.at + ca.life,
                .path_length = ca.path_length};
  if (!ca.crl_url.empty()) order.crl.urls = {ca.crl_url};
  if (!ca.issuer_url.empty()) order.access.ca_issuers = {ca.issuer_url};
  DrawnFromInput drawn(input_, ca.name);
  BASE_TRY(auto draft, ceremony::draft(order, &root, plan_.at, drawn));
  items_.push_back({ca.name, ca.root, draft.shown().serial().hex(), base::to_hex(crypto::sha256(draft.tbs().der)),
                    draft.tbs().der, describe(draft.shown()), std::move(draft), std::nullopt});
  return {};
}

/// Who was taken back stays so: a verifier that has the newest CRL only must find it there.
base::Result<void> Ceremony::keep_what_was_said(const CrlPlan& plan,
                                                const std::vector<x509::RevokedCertificate>& revoked) const {
  const auto before = base::read_file(plan_.state / (plan.root + ".crl"));
  if (!before && before.error().code == "file.not_found") return {};
  if (!before) return base::unexpected(before.error());
  BASE_TRY(const auto crl, x509::Crl::from_der(base::as_bytes(*before)));
  for (const x509::RevokedCertificate& one : crl.revoked())
    if (std::ranges::find(revoked, one.serial, &x509::RevokedCertificate::serial) == revoked.end())
      return refuse("ceremony.crl",
                    "the CRL before takes back " + one.serial.hex() + ", and this one forgot it: add it");
  if (crl.this_update() >= plan_.at && !resumes_)
    return refuse("ceremony.crl",
                  "the CRL before is of " + base::to_rfc3339(crl.this_update()) + ": 'ceremony.at' must be later");
  return {};
}

base::Result<void> Ceremony::draft_crl(const CrlPlan& plan) {
  BASE_TRY(const x509::Certificate root, find_root(plan.root));
  std::vector<x509::RevokedCertificate> revoked;
  std::string unknown;
  for (const WithdrawnPlan& one : plan.withdrawn) {
    BASE_TRY(auto serial, x509::Serial::parse(one.serial));
    if (!journal_.has_signed(plan.root, serial.hex()))
      unknown += "  (" + serial.hex() + " was not signed at a ceremony of this folder)\n";
    revoked.push_back({std::move(serial), one.at, one.reason});
  }
  std::ranges::sort(revoked, {}, &x509::RevokedCertificate::serial);
  BASE_TRY_VOID(keep_what_was_said(plan, revoked));
  // A number that this very file announced before it was cut off is its own: the same bytes are signed again.
  const x509::CrlSpec spec{.number = std::max(journal_.last_crl(plan.root, input_) + 1, plan.least_number),
                           .this_update = plan_.at,
                           .next_update = plan_.at + plan.life,
                           .urls = plan.url.empty() ? std::vector<std::string>() : std::vector{plan.url},
                           .scope = x509::CrlScope::ca_certificates,
                           .revoked = std::move(revoked)};
  BASE_TRY(auto tbs, x509::build_tbs(spec, root));
  static constexpr std::array<std::uint8_t, 8> kNoSignature = {};
  const auto shown = x509::Crl::from_der(x509::assemble(tbs, kNoSignature));
  const bool good = shown && shown->number() == spec.number && shown->revoked().size() == spec.revoked.size() &&
                    shown->issuer().der == root.subject().der && shown->this_update() == spec.this_update &&
                    shown->next_update() == spec.next_update && spec.next_update <= root.not_after();
  if (!good)
    return refuse("ceremony.crl", "the CRL of '" + plan.root +
                                      "' does not read as it was meant, or would outlive its root: shorten 'life'");
  items_.push_back({plan.root + "-crl", plan.root, "crl " + std::to_string(spec.number),
                    base::to_hex(crypto::sha256(tbs.der)), tbs.der, describe(*shown) + unknown, std::nullopt,
                    std::move(tbs)});
  return {};
}

base::Result<const RootKey*> Ceremony::find_key(const std::string& root) {
  if (const auto open = open_keys_.find(root); open != open_keys_.end()) return &open->second;
  BASE_TRY(auto key, keys_->find(root));
  BASE_TRY(const x509::Certificate certificate, find_root(root));
  if (key.public_key.spki_sha256() != certificate.public_key().spki_sha256())
    return refuse("ceremony.key", "the key of '" + root + "' is not that of its certificate");
  return &open_keys_.emplace(root, std::move(key)).first->second;
}

base::Result<Made> Ceremony::sign(const Item& item) {
  if (item.certificate && journal_.is_taken(item.number, input_))
    return refuse("ceremony.done", "the serial number " + item.number + " was used before");
  BASE_TRY(const RootKey* key, find_key(item.root));
  JournalEntry intent = entry("intent");
  intent.name = item.name;
  intent.root = item.root;
  intent.number = item.number;
  intent.sha256 = item.sha256;
  BASE_TRY_VOID(journal_.append(intent));
  BASE_TRY(const base::Bytes signature, key->sign(item.tbs));
  if (item.certificate) {
    BASE_TRY(const x509::Certificate certificate, item.certificate->assemble(signature));
    if (item.name == item.root) roots_.insert_or_assign(item.name, certificate);
    return Made{certificate.der(), certificate.to_pem()};
  }
  if (!key->public_key.verify(item.tbs, signature))
    return refuse("ceremony.key", "the signature of the CRL of '" + item.root + "' does not verify");
  const base::Bytes der = x509::assemble(*item.crl, signature);
  return Made{der, crypto::to_pem("X509 CRL", der)};
}

base::Result<void> Ceremony::write(const Item& item, const Made& made) {
  const bool is_crl = item.crl.has_value();
  const fs::path file = plan_.out / (is_crl ? item.root + ".crl.pem" : item.name + ".pem");
  const auto known = base::read_file(file);
  if (known && *known != made.pem)
    fs::remove(file);  // of the run that was cut off: an ECDSA signature is another each time
  if (!known || *known != made.pem) BASE_TRY_VOID(base::create_file(file, made.pem, base::FileMode::world_readable));
  if (is_crl)
    BASE_TRY_VOID(
        base::write_file(plan_.state / (item.root + ".crl"), base::as_text(made.der), base::FileMode::world_readable));
  if (item.name == item.root)
    BASE_TRY_VOID(base::write_file(plan_.state / (item.name + ".pem"), made.pem, base::FileMode::world_readable));
  JournalEntry done = entry("signed");
  done.name = item.name;
  done.root = item.root;
  done.number = item.number;
  done.sha256 = base::to_hex(crypto::sha256(made.der));
  return journal_.append(std::move(done));
}

std::string Ceremony::head() const {
  std::string text = "TRANSCRIPT OF A CEREMONY\n\n";
  text += "Title       " + plan_.title + "\n";
  text += "Input       " + act_.file + ", SHA-256 " + input_ + "\n";
  text += "Programme   " + act_.programme + "\n";
  text += "Dated       " + base::to_rfc3339(plan_.at) + "\n";
  text += "Held        " + base::to_rfc3339(act_.clock.now()) + " by this machine's clock\n";
  for (const std::string& witness : plan_.witnesses)
    text += "Witness     " + witness + "\n";
  text += signs() ? "\n" : "\nTHIS IS A CHECK: nothing was signed, and no file was made.\n\n";
  return text;
}

base::Result<std::string> Ceremony::hold() {
  BASE_TRY_VOID(look_around());
  BASE_TRY_VOID(begin());
  for (const RootPlan& root : plan_.roots)
    BASE_TRY_VOID(draft_root(root));
  for (const CertifyPlan& ca : plan_.certify)
    BASE_TRY_VOID(draft_ca(ca));
  for (const CrlPlan& crl : plan_.crls)
    BASE_TRY_VOID(draft_crl(crl));
  std::string transcript = head();
  for (const Item& item : items_) {
    transcript += (item.crl ? "CRL of root '" : "CERTIFICATE '") + (item.crl ? item.root : item.name) +
                  "', signed by '" + item.root + "'\n" + item.shown + "  Signed part       SHA-256 " + item.sha256 +
                  "\n";
    if (!signs()) {
      transcript += "\n";
      continue;
    }
    BASE_TRY(const Made made, sign(item));
    BASE_TRY_VOID(write(item, made));
    transcript += "  The whole         SHA-256 " + base::to_hex(crypto::sha256(made.der)) + "\n" + made.pem + "\n";
  }
  if (!signs()) return transcript;
  transcript += "Ended       " + base::to_rfc3339(act_.clock.now()) + " by this machine's clock; " +
                std::to_string(items_.size()) + " signatures\n";
  BASE_TRY_VOID(base::write_file(plan_.out / "transcript.txt", transcript, base::FileMode::world_readable));
  JournalEntry ended = entry("ended");
  ended.sha256 = base::to_hex(crypto::sha256(base::as_bytes(transcript)));
  BASE_TRY_VOID(journal_.append(std::move(ended)));
  return transcript;
}

}  // namespace

base::Result<std::string> hold(const Plan& plan, const Act& act) {
  BASE_TRY(auto journal, Journal::load(plan.state));
  Ceremony ceremony(plan, act, std::move(journal));
  return ceremony.hold();
}

}  // namespace countersign::ceremony
