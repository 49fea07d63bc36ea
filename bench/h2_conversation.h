// H2Conversation: the client's end of an HTTP/2 connection over a blocking TLS connection, for Load.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

typedef struct ssl_st SSL;

namespace countersign::bench {

class H2Conversation {
 public:
  /// Borrows `ssl`, which has shaken hands and chosen h2.
  explicit H2Conversation(SSL* ssl);
  ~H2Conversation();

  struct Question {
    std::string path;
    std::size_t response_bytes;  ///< the body that is expected
    int at_once;                 ///< so many streams with it, side by side
  };
  /// Asks, and reads every response whole. False, with error() set, when one is not what was expected.
  bool ask(const Question& question);
  const std::string& error() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace countersign::bench
