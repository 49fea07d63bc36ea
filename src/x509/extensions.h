// Inside of x509 only: the extensions that Countersign reads, taken out of a certificate once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "x509/certificate.h"

typedef struct DIST_POINT_NAME_st DIST_POINT_NAME;

namespace countersign::x509 {

struct ReadExtensions {
  bool is_ca = false;
  bool sound = true;  ///< none of those read here is there twice or fails to parse
  std::optional<std::set<KeyUsage>> key_usages;
  std::optional<std::vector<std::string>> extended_key_usages;
  SubjectAltNames subject_alt_names;
  base::Bytes subject_key_id;
  base::Bytes authority_key_id;
  UrlList crl_distribution_points;
  InformationAccess information_access;
};

/// Also fills libcrypto's own cache in `certificate`, so that it is only read from then on.
ReadExtensions read_extensions(X509* certificate);

/// The URLs of a distribution point's full name, added to `out`.
void read_point_name(const DIST_POINT_NAME* point, UrlList& out);

/// Does an extension of `certificate` fail to parse, or contradict another?
bool has_invalid_extensions(X509* certificate);

}  // namespace countersign::x509
