// ServiceManager: tells whoever supervises this process how it is (systemd's protocol, sd_notify(3)): a datagram to the
// socket that NOTIFY_SOCKET names. Without one nothing is told.
#pragma once

#include <string>
#include <string_view>

namespace countersign::base {

class ServiceManager {
 public:
  /// `socket`: a path, or '@' and an abstract name; empty: nobody is there.
  explicit ServiceManager(std::string socket) : socket_(std::move(socket)) {}
  static ServiceManager of_environment();

  /// It serves now; `process` is the main process of the service.
  void ready(int process) const;
  void reloading() const;
  void stopping() const;
  /// The service goes on in another process.
  void main_process_is(int process) const;

 private:
  /// Best effort: a service manager that does not listen changes nothing for whom we serve.
  void tell(std::string_view state) const;
  std::string socket_;
};

}  // namespace countersign::base
