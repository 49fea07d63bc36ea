// H2Link: libnghttp2 on one connection, as far as both ends have it in common: frames to go out, windows, and how it
// ends. Knows no socket and waits for nothing: H2Run reads and writes. Private to http.
//
// None of its functions may be called from within a callback of libnghttp2, except where it says so.
#pragma once

#include <memory>
#include <optional>

#include <nghttp2/nghttp2.h>

#include "http/h2_flow.h"
#include "http/h2_memory.h"
#include "net/task.h"

namespace countersign::http {

class H2Link {
 public:
  explicit H2Link(net::Loop& loop) : work_(loop) {}
  virtual ~H2Link();
  H2Link(const H2Link&) = delete;

  /// Takes in what was read, and hands it on.
  virtual void receive(base::BytesView data) = 0;
  /// When the other side must have done something at the latest.
  virtual net::Deadline read_deadline() const = 0;
  /// Asked when that has passed: is the connection to end now? Then it has been told so.
  virtual bool is_late() = 0;
  /// Is there a stream, or work for one?
  virtual bool is_busy() const = 0;
  /// Every stream fails from here on.
  virtual void close_streams() = 0;

  /// Adds frames to pending() until there are enough for one write.
  void gather();
  base::Bytes& pending() { return pending_; }
  net::Signal& work() { return work_; }
  /// Wakes whoever writes, where there is something to write or it is over.
  void raise_if_needed();
  /// Nothing will be read any more, nor written when pending() is empty.
  bool is_over() const;
  /// GOAWAY with `code` (RFC 9113 section 7), behind what is there to go out, and nothing else any more.
  void terminate(std::uint32_t code);
  /// GOAWAY alone: what was there to go out and is not in anybody's hands yet is dropped.
  void drop_all_but_goodbye();
  const std::optional<base::Error>& failure() const { return failure_; }
  void fail(base::Error error);

  /// So much of the body was read: the other side may send as much again. May be called from within a callback.
  void consume(const H2Flow& flow, std::size_t size);
  /// There is more of `flow` to go out: gathers it, and sees to it that it goes out.
  void output(H2Flow& flow);
  void reset(const H2Flow& flow, std::uint32_t code);
  /// Waits until all that goes out of `flow` was taken over. Fails: why_ended(), `net.timeout`; the stream has been
  /// reset then. `flow.part` belongs to whoever waits here: it does not stay behind.
  static net::Task<base::Result<void>> wait_until_taken(std::shared_ptr<H2Link> link, std::shared_ptr<H2Flow> flow,
                                                        net::Deadline deadline);
  /// At least one byte of the body, or 0 at its end. Fails: why_ended(), `net.timeout`.
  static net::Task<base::Result<std::size_t>> read_body_some(std::shared_ptr<H2Link> link, std::shared_ptr<H2Flow> flow,
                                                             std::span<std::uint8_t> into, net::Deadline deadline);
  /// What is there of the body counts as read, and what comes is dropped.
  void decline(H2Flow& flow);

 protected:
  /// What goes out of a flow as DATA, and its trailers; send_data is a callback for both sides.
  static nghttp2_data_provider data_of_flow() { return {{.ptr = nullptr}, read_data}; }
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source* source, void* link);
  virtual H2Flow* flow(std::int32_t id) const = 0;
  /// A connection error that libnghttp2 does not see, or that we do not bear. May be called from within a callback.
  void violated(std::uint32_t code, base::Error error);

  static nghttp2_nv to_nv(std::string_view name, std::string_view value);

  H2Memory memory_;
  nghttp2_session* session_ = nullptr;
  base::Bytes pending_;
  net::Signal work_;
  bool terminated_ = false;
  bool dropping_ = false;  ///< nothing of libnghttp2's goes out any more
  std::uint32_t failure_code_ = 0;
  std::optional<base::Error> failure_;

 private:
  static ssize_t read_data(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void* link);
  static bool submit_trailers(nghttp2_session* session, const H2Flow& flow);
};

/// Of a stream whose other end has given it up, or that is no more: its fault, or `http.cut_off`.
base::Error why_ended(const H2Flow& flow);

}  // namespace countersign::http
