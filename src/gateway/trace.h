// TraceContext: which trace a request belongs to (W3C Trace Context): the caller's, where it says so in proper form,
// else one that begins here. The gateway is a hop of the trace of its own: upstreams get our span's id as their parent.
//
// Trace ids are no secrets, prove nothing and decide nothing; they join the records of several programs.
#pragma once

#include <string>
#include <string_view>

#include "gateway/upstream/dice.h"
#include "http/message.h"

namespace countersign::gateway {

class TraceContext {
 public:
  /// `percent` of the traces that begin here are flagged as sampled.
  struct Sampling {
    unsigned percent;
  };
  static TraceContext continue_or_begin(const http::Fields& fields, Sampling sampling, Dice& dice);

  /// 32 hexadecimal digits.
  std::string_view trace_id() const { return std::string_view(field_).substr(3, 32); }
  /// Ours, 16 of them: the parent's for whoever is next.
  std::string_view span_id() const { return std::string_view(field_).substr(36, 16); }
  bool is_sampled() const { return field_.back() == '1'; }
  /// `traceparent` for whoever is next.
  const std::string& field() const { return field_; }
  /// It was the caller's: its `tracestate` is passed on with it. Where it was not, that means nothing and is dropped
  /// (section 3.2.2.1).
  bool is_continued() const { return continued_; }

 private:
  TraceContext(std::string field, bool continued) : field_(std::move(field)), continued_(continued) {}
  std::string field_;
  bool continued_;
};

/// Section 3.3: one list, in as many fields as its sender likes, in their order.
bool is_tracestate(std::string_view name);
/// Is this the value of a traceparent that may be continued (section 3.2.2)? A later version is read as the first one.
bool is_traceparent(std::string_view text);

}  // namespace countersign::gateway
