#include "http/h2_link.h"

#include <vector>

namespace countersign::http {
namespace {

constexpr std::size_t kFrameHead = 9;
constexpr std::uint8_t kGoawaySize = 8;
/// A DATA frame smaller than this is not begun because a write is nearly full.
constexpr std::size_t kLeastData = 1024;

tl::unexpected<base::Error> late() {
  return base::fail(base::Kind::timeout, "net.timeout", "the other side was not ready before the deadline");
}

}  // namespace

base::Error why_ended(const H2Flow& flow) {
  if (flow.fault) return *flow.fault;
  return {base::Kind::unavailable, "http.cut_off", "the other side gave the stream up, or went away"};
}

nghttp2_nv H2Link::to_nv(std::string_view name, std::string_view value) {
  // libnghttp2 only reads them; it copies names in lower case.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// How much goes into the next DATA frame; send_data then puts it there.
ssize_t H2Link::read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source*, void* user) {
  const H2Link& link = *static_cast<H2Link*>(user);
  H2Flow* flow = link.flow(id);
  if (flow == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::size_t there = flow->out_size();
  if (there == 0 && !flow->finishing) {
    flow->waits = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const std::size_t used = std::min(link.pending_.size() + kFrameHead, kOneWrite);
  const std::size_t now = std::min({there, size, std::max(kOneWrite - used, kLeastData)});
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (now < there || !flow->finishing) return static_cast<ssize_t>(now);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (flow->last.size() > 0 && submit_trailers(session, *flow)) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return static_cast<ssize_t>(now);
}

/// RFC 9113 section 8.1: a second header block ends the stream.
bool H2Link::submit_trailers(nghttp2_session* session, const H2Flow& flow) {
  std::vector<nghttp2_nv> lines;
  for (const Field& field : flow.last)
    lines.push_back(to_nv(field.name, field.value));
  return nghttp2_submit_trailer(session, flow.id, lines.data(), lines.size()) == 0;
}

int H2Link::send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                      nghttp2_data_source*, void* user) {
  H2Link& link = *static_cast<H2Link*>(user);
  H2Flow* flow = link.flow(frame->hd.stream_id);
  if (flow == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  link.pending_.insert(link.pending_.end(), head, head + kFrameHead);
  flow->take_out(size, link.pending_);
  return 0;
}

H2Link::~H2Link() { nghttp2_session_del(session_); }

void H2Link::gather() {
  if (dropping_) return;
  if (failure_) terminate(failure_code_);
  while (pending_.size() < kOneWrite) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) fail({base::Kind::internal, "http.protocol", nghttp2_strerror(static_cast<int>(size))});
    if (size <= 0) return;
    pending_.insert(pending_.end(), data, data + size);
  }
}

bool H2Link::is_over() const {
  if (dropping_) return true;
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

void H2Link::raise_if_needed() {
  const bool wants = nghttp2_session_want_write(session_) != 0 || nghttp2_session_want_read(session_) == 0;
  if (wants || failure_ || !pending_.empty()) work_.raise();
}

void H2Link::terminate(std::uint32_t code) {
  if (std::exchange(terminated_, true)) return;
  (void)nghttp2_session_terminate_session(session_, code);
  work_.raise();
}

/// By hand: in libnghttp2 heads of responses stand in line before its GOAWAY.
void H2Link::drop_all_but_goodbye() {
  terminated_ = dropping_ = true;
  const auto last = static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(session_));
  pending_ = {0, 0, kGoawaySize, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};  // RFC 9113 sections 4.1 and 6.8
  for (const std::uint32_t word : {last, std::uint32_t{NGHTTP2_NO_ERROR}})
    for (const int shift : {24, 16, 8, 0})
      pending_.push_back(static_cast<std::uint8_t>(word >> shift));
  work_.raise();
}

void H2Link::fail(base::Error error) {
  if (!failure_) failure_ = std::move(error);
}

void H2Link::violated(std::uint32_t code, base::Error error) {
  if (failure_) return;
  fail(std::move(error));
  failure_code_ = code;
  work_.raise();
}

void H2Link::consume(const H2Flow& flow, std::size_t size) {
  if (flow.closed) (void)nghttp2_session_consume_connection(session_, size);
  else (void)nghttp2_session_consume(session_, flow.id, size);
  if (nghttp2_session_want_write(session_) != 0) work_.raise();
}

void H2Link::output(H2Flow& flow) {
  if (!flow.closed && std::exchange(flow.waits, false)) (void)nghttp2_session_resume_data(session_, flow.id);
  gather();
  work_.raise();
}

void H2Link::reset(const H2Flow& flow, std::uint32_t code) {
  if (flow.closed) return;
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, flow.id, code);
  work_.raise();
}

void H2Link::decline(H2Flow& flow) {
  if (std::exchange(flow.declined, true)) return;
  if (const std::size_t unread = flow.body_size(); unread > 0) {
    flow.body.clear();
    flow.body_begin = 0;
    consume(flow, unread);
  }
  flow.readable.raise();
}

net::Task<base::Result<void>> H2Link::wait_until_taken(std::shared_ptr<H2Link> link, std::shared_ptr<H2Flow> flow,
                                                       net::Deadline deadline) {
  link->output(*flow);
  while (!flow->is_taken()) {
    if (flow->is_dead()) break;
    const bool raised = co_await flow->taken.wait(deadline);
    if (!raised) break;
  }
  const bool taken = flow->is_taken();
  flow->part = {};
  if (taken) co_return base::Result<void>();
  if (flow->is_dead()) co_return base::unexpected(why_ended(*flow));
  link->reset(*flow, NGHTTP2_CANCEL);
  co_return late();
}

net::Task<base::Result<std::size_t>> H2Link::read_body_some(std::shared_ptr<H2Link> link, std::shared_ptr<H2Flow> flow,
                                                            std::span<std::uint8_t> into, net::Deadline deadline) {
  while (flow->body_size() == 0) {
    if (flow->remote_ended) co_return std::size_t{0};
    if (flow->closed || flow->declined) co_return base::unexpected(why_ended(*flow));
    const bool raised = co_await flow->readable.wait(deadline);
    if (!raised) co_return late();
  }
  const std::size_t size = flow->take_body(into);
  link->consume(*flow, size);
  co_return size;
}

}  // namespace countersign::http
