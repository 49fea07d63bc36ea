// What contacts of a partner read about a server of theirs: plain English, what happened, since when, and what to do.
// Nothing of the provider's inside.
#pragma once

#include "authority/ehi/troubles.h"
#include "authority/notices/text.h"

namespace countersign::authority {

/// The condition is a trouble: it has begun, or changed; else `row` has ended well.
LetterText to_mail(const store::EhiServerRow& server, const EhiCondition& condition, const store::EhiOutageRow& row);
/// `ehi_server.refused`, `ehi_server.unreachable`, `ehi_server.recovered`.
std::string to_webhook(const store::EhiServerRow& server, const EhiCondition& condition, const store::EhiOutageRow& row,
                       const store::LetterRow& letter);
/// The same word for the audit log, where one that has lapsed is `ehi_server.lapsed`.
std::string event_of(const EhiCondition& condition, const store::EhiOutageRow& row);

}  // namespace countersign::authority
