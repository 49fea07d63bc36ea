// Random policies and requests, decided once by Rights and judge(), and once by an oracle that knows no index, no order
// and no shortcut: it tries every grant against every spelling-out of its words.
#include <algorithm>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "policy/decision.h"

namespace countersign::policy {
namespace {

constexpr int kPolicies = 300;
constexpr int kRequests = 60;

/// A grant as plain texts.
struct PlainGrant {
  std::vector<std::string> to;
  std::string host;
  std::vector<std::string> methods;
  std::vector<std::string> paths;
  std::string from;  ///< one network, or empty
};

struct PlainRequest {
  std::string environment, organisation, application, host, method, path, address;
};

std::vector<std::string> words(const std::string& text, char between) {
  std::vector<std::string> found(1);
  for (const char c : text)
    if (c == between) found.emplace_back();
    else found.back() += c;
  return found;
}

bool path_fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path, std::size_t at) {
  if (at == pattern.size()) return path.size() == at;
  if (pattern[at] == "**") return true;
  if (path.size() == at) return false;
  const bool word = pattern[at] == "*" ? !path[at].empty() : pattern[at] == path[at];
  return word && path_fits(pattern, path, at + 1);
}

bool name_fits(const std::string& name, const PlainRequest& request) {
  const auto parts = words(name, '/');
  return parts[0] == request.environment && (parts[1] == "*" || parts[1] == request.organisation) &&
         (parts[2] == "*" || parts[2] == request.application);
}

bool oracle(const PlainGrant& grant, const PlainRequest& request) {
  bool to = false, method = false, path = false;
  for (const std::string& name : grant.to)
    to = to || name_fits(name, request);
  for (const std::string& one : grant.methods)
    method = method || one == request.method || (one == "GET" && request.method == "HEAD");
  for (const std::string& one : grant.paths)
    path = path || path_fits(words(one, '/'), words(request.path, '/'), 0);
  const bool host = grant.host == "*" || grant.host == request.host ||
                    (grant.host == "*.b" && request.host.size() > 2 && request.host.ends_with(".b"));
  const bool from = grant.from.empty() || request.address.starts_with(grant.from.substr(0, grant.from.find(".0") + 1));
  return to && method && path && host && from;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[engine_() % all.size()];
  }
  std::size_t up_to(std::size_t most) { return 1 + engine_() % most; }
  std::string path(const std::vector<std::string>& segments) {
    std::string text;
    for (std::size_t left = up_to(3); left > 0; --left)
      text += "/" + one_of(segments);
    return text;
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kNames = {"uat/a/x", "uat/a/y",        "uat/b/x",        "uat/a/*",
                                         "uat/*/*", "production/a/x", "production/*/*", "production/b/*"};
const std::vector<std::string> kMethods = {"GET", "HEAD", "POST", "DELETE"};

PlainGrant random_grant(Dice& dice) {
  PlainGrant grant;
  for (std::size_t left = dice.up_to(3); left > 0; --left)
    grant.to.push_back(dice.one_of(kNames));
  for (std::size_t left = dice.up_to(2); left > 0; --left)
    grant.methods.push_back(dice.one_of(kMethods));
  for (std::size_t left = dice.up_to(3); left > 0; --left) {
    std::string path = dice.path({"p", "q", "*"});
    const std::size_t end = dice.up_to(6);
    grant.paths.push_back(path + (end == 1 ? "/**" : end == 2 ? "/" : ""));
  }
  grant.host = dice.one_of<std::string>({"*", "b", "a.b", "*.b"});
  grant.from = dice.one_of<std::string>({"", "", "10.0.0.0/8", "192.168.0.0/16"});
  return grant;
}

std::string list(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts)
    text += (text.empty() ? "\"" : ", \"") + one + "\"";
  return "[" + text + "]";
}

std::string to_toml(const std::vector<PlainGrant>& grants) {
  std::ostringstream text;
  for (std::size_t i = 0; i < grants.size(); ++i) {
    const PlainGrant& grant = grants[i];
    text << "[[grants]]\nname = \"g" << i << "\"\nto = " << list(grant.to) << "\nhost = \"" << grant.host
         << "\"\nmethods = " << list(grant.methods) << "\npaths = " << list(grant.paths) << "\n";
    if (!grant.from.empty()) text << "from = [\"" << grant.from << "\"]\n";
  }
  return text.str();
}

PlainRequest random_request(Dice& dice) {
  PlainRequest request;
  request.environment = dice.one_of<std::string>({"uat", "production"});
  request.organisation = dice.one_of<std::string>({"a", "b", "c"});
  request.application = dice.one_of<std::string>({"x", "y"});
  request.host = dice.one_of<std::string>({"b", "a.b", "c"});
  request.method = dice.one_of(kMethods);
  request.path = dice.path({"p", "q", "r"}) + (dice.up_to(5) == 1 ? "/" : "");
  request.address = dice.one_of<std::string>({"10.1.2.3", "192.168.1.1", "172.16.0.1"});
  return request;
}

TEST(Oracle, AgreesWithTheDecision) {
  std::size_t permitted = 0;
  for (int seed = 0; seed < kPolicies; ++seed) {
    Dice dice(static_cast<unsigned>(seed));
    std::vector<PlainGrant> grants(dice.up_to(12));
    std::ranges::generate(grants, [&] { return random_grant(dice); });
    const auto policy = Policy::parse(to_toml(grants), "policy.toml");
    ASSERT_TRUE(policy) << policy.error().detail << "\n" << to_toml(grants);
    for (int i = 0; i < kRequests; ++i) {
      const PlainRequest plain = random_request(dice);
      const bool expected = std::ranges::any_of(grants, [&](const PlainGrant& one) { return oracle(one, plain); });
      const http::Fields fields;
      const Request request{Access::by_grant, false, plain.host, plain.method, plain.path, fields};
      const std::string who = plain.environment + "/" + plain.organisation + "/" + plain.application;
      const Rights rights(**policy, *parse_caller(who));
      const Verdict verdict = judge(rights, request, net::Address::parse(plain.address));
      ASSERT_EQ(!verdict.refusal, expected)
          << who << " " << plain.method << " " << plain.host << plain.path << " from " << plain.address << "\n"
          << to_toml(grants);
      permitted += expected ? 1U : 0U;
    }
  }
  EXPECT_GT(permitted, 500U) << "the dice must try both answers";
  EXPECT_LT(permitted, 17'000U);
}

TEST(Oracle, TheOrderOfGrantsDoesNotMatter) {
  for (int seed = 0; seed < 50; ++seed) {
    Dice dice(static_cast<unsigned>(seed));
    std::vector<PlainGrant> grants(dice.up_to(8));
    std::ranges::generate(grants, [&] { return random_grant(dice); });
    const auto forward = Policy::parse(to_toml(grants), "policy.toml");
    std::ranges::reverse(grants);
    const auto backward = Policy::parse(to_toml(grants), "policy.toml");
    for (int i = 0; i < kRequests; ++i) {
      const PlainRequest plain = random_request(dice);
      const http::Fields fields;
      const Request request{Access::by_grant, false, plain.host, plain.method, plain.path, fields};
      const Caller caller = *parse_caller(plain.environment + "/" + plain.organisation + "/" + plain.application);
      const auto from = net::Address::parse(plain.address);
      EXPECT_EQ(judge(Rights(**forward, caller), request, from).refusal,
                judge(Rights(**backward, caller), request, from).refusal);
    }
  }
}

}  // namespace
}  // namespace countersign::policy
