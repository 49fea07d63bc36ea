// PEM (RFC 7468): the text form of certificates, requests and public keys. Private keys are read in private_key.h.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace countersign::crypto {

/// Does `text` hold a PEM block of any kind?
bool is_pem(std::string_view text);
/// The decoded blocks whose label is one of `labels`, in order; text around them and other blocks are skipped.
/// Fails: `pem.malformed` when such a block does not end, or is not base64.
base::Result<std::vector<base::Bytes>> pem_blocks(std::string_view text,
                                                  std::initializer_list<std::string_view> labels);
/// One block, lines of 64 characters, ending in a newline.
std::string to_pem(std::string_view label, base::BytesView der);

}  // namespace countersign::crypto
