// SoftToken: a token of SoftHSM2 in a temporary folder, for one test; where SoftHSM2 is not installed there is none.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

#include "testing/folder.h"

namespace countersign::testing {

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

class SoftToken {
 public:
  static bool is_installed() {
    return std::filesystem::exists(kSoftHsm) && std::system("command -v softhsm2-util >/dev/null") == 0;
  }

  SoftToken() {
    std::filesystem::create_directory(tokens());
    std::ofstream(folder_ / "softhsm2.conf")
        << "directories.tokendir = " << tokens().string() << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    BASE_CHECK(::setenv("SOFTHSM2_CONF", (folder_ / "softhsm2.conf").c_str(), 1) == 0);
    add(label());
  }
  ~SoftToken() { ::unsetenv("SOFTHSM2_CONF"); }

  /// Makes a token with this label; all have the same PIN.
  void add(const std::string& name) {
    const std::string command =
        "softhsm2-util --init-token --free --so-pin so-pin --pin " + pin() + " --label '" + name + "' >/dev/null";
    BASE_CHECK(std::system(command.c_str()) == 0);
  }
  static std::string label() { return "issuing keys"; }
  static std::string pin() { return "1234"; }
  std::filesystem::path tokens() const { return folder_ / "tokens"; }
  std::filesystem::path folder() const { return folder_.path(); }

  /// As if it was unplugged: the module finds nothing where the token was.
  void unplug() { std::filesystem::rename(tokens(), folder_ / "unplugged"); }
  void plug_in() { std::filesystem::rename(folder_ / "unplugged", tokens()); }

 private:
  Folder folder_;
};

}  // namespace countersign::testing
