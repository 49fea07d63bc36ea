// Private to store: the table of refused certificates, a step of migrations.cpp.
#pragma once

#include <array>

namespace countersign::store {

inline constexpr std::array kRefusals = {
    "CREATE TABLE refusals ("
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " serial TEXT NOT NULL,"
    " times BIGINT NOT NULL,"
    " first_seen_at BIGINT NOT NULL,"
    " last_seen_at BIGINT NOT NULL,"
    " gateway TEXT NOT NULL,"
    " PRIMARY KEY (environment, organisation, application, fingerprint, reason),"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",
    "CREATE INDEX refusals_by_age ON refusals (last_seen_at DESC, fingerprint, reason)",
    "CREATE INDEX refusals_by_organisation ON refusals (organisation, last_seen_at DESC, fingerprint, reason)",
};

}  // namespace countersign::store
