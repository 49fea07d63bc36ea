#include "policy/watch.h"

#include "base/files.h"

namespace countersign::policy {

base::Result<Watch::Loaded> Watch::load(const std::filesystem::path& file) {
  BASE_TRY(std::string text, base::read_file(file, Policy::kFileLimit));
  BASE_TRY(auto policy, Policy::parse(text, file.string()));
  return Loaded{std::move(policy), std::move(text)};
}

Watch::Watch(Gate& gate, std::filesystem::path file, std::string in_force, const base::Log& log)
    : gate_(gate), file_(std::move(file)), log_(log), in_force_(std::move(in_force)) {}

net::Task<void> Watch::run() {
  for (;;) {
    co_await net::sleep_until(net::Deadline::after(kLook));
    look();
  }
}

void Watch::look() {
  if (file_.has_settled()) take();
}

void Watch::take() {
  file_.note_read();
  auto text = base::read_file(file_.file(), Policy::kFileLimit);
  if (!text) return keep(text.error(), text.error().code);
  if (*text == in_force_) {
    if (!refused_.empty())
      log_.info("policy.mended", {{"file", file_.file().string()}, {"generation", gate_.generation()}});
    refused_.clear();
    return gate_.note_file(false);
  }
  auto policy = Policy::parse(*text, file_.file().string());
  if (!policy) return keep(policy.error(), *text);
  in_force_ = std::move(*text);
  refused_.clear();
  gate_.note_file(false);
  gate_.replace(*policy);
  announce(**policy, file_.file().string(), gate_.generation(), log_);
}

void Watch::keep(const base::Error& error, std::string what) {
  gate_.note_file(true);
  if (what == refused_) return;
  refused_ = std::move(what);
  log_.error("policy.kept", {{"file", file_.file().string()},
                             {"generation", gate_.generation()},
                             {"error", base::to_string(error)},
                             {"meaning", "the policy before it stays in force until this is mended"}});
}

void announce(const Policy& policy, const std::string& file, std::uint64_t generation, const base::Log& log) {
  log.info("policy.loaded", {{"file", file}, {"generation", generation}, {"grants", policy.grants().size()}});
  for (const auto& [who, mode] : policy.not_enforced())
    log.warning(
        "policy.not_enforced",
        {{"who", who},
         {"mode", name(mode)},
         {"meaning", "what the policy refuses them is let through; their certificates are demanded all the same"}});
}

}  // namespace countersign::policy
