// Certificates and CRLs in words, for people who review what is signed.
#pragma once

#include <string>

#include "x509/certificate.h"
#include "x509/crl.h"

namespace countersign::ceremony {

/// Every field, one a line.
std::string describe(const x509::Certificate& certificate);
std::string describe(const x509::Crl& crl);

}  // namespace countersign::ceremony
