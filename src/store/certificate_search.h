// Searching among certificates, page by page: each filter has an index to go by, however many there are. Errors as in
// store/registry.h.
#pragma once

#include "store/certificates.h"

namespace countersign::store {

/// Where a page ended: what the list is in order of, and the serial.
struct CertificatePlace {
  base::Instant at;
  std::string serial;
};

struct CertificatePage {
  std::vector<CertificateRow> rows;     ///< without their DER
  std::optional<CertificatePlace> end;  ///< there may be more behind it
};

/// Newest first; where only expired ones are asked for, those first that ended last. At most `filter.limit`.
base::Result<CertificatePage> search_certificates(Transaction& transaction, const CertificateFilter& filter,
                                                  const std::optional<CertificatePlace>& after);

/// The statement that a search is made with, for those who want to see which index it goes by.
std::string statement_of(const CertificateFilter& filter, const std::optional<CertificatePlace>& after);

}  // namespace countersign::store
