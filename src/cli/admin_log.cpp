// `countersign admin log`: checkpoints of the authority's logs to keep elsewhere, and what they prove later.
#include <algorithm>

#include "base/files.h"
#include "cli/admin_answer.h"
#include "cli/command_tree.h"
#include "crypto/merkle.h"
#include "crypto/signed_note.h"
#include "x509/certificate.h"

namespace countersign::cli {
namespace {

namespace json = base::json;
namespace merkle = crypto::merkle;

struct LogOptions {
  AuthorityOptions authority;
  std::string file;
  std::string serial;
};

tl::unexpected<base::Error> not_believed(std::string detail) {
  return base::fail(base::Kind::corrupt, "log.not_proved",
                    "the authority's answer is not believed: " + std::move(detail));
}

base::Result<base::ExitCode> save_checkpoint(const LogOptions& options, Context& context) {
  BASE_TRY(ApiClient api, open_api(options.authority, context));
  BASE_TRY(const json::object key, api.get("/v1/log/verifier"));
  BASE_TRY(const auto verifier, crypto::NoteVerifier::parse(member(key, "verifier")));
  BASE_TRY(const std::string note, api.get_text("/v1/log/checkpoint"));
  if (!verifier.open(note)) return not_believed("its checkpoint is not signed with its own key");
  if (options.file.empty()) {
    context.out << note;
    return base::ExitCode::ok;
  }
  BASE_TRY_VOID(base::write_file(options.file, note, base::FileMode::world_readable));
  context.err << "Saved in " << options.file << ". Keep it on another machine; `countersign admin log compare` tells\n"
              << "later whether anything was taken out or changed since.\n";
  return base::ExitCode::ok;
}

base::Result<base::ExitCode> compare(const LogOptions& options, Context& context) {
  BASE_TRY(const std::string note, base::read_file(options.file));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object answer, api.post("/v1/log/comparison", {{"checkpoint", note}}));
  const json::value* intact = answer.if_contains("intact");
  const bool holds = intact != nullptr && intact->is_bool() && intact->get_bool();
  BASE_TRY_VOID(answer_with(
      answer, options.authority, context,
      holds ? "Everything that the checkpoint says is still there.\n" : "BROKEN: " + member(answer, "problem") + "\n"));
  return holds ? base::ExitCode::ok : base::ExitCode::refused;
}

base::Result<crypto::Digest256> to_digest(const std::string& hex) {
  BASE_TRY(const base::Bytes bytes, base::from_hex(hex));
  crypto::Digest256 digest{};
  if (bytes.size() != digest.size()) return not_believed("a hash has not 32 bytes");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

base::Result<std::vector<crypto::Digest256>> path_in(const json::object& proof) {
  std::vector<crypto::Digest256> path;
  const json::value* list = proof.if_contains("path");
  if (list == nullptr || !list->is_array()) return not_believed("there is no path in it");
  for (const json::value& one : list->get_array()) {
    if (!one.is_string()) return not_believed("its path is no list of hashes");
    BASE_TRY(const crypto::Digest256 digest, to_digest(std::string(one.get_string())));
    path.push_back(digest);
  }
  return path;
}

/// Reckons the root from the certificate's own bytes: the authority's word is not taken.
base::Result<base::ExitCode> prove(const LogOptions& options, Context& context) {
  BASE_TRY(const x509::Serial serial, x509::Serial::parse(options.serial));
  BASE_TRY(ApiClient api, open_api_as_operator(options.authority, context));
  BASE_TRY(const json::object shown, api.get("/v1/certificates/" + serial.hex()));
  const json::value shown_value(shown);
  BASE_TRY(auto shown_reader, base::JsonReader::of(shown_value));
  BASE_TRY(const std::string pem, shown_reader.text("certificate"));
  BASE_TRY(const x509::Certificate certificate, x509::Certificate::one_from(pem));
  BASE_TRY(const json::object proof, api.get("/v1/log/certificates/" + serial.hex()));
  BASE_TRY(const auto path, path_in(proof));
  BASE_TRY(const auto root, to_digest(member(proof, "root")));
  const json::value proof_value(proof);
  BASE_TRY(auto reader, base::JsonReader::of(proof_value));
  BASE_TRY(const std::int64_t leaf, reader.integer("number"));
  BASE_TRY(const std::int64_t size, reader.integer("size"));
  const merkle::Inclusion claim{merkle::leaf_hash(certificate.der()), static_cast<std::uint64_t>(leaf),
                                static_cast<std::uint64_t>(size), root};
  if (leaf < 0 || size < 0 || !merkle::verify_inclusion(claim, path))
    return not_believed("its proof does not lead from this certificate to the root of its log");
  return answer_with(proof, options.authority, context,
                     "Certificate " + serial.hex() + " is entry " + std::to_string(leaf) + " of the " +
                         std::to_string(size) + " in the log, whose root is\n  " + member(proof, "root") + "\n");
}

}  // namespace

void add_log(CommandTree& tree, CLI::App& admin) {
  CLI::App& group = tree.group(admin, "log", "The log of certificates: checkpoints to keep, proofs against them");
  const auto saving = std::make_shared<LogOptions>();
  CLI::App& checkpoint = tree.command(group, "checkpoint", "Get a signed checkpoint of both logs, to be kept elsewhere",
                                      [saving](Context& context) { return save_checkpoint(*saving, context); });
  checkpoint.add_option("--out", saving->file, "Where to save it [standard output]")->type_name(kFile);
  add_authority_options(checkpoint, saving->authority);

  const auto comparing = std::make_shared<LogOptions>();
  CLI::App& comparison =
      tree.command(group, "compare", "Hold today's logs against a kept checkpoint; exit code 1 where something is lost",
                   [comparing](Context& context) { return compare(*comparing, context); });
  comparison.add_option("file", comparing->file, "The checkpoint that was kept")->required()->type_name(kFile);
  add_operator_options(comparison, comparing->authority);

  const auto proving = std::make_shared<LogOptions>();
  CLI::App& proof = tree.command(group, "prove", "Prove that a certificate is in the log",
                                 [proving](Context& context) { return prove(*proving, context); });
  proof.add_option("serial", proving->serial, "Its serial number, hexadecimal")->required()->type_name("SERIAL");
  add_operator_options(proof, proving->authority);
}

}  // namespace countersign::cli
