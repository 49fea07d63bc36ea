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

// What senders met at partners' servers, and outages as they were told to the partners. used_for: decisions, advices,
// ...; ended_by: recovered, or lapsed where nobody reported any more.
inline constexpr const char* kEhiTroubles[] = {
    "CREATE TABLE ehi_troubles ("
    " server TEXT NOT NULL REFERENCES ehi_servers (id),"
    " sender TEXT NOT NULL,"
    " endpoint TEXT NOT NULL,"
    " used_for TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('refused', 'unreachable')),"
    " code TEXT NOT NULL,"
    " reason TEXT,"
    " detail TEXT NOT NULL,"
    " times BIGINT NOT NULL,"
    " first_at BIGINT NOT NULL,"
    " last_at BIGINT NOT NULL,"
    " heard_at BIGINT NOT NULL,"
    " ended_at BIGINT,"
    " PRIMARY KEY (server, sender, endpoint, used_for))",
    "CREATE INDEX ehi_troubles_by_age ON ehi_troubles (heard_at)",
    "CREATE TABLE ehi_outages ("
    " server TEXT NOT NULL REFERENCES ehi_servers (id),"
    " began_at BIGINT NOT NULL,"
    " state TEXT NOT NULL,"
    " code TEXT NOT NULL,"
    " reason TEXT,"
    " refused_told_at BIGINT,"
    " unreachable_told_at BIGINT,"
    " ended_at BIGINT,"
    " ended_by TEXT CHECK (ended_by IN ('recovered', 'lapsed')),"
    " PRIMARY KEY (server, began_at))",
    "CREATE UNIQUE INDEX ehi_outages_open ON ehi_outages (server) WHERE ended_at IS NULL",
    "CREATE INDEX ehi_outages_by_age ON ehi_outages (ended_at)",
};

}  // namespace countersign::store
