#include "gateway/listener_counts.h"

namespace countersign::gateway {
namespace {

constexpr std::string_view kName = "countersign_gateway_listener_handshakes_total";

}  // namespace

void ListenerCounts::accepted() {
  add(accepted_);
  all_.accepted();
}
void ListenerCounts::resumed() {
  add(resumed_);
  all_.resumed();
}
void ListenerCounts::refused(trust::Reason reason) {
  add(refused_);
  all_.refused(reason);
}
void ListenerCounts::failed(const std::string& error_code) {
  add(failed_);
  all_.failed(error_code);
}
void ListenerCounts::shed() {
  add(shed_);
  all_.shed();
}

std::string ListenerCounts::heading() {
  return "# HELP " + std::string(kName) +
         " TLS handshakes by listener, what its TLS is, and outcome; those resumed are accepted ones, too.\n# TYPE " +
         std::string(kName) + " counter\n";
}

std::string ListenerCounts::to_text(const ListenerConfig& listener) const {
  struct Line {
    const char* outcome;
    const Counter& count;
  };
  std::string text;
  for (const Line& line : {Line{"accepted", accepted_}, Line{"resumed", resumed_}, Line{"refused", refused_},
                           Line{"failed", failed_}, Line{"shed", shed_}})
    text += std::string(kName) + "{listener=\"" + listener.name + "\",tls=\"" + std::string(tls_word(listener)) +
            "\",outcome=\"" + line.outcome + "\"} " + std::to_string(line.count.load()) + "\n";
  return text;
}

}  // namespace countersign::gateway
