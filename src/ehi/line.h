// A connection to a partner whose server was verified, as calls see it: Line is one of HTTP/1.1, which a call has for
// itself; SharedLine is one of HTTP/2, which many calls share. Live on one loop.
#pragma once

#include <memory>
#include <string>

#include "http/client.h"
#include "http/h2_client.h"
#include "tls/handshake.h"

namespace countersign::ehi {

/// What a connection was made with, and for how long it may be used.
struct LineTerms {
  std::string pool;  ///< the endpoint and host: another endpoint may have other anchors and pins
  std::string host;  ///< the Host field
  base::Environment environment;
  std::uint64_t generation;    ///< of our certificate
  base::Instant usable_until;  ///< of both chains, and of the server's staple where that has to be there
  net::Deadline old_from;      ///< from then on another one is made in its place
  net::Deadline used_until;    ///< whatever came of that
  std::size_t response_bytes;  ///< a larger answer fails
};

class Line {
 public:
  Line(LineTerms terms, std::unique_ptr<net::Stream> stream);

  const LineTerms& terms() const { return terms_; }
  /// The whole answer. Fails: as http::Client.
  net::Task<base::Result<http::Response>> send(http::Request request, net::Deadline deadline);
  /// May another call follow, as far as HTTP says?
  bool reusable() const { return client_.reusable(); }
  /// Has the partner said something, or hung up, since the last answer? A look at the socket.
  bool is_quiet() const { return !stream_->has_unexpected_input(); }

 private:
  LineTerms terms_;
  std::unique_ptr<net::Stream> stream_;
  http::Client client_;
};

/// Keeps itself alive until the connection has ended.
class SharedLine {
 public:
  /// How long one without calls is kept.
  struct Options {
    base::Duration idle_time;
  };
  /// Begins to run. Borrows loop and log.
  static std::shared_ptr<SharedLine> begin(net::Loop& loop, LineTerms terms, std::unique_ptr<net::Stream> stream,
                                           Options options, const base::Log& log);
  SharedLine(const SharedLine&) = delete;

  const LineTerms& terms() const { return terms_; }
  bool has_room() const { return client_.has_room(); }
  bool is_ending() const { return ended_ || client_.is_ending(); }
  bool has_ended() const { return ended_; }

  /// One call on a stream of its own; only where it has_room(). At the deadline the stream is reset (CANCEL), and
  /// nobody else's: but where the partner was not heard of at all meanwhile, no further call goes here. Fails:
  /// `http.unprocessed` (the partner certainly did nothing of it), `http.response_too_large`, and as H2ClientStream, or
  /// as the connection ended.
  static net::Task<base::Result<http::Response>> send(std::shared_ptr<SharedLine> line, const http::Request& request,
                                                      net::Deadline deadline);
  /// Takes no more calls; ends when the last one has.
  void wind_down() { client_.wind_down(); }

 private:
  SharedLine(net::Loop& loop, LineTerms terms, std::unique_ptr<net::Stream> stream, Options options,
             const base::Log& log);
  static net::Task<void> run(std::shared_ptr<SharedLine> self);
  net::Task<base::Result<http::Response>> exchange(const http::Request& request, net::Deadline deadline);
  static net::Task<base::Result<void>> send_body(http::H2ClientStream& stream, const std::string& body,
                                                 net::Deadline deadline);
  net::Task<base::Result<std::string>> read_body(http::H2ClientStream& stream, net::Deadline deadline) const;

  LineTerms terms_;
  std::unique_ptr<net::Stream> stream_;
  http::H2Client client_;
  bool ended_ = false;
};

}  // namespace countersign::ehi
