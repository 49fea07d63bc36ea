#include "h2_conversation.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace countersign::bench {

struct H2Conversation::State {
  explicit State(SSL* s) : ssl(s) {}
  SSL* ssl;
  nghttp2_session* session = nullptr;
  int open = 0;           ///< streams whose response is not whole yet
  int refused = 0;        ///< streams that ended otherwise, or with another status than 200
  std::size_t bytes = 0;  ///< of all bodies of a question
  std::string error;
  std::string out;

  bool flush();
  bool read();

  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    const std::string_view status(reinterpret_cast<const char*>(value), value_size);
    if (std::string_view(reinterpret_cast<const char*>(name), name_size) == ":status" && status != "200")
      ++static_cast<State*>(user)->refused;
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*, std::size_t size, void* user) {
    static_cast<State*>(user)->bytes += size;
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t, std::uint32_t code, void* user) {
    auto* state = static_cast<State*>(user);
    --state->open;
    if (code != NGHTTP2_NO_ERROR) ++state->refused;
    return 0;
  }
};

bool H2Conversation::State::flush() {
  out.clear();
  const std::uint8_t* data = nullptr;
  for (ssize_t size = nghttp2_session_mem_send(session, &data); size > 0;
       size = nghttp2_session_mem_send(session, &data))
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  for (std::string_view rest = out; !rest.empty();) {
    const int wrote = SSL_write(ssl, rest.data(), static_cast<int>(rest.size()));
    if (wrote <= 0) {
      error = "write";
      return false;
    }
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool H2Conversation::State::read() {
  std::array<std::uint8_t, 16 * 1024> piece;
  const int got = SSL_read(ssl, piece.data(), static_cast<int>(piece.size()));
  if (got <= 0 || nghttp2_session_mem_recv(session, piece.data(), static_cast<std::size_t>(got)) != got) {
    error = "read";
    return false;
  }
  return true;
}

H2Conversation::H2Conversation(SSL* ssl) : state_(std::make_unique<State>(ssl)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  BASE_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, State::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, State::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, State::on_close);
  BASE_CHECK(nghttp2_session_client_new(&state_->session, callbacks, state_.get()) == 0);
  nghttp2_session_callbacks_del(callbacks);
  constexpr std::int32_t kWindow = 16 * 1024 * 1024;
  const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(state_->session, NGHTTP2_FLAG_NONE, 0, kWindow);
}

H2Conversation::~H2Conversation() { nghttp2_session_del(state_->session); }

const std::string& H2Conversation::error() const { return state_->error; }

bool H2Conversation::ask(const Question& question) {
  const auto field = [](std::string_view name, std::string_view value) {
    auto* n = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    auto* v = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    return nghttp2_nv{n, v, name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  };
  const std::array head{field(":method", "GET"), field(":scheme", "https"), field(":authority", "localhost"),
                        field(":path", question.path), field("accept", "application/json")};
  state_->refused = 0;
  state_->bytes = 0;
  for (int i = 0; i < question.at_once; ++i)
    if (nghttp2_submit_request(state_->session, nullptr, head.data(), head.size(), nullptr, nullptr) > 0)
      ++state_->open;
  while (state_->open > 0)
    if (!state_->flush() || !state_->read()) return false;
  const bool whole = state_->bytes == question.response_bytes * static_cast<std::size_t>(question.at_once);
  if (state_->refused > 0 || !whole) state_->error = "a response was not what was expected";
  return state_->error.empty();
}

}  // namespace countersign::bench
