// Fields of a message that do not travel through the gateway as they came: those that only it may write, those of one
// hop, those it writes from what was decided. In one place, for all that copies fields and all that lets a file name
// one.
#pragma once

#include <string_view>

namespace countersign::policy {

/// Is this a field that only the gateway may write, in whatever spelling an upstream might fold into one ('_' for '-',
/// any case)? Client-Cert, Client-Cert-Chain (RFC 9440), X-Countersign-*, Forwarded, X-Forwarded-*, X-Real-IP.
bool is_reserved_field(std::string_view name);

/// Is this a field of one hop (RFC 9110 section 7.6.1), to be dropped by an intermediary? Those named by Connection are
/// decided by the caller.
bool is_hop_by_hop_field(std::string_view name);

/// Is this written by us from what was decided, never copied: how a body is framed, for whom the request is, its trace?
bool is_decided_here(std::string_view name);

/// Is it one of the three above?
bool never_travels(std::string_view name);

}  // namespace countersign::policy
