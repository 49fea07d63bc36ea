// Arbitrary text as a policy file. What is accepted can be asked, answers the same twice, and grants nothing to nobody.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "policy/explain.h"

namespace {

using namespace countersign;

void ask(const policy::PolicyPointer& policy, const policy::Caller& caller, std::string_view path) {
  const policy::Rights rights(*policy, caller);
  const http::Fields fields;
  const auto from = net::Address::parse("192.0.2.1");
  const policy::Request request{policy::Access::by_grant, false, "a.example", "GET", path, fields};
  const policy::Verdict verdict = policy::judge(rights, request, from);
  BASE_CHECK(verdict.refusal || verdict.grant != nullptr);
  BASE_CHECK(!rights.grants().empty() || verdict.refusal == policy::Reason::not_granted);
  BASE_CHECK(policy::explain(caller, rights, request, from).permitted == !verdict.refusal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto policy = policy::Policy::parse(base::as_text({data, size}), "policy.toml");
  if (!policy) return 0;
  for (const char* who : {"production/acme/shop", "uat/a/b", "anonymous"})
    for (const char* path : {"/", "/v1/payments", "/v1/payments/7/refunds", "/a/b/c/"})
      ask(*policy, *policy::parse_caller(who), path);
  return 0;
}
