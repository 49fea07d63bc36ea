// `countersign renew`: one renewal, now. The agent does the same by itself (agent.h).
#include "base/config.h"
#include "cli/application_ref.h"
#include "cli/authority_options.h"
#include "cli/command_tree.h"
#include "cli/file_lock.h"
#include "cli/pending.h"
#include "cli/renewal.h"
#include "feed/renewal.h"

namespace countersign::cli {
namespace {

struct RenewOptions {
  AuthorityOptions authority;
  std::string purpose;
  std::string out = ".";
  std::string key_type;  ///< empty: like the key that is held
  std::string wait = "0s";
  bool force = false;
  bool new_key = false;
};

base::Result<FileLock> lock_folder(const RenewOptions& options, const RenewalFiles& files) {
  std::error_code ignored;
  if (!std::filesystem::exists(files.current.chain, ignored))
    return base::fail(base::Kind::invalid, "renewal.nothing",
                      "there is no " + files.current.chain.filename().string() + " in '" + options.out +
                          "': name the folder with your certificates with --out; a first certificate is had by "
                          "`countersign request`");
  auto lock = FileLock::acquire(files.lock);
  if (lock || lock.error().code != "file.locked") return lock;
  return base::fail(base::Kind::conflict, "renewal.locked",
                    "another `countersign renew` or a `countersign agent` works on '" + options.out +
                        "': leave it to that one, or stop it first");
}

base::Result<crypto::PrivateKey::Kind> kind_of_key(const RenewOptions& options, const Held& held) {
  if (options.key_type.empty()) return kind_like(held.current.public_key());
  return crypto::PrivateKey::parse_kind(options.key_type);
}

void print_not_due(const RenewOptions& options, const Held& held, Context& context) {
  const std::string due = base::to_rfc3339(feed::due_at(held.current));
  if (options.authority.json) {
    const base::json::object answer{{"status", "not_due"}, {"purpose", options.purpose}, {"due", due}};
    context.out << base::json::serialize(answer) << "\n";
    return;
  }
  context.out << "Nothing to do: the certificate is due for renewal at " << due << " (--force renews it now).\n";
}

void print_renewed(const RenewOptions& options, const RenewalFiles& files, const Held& held, const Issued& issued,
                   Context& context) {
  const x509::Certificate& leaf = issued.certificate;
  const std::string until = base::to_rfc3339(leaf.not_after());
  if (options.authority.json) {
    const base::json::object names{{"key", files.current.key.string()},
                                   {"certificate", files.current.certificate.string()},
                                   {"chain", files.current.chain.string()},
                                   {"previous", files.previous.chain.string()}};
    const base::json::object answer{{"status", "renewed"},
                                    {"purpose", options.purpose},
                                    {"urn", issued.identity.to_urn()},
                                    {"serial", leaf.serial().hex()},
                                    {"replaces", held.current.serial().hex()},
                                    {"not_after", until},
                                    {"files", names}};
    context.out << base::json::serialize(answer) << "\n";
    return;
  }
  context.out << "Renewed for " << to_ref(issued.identity) << ", with a new key.\n\n  key          "
              << files.current.key.string() << "\n  certificate  " << files.current.certificate.string()
              << "\n  with chain   " << files.current.chain.string() << "\n  serial       " << leaf.serial().hex()
              << "\n  valid until  " << until << "\n\nThe old certificate (" << held.current.serial().hex()
              << ") and its key are kept as " << files.previous.chain.string() << ". It stays good until "
              << base::to_rfc3339(held.current.not_after())
              << ",\nso there is time to bring the new one everywhere; once the new one was used, the old one renews "
                 "nothing any more.\n";
}

/// One question, with the connection that shows the certificate held.
base::Result<Outcome> ask(ApiClient& api, const Question& question, const RenewalFiles& files, const Held& held,
                          const Context& context) {
  const bool late = is_late(held, question.enrolment.purpose, context.clock.now());
  base::json::object body = question.body;
  if (late) {
    BASE_TRY(body, late_body(held, question));
  }
  auto answer = api.post_for_answer(late ? kLateRenewals : kRenewals, body);
  if (answer) return read_outcome(*answer, question.enrolment, context.clock.now());
  if (is_about_the_key(answer.error())) BASE_TRY_VOID(drop_next_key(files));
  return base::unexpected(explain_refusal(std::move(answer).error(), held, context.clock.now()));
}

base::Result<base::ExitCode> renew(const RenewOptions& options, Context& context) {
  BASE_TRY(const base::Duration wait, base::parse_duration(options.wait));
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(options.purpose));
  const RenewalFiles files = RenewalFiles::in(options.out, purpose);
  BASE_TRY(const FileLock lock, lock_folder(options, files));
  BASE_TRY(const Held held, load_held(options.out, purpose));
  const bool due = held.under_way || options.force || feed::is_due(held.current, context.clock.now());
  if (!due) {
    print_not_due(options, held, context);
    return base::ExitCode::ok;
  }
  BASE_TRY(const crypto::PrivateKey::Kind kind, kind_of_key(options, held));
  const bool late = is_late(held, purpose, context.clock.now());
  BASE_TRY(ApiClient api, late ? open_api(options.authority, context)
                               : open_api_with(options.authority, held.credential, kAuthorityDoor, context));
  if (options.new_key) BASE_TRY_VOID(drop_next_key(files));
  BASE_TRY(const Question question, prepare_renewal(held, files, purpose, kind));
  const auto once = [&] { return ask(api, question, files, held, context); };
  BASE_TRY(const Outcome outcome, ask_until_decided(once, {.for_at_most = wait, .pause = real_pause()}, context));
  if (const auto* pending = std::get_if<Pending>(&outcome))
    return print_pending(*pending, {options.purpose, "`countersign renew`", options.authority.json}, context);
  const Issued& issued = std::get<Issued>(outcome);
  BASE_TRY_VOID(swap_in(files, question, issued));
  print_renewed(options, files, held, issued, context);
  return base::ExitCode::ok;
}

}  // namespace

void add_renew(CommandTree& tree) {
  auto options = std::make_shared<RenewOptions>();
  CLI::App& app =
      tree.command(tree.root(), "renew", "Have a certificate renewed, with a new key, by the one that you hold",
                   [options](Context& context) { return renew(*options, context); });
  add_choice(app, "purpose", options->purpose, {"transport", "signing", "service", "server", "ehi", "person"},
             "Which certificate; transport and signing are renewed with the Transport Certificate")
      ->required();
  app.add_option("--out", options->out, "The folder with PURPOSE.key and PURPOSE-chain.pem")
      ->type_name(kFolder)
      ->capture_default_str();
  add_choice(app, "--key-type", options->key_type, {"p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"},
             "Of the new key [as the old one]");
  app.add_flag("--force", options->force, "Also before two thirds of its life are over");
  app.add_flag("--new-key", options->new_key,
               "Give up the key of a renewal that is under way (refused, perhaps), and begin with another");
  app.add_option("--wait", options->wait, "Where people must approve first: wait for them so long, such as 30m")
      ->type_name("DURATION")
      ->capture_default_str();
  add_authority_options(app, options->authority);
  tree.explain(app,
               "Nothing is done before the certificate is due. Old and new are both good until the old one ends; the\n"
               "old pair is kept as PURPOSE-previous.*. After any interruption, run the same command again.\n"
               "Exit code 3 also says that people must approve first: the same command asks again, for the same key.");
}

}  // namespace countersign::cli
