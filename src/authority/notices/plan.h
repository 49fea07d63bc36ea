// Which notices are due: a pure function of what ends, what was said already, and the time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "authority/notices/own_material.h"
#include "authority/notices/settings.h"
#include "authority/registry/hierarchy.h"
#include "store/notices.h"

namespace countersign::authority {

/// Something that ends: a certificate of an application, or a CA's own.
struct Expiring {
  std::string serial;
  std::string subject;                      ///< a URN, or the CA's name
  std::string purpose;                      ///< "CA" for a CA's own, else as name(OwnMaterial::Kind)
  std::optional<store::ApplicationKey> of;  ///< absent for what is the authority's
  base::Instant begins;
  base::Instant ends;
  bool needed;                             ///< would anybody miss it?
  std::vector<Threshold> thresholds = {};  ///< of its own; empty: those that are configured
};

/// Nobody misses a certificate that is revoked or suspended, or whose successor is in use. Use is seen in handshakes
/// with us for the purposes transport and service; for the others a newer certificate has to do.
Expiring to_ending(const store::EndingRow& row);
/// Of every root and issuing CA.
std::vector<Expiring> endings_of(const Hierarchy& hierarchy);

/// What lives for days only is replaced at half of its life: a quarter before its end something is wrong.
Expiring to_ending(const OwnMaterial& material);

struct Notice {
  Expiring about;
  Threshold threshold;
};

/// What was noted already, by serial.
using Noted = std::map<std::string, std::set<Threshold>>;

/// The newest threshold that has passed at `now`; nothing before the first. One that lay before the certificate's
/// beginning does not count: a life of an hour has no notice of a day.
std::optional<Threshold> newest_threshold(const Expiring& ending, const std::vector<Threshold>& thresholds,
                                          base::Instant now);

/// In the order of `endings`: one notice for each that is needed and whose newest threshold was not noted yet. Whatever
/// passed before that one, while the authority was down, is not said any more.
std::vector<Notice> plan_notices(const std::vector<Expiring>& endings, const Noted& noted,
                                 const std::vector<Threshold>& thresholds, base::Instant now);

/// "in 30 days", "in 5 hours", "2 days ago".
std::string to_words(base::Duration until);

}  // namespace countersign::authority
