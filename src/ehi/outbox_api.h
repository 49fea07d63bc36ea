// OutboxApi: what operators do with the outbox over the local side: look at messages, replay them, discard dead
// letters.
//
// Deny by default: only those named in [ehi] outbox_viewers and outbox_operators. What is done is recorded with who did
// it.
#pragma once

#include "ehi/config.h"
#include "ehi/lane.h"

namespace countersign::ehi {

class OutboxApi {
 public:
  /// Told after a replay, with the endpoint's name.
  using Replayed = std::function<void(const std::string& endpoint)>;
  static constexpr std::string_view kPath = "/v1/outbox";

  /// Borrows everything.
  OutboxApi(const EhiConfig& config, OutboxDesk& desk, Replayed replayed, const base::Clock& clock,
            const base::Log& log);

  /// Is the path one of these?
  static bool is_for(std::string_view path);
  /// Is it one of those who may see what is there?
  bool may_look(const base::Identity& caller) const;
  net::Task<http::Response> answer(base::Identity caller, http::Request request);

 private:
  struct Ask;
  enum class Role { viewer, operator_ };
  bool may(const std::string& who, Role role) const;
  net::Task<http::Response> list(http::Request request);
  net::Task<http::Response> show(std::int64_t id);
  net::Task<http::Response> replay(std::string who, std::int64_t id);
  net::Task<http::Response> replay_dead(std::string who, http::Request request);
  net::Task<http::Response> discard(std::string who, std::int64_t id);
  base::Duration keep_of(const std::string& endpoint) const;

  const EhiConfig& config_;
  OutboxDesk& desk_;
  Replayed replayed_;
  const base::Clock& clock_;
  const base::Log& log_;
};

}  // namespace countersign::ehi
