// Plan: what a ceremony is to do, out of one file that people have read before. Everything that will be signed follows
// from this file, its requests, and the folder of what was made before: two runs write the same bytes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "ceremony/ca_profile.h"
#include "x509/crl.h"

namespace countersign::ceremony {

/// A root to be made: key and certificate, under a name of its own.
struct RootPlan {
  std::string name;
  x509::SubjectName subject;
  crypto::PrivateKey::Kind key;
  base::Duration life;
  int path_length;
};

/// A CA that some root certifies: a new issuing CA by its request, or one that another root vouches for already, by its
/// certificate (a cross certificate).
struct CertifyPlan {
  std::string name;
  std::string root;
  CaRank rank;
  std::filesystem::path request;      ///< PKCS#10; or
  std::filesystem::path certificate;  ///< whose name and key are certified once more
  std::string spki_sha256;            ///< of the key that is meant, as somebody read it out; empty: not said
  x509::SubjectName subject;          ///< empty where `certificate` says it
  base::Duration life;
  int path_length;
  std::string crl_url;     ///< where the root's CRL is published; empty: says nothing
  std::string issuer_url;  ///< where its certificate is
};

struct WithdrawnPlan {
  std::string serial;
  x509::CrlReason reason;
  base::Instant at;
};

/// A root's CRL, which lists the CAs that it takes back.
struct CrlPlan {
  std::string root;
  base::Duration life;
  std::string url;
  std::uint64_t least_number =
      1;  ///< above those of CRLs that were made elsewhere, such as at an authority's first run
  std::vector<WithdrawnPlan> withdrawn;
};

/// Where the keys of roots are.
struct KeysPlan {
  std::filesystem::path passphrase_file;  ///< of keys in files; empty: $COUNTERSIGN_PASSPHRASE, or systemd
  std::filesystem::path token_module;     ///< empty: keys are in files
  std::string token_label;
  std::filesystem::path token_pin_file;
  std::string key_prefix;
};

struct Plan {
  std::string title;
  base::Instant at;  ///< of the ceremony: certificates and CRLs begin then
  std::vector<std::string> witnesses;
  std::filesystem::path state;  ///< the folder of what was made before
  std::filesystem::path out;    ///< where what is made now goes; it must not be there yet
  KeysPlan keys;
  std::vector<RootPlan> roots;
  std::vector<CertifyPlan> certify;
  std::vector<CrlPlan> crls;

  /// Paths are relative to the folder of `file`. Fails: `config.*`, `ceremony.plan` naming the key and what to write.
  static base::Result<Plan> load(const std::filesystem::path& file);
  static base::Result<Plan> parse(std::string_view text, const std::filesystem::path& file);
};

}  // namespace countersign::ceremony
