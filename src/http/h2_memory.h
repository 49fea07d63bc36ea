// H2Memory: where one session of libnghttp2 has its memory from, so that a connection that is idle holds little of it.
// Private to http.
//
// What a session is made with lies together, in pages of its own: its tables, and behind them the buffer of 16 KiB for
// the frame that it writes. Of that we have it write heads of some hundred bytes (bodies go past it, see
// H2Link::send_data), so that its other pages are never touched and take up no room. The table of streams has a page of
// its own, which is given back while it is empty. What a session asks for later is malloc's.
#pragma once

#include <cstddef>

#include <nghttp2/nghttp2.h>

namespace countersign::http {

class H2Memory {
 public:
  H2Memory();
  ~H2Memory();
  H2Memory(const H2Memory&) = delete;

  /// For nghttp2_session_*_new3. The session dies first.
  nghttp2_mem* table() { return &table_; }
  /// The session is made.
  void note_made() { making_ = false; }
  /// Nothing is asked of the session for now: gives back what holds nothing but zeros. One system call at most.
  void rest() noexcept;

 private:
  static void* allocate(std::size_t size, void* user);
  static void release(void* piece, void* user);
  static void* allocate_zeros(std::size_t count, std::size_t size, void* user);
  static void* change_size(void* piece, std::size_t size, void* user);
  void* take(std::size_t size);
  bool is_ours(const void* piece) const { return piece >= begin_ && piece < end_; }

  std::byte* begin_ = nullptr;  ///< of the pages; null: there are none, and all is malloc's
  std::byte* end_ = nullptr;    ///< the last page is for the table of streams
  std::byte* next_ = nullptr;   ///< what is taken next
  bool making_ = true;
  bool has_table_ = false;  ///< of streams, in the last page
  nghttp2_mem table_;
};

}  // namespace countersign::http
