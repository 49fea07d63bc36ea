// Inside of signatures: reads structured fields, from the left to the right, without going back (RFC 9651 section 4.2).
#pragma once

#include "signatures/structured_field.h"

namespace countersign::signatures::sf {

class Reader {
 public:
  /// Borrows `text`. Fails: `sf.too_large`.
  static base::Result<Reader> of(std::string_view text);

  /// Each reads the whole text. Fail: as sf::parse_.
  base::Result<Dictionary> dictionary();
  base::Result<List> list();
  base::Result<Item> whole_item();

 private:
  explicit Reader(std::string_view text) : text_(text) {}
  base::Result<Member> member();
  base::Result<Member> inner_list();
  base::Result<Item> item();
  base::Result<BareItem> bare_item();
  base::Result<BareItem> number();
  base::Result<BareItem> string();
  base::Result<BareItem> byte_sequence();
  base::Result<BareItem> boolean();
  base::Result<BareItem> date();
  base::Result<BareItem> display_string();
  base::Result<BareItem> token();
  base::Result<Parameters> parameters();
  base::Result<std::string> key();
  base::Result<bool> next_member();

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c);
  void skip_spaces();
  void skip_white();
  tl::unexpected<base::Error> malformed(std::string_view what) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace countersign::signatures::sf
