// The schema of what migrations.cpp lays for servers of partners that the provider calls. Private to store.
#pragma once

namespace countersign::store {

// Where the provider calls partners (address: host and port of it, in one spelling), what the last check of each found,
// and whom the coming of a CA was announced to. use_from: the day from which a CA that was announced may be used.
// letters.ca: the one that a letter announces.
inline constexpr const char* kEhiServers[] = {
    "CREATE TABLE ehi_servers ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " organisation TEXT NOT NULL REFERENCES organisations (id),"
    " environment TEXT NOT NULL CHECK (environment IN ('uat', 'production')),"
    " url TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " confirmed_by TEXT,"
    " confirmed_at BIGINT,"
    " removed_at BIGINT,"
    " check_state TEXT CHECK (check_state IN ('waiting', 'running', 'ended', 'failed')),"
    " check_asked_by TEXT,"
    " check_asked_at BIGINT,"
    " check_begun_at BIGINT,"
    " check_ended_at BIGINT,"
    " check_error TEXT,"
    " check_verdict TEXT,"
    " check_not_tried BIGINT,"
    " check_report TEXT)",
    "CREATE INDEX ehi_servers_by_organisation ON ehi_servers (organisation, created_at, id)",
    "CREATE INDEX ehi_servers_by_age ON ehi_servers (created_at, id) WHERE removed_at IS NULL",
    "CREATE INDEX ehi_servers_by_address ON ehi_servers (address)",
    "CREATE INDEX ehi_servers_removed ON ehi_servers (removed_at) WHERE removed_at IS NOT NULL",
    "CREATE INDEX ehi_servers_to_check ON ehi_servers (check_state, check_asked_at)",

    "ALTER TABLE issuing_cas ADD COLUMN use_from BIGINT",
    "CREATE TABLE ca_announcements ("
    " ca TEXT NOT NULL REFERENCES issuing_cas (name),"
    " contact TEXT NOT NULL REFERENCES contacts (id),"
    " written_at BIGINT NOT NULL,"
    " PRIMARY KEY (ca, contact))",
    "ALTER TABLE letters ADD COLUMN ca TEXT",
};

}  // namespace countersign::store
