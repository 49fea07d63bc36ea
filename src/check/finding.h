// Finding: one answer about a partner's server, for a person and for a machine. Report: all of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace countersign::check {

enum class Severity {
  fail,       ///< not fit to go live
  warn,       ///< fit, but it will bite somebody
  pass,       ///< looked at, and as it must be
  not_tried,  ///< nothing is known: never to be read as passed
};
std::string_view name(Severity severity);

/// What a server seems to be, so that a remedy can name the line to write.
enum class ServerKind { unknown, nginx, haproxy, httpd, node };
std::string_view name(ServerKind kind);

struct Finding {
  std::string id;  ///< stable: "certificate.chain"
  Severity severity;
  std::string title;                     ///< what holds; where it failed or is to be looked at, what does not
  std::string evidence;                  ///< what was seen, in one line; of a server's own words only what is plain()
  std::string remedy;                    ///< what to do; empty when it passed
  std::vector<std::string> listed = {};  ///< what the evidence ends with a list of; empty: with none
};

struct Report {
  std::string url;
  base::Instant at;
  std::string provider = {};  ///< who checks, as its certificates say, plain(); empty: not known
  ServerKind server = ServerKind::unknown;
  std::vector<Finding> findings;  ///< in the order of the table of checks; one for each

  std::size_t count(Severity severity) const;
};

/// Words of a stranger on one line: printable ASCII, at most `limit` bytes.
std::string plain(std::string_view text, std::size_t limit = 120);

}  // namespace countersign::check
