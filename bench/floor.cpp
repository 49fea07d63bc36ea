#include "floor.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "trust/registry_view.h"

namespace countersign::bench {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// As long as what a CertificateVerify signs (RFC 8446 section 4.4.3).
constexpr std::array<unsigned char, 130> kSigned{};

double thread_micros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

double cost_of(double seconds, const std::function<void()>& work) {
  const double start = thread_micros();
  double now = start;
  int count = 0;
  for (; now - start < seconds * 1e6; now = thread_micros())
    for (int i = 0; i < 100; ++i, ++count)
      work();
  return (now - start) / count;
}

void exchange_keys(EVP_PKEY* peer) {
  const Key own(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr), EVP_PKEY_CTX_free);
  std::array<unsigned char, 32> secret{};
  std::size_t size = secret.size();
  BASE_CHECK(EVP_PKEY_derive_init(context.get()) == 1 && EVP_PKEY_derive_set_peer(context.get(), peer) == 1 &&
             EVP_PKEY_derive(context.get(), secret.data(), &size) == 1);
}

std::size_t sign(EVP_PKEY* key, std::array<unsigned char, 80>& signature) {
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = signature.size();
  BASE_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
             EVP_DigestSign(context.get(), signature.data(), &size, kSigned.data(), kSigned.size()) == 1);
  return size;
}

void verify(EVP_PKEY* key, const std::array<unsigned char, 80>& signature, std::size_t size) {
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  BASE_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
             EVP_DigestVerify(context.get(), signature.data(), size, kSigned.data(), kSigned.size()) == 1);
}

}  // namespace

Floor measure_floor(double seconds) {
  const Key peer(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  std::array<unsigned char, 80> signature{};
  const std::size_t size = sign(key.get(), signature);
  std::array<unsigned char, 80> another{};
  return {cost_of(seconds / 3, [&] { exchange_keys(peer.get()); }),
          cost_of(seconds / 3, [&] { sign(key.get(), another); }),
          cost_of(seconds / 3, [&] { verify(key.get(), signature, size); })};
}

IndexCost measure_index(std::size_t revoked) {
  using Steady = std::chrono::steady_clock;
  std::mt19937_64 random(11);
  const auto identity = base::Identity::from_urn("urn:countersign:production:acme:payments").value();
  std::vector<trust::CertificateFact> facts;
  for (std::size_t i = 0; i < revoked; ++i) {
    trust::CertificateFact fact{{}, identity, trust::Purpose::transport, base::Instant{}, "key_compromise"};
    for (std::uint8_t& byte : fact.fingerprint)
      byte = static_cast<std::uint8_t>(random());
    facts.push_back(std::move(fact));
  }
  trust::RegistryView registry;
  registry.replace(facts, {});
  std::vector<crypto::Digest256> asked;  // one behind the other, so that nothing but the look-up is measured
  for (std::size_t i = 0; i < facts.size(); ++i)
    asked.push_back(facts[random() % facts.size()].fingerprint);
  std::atomic<std::size_t> next = 0;
  const auto look_up = [&] {
    BASE_CHECK(registry.certificate(asked[next.fetch_add(1, std::memory_order_relaxed) % asked.size()]).has_value());
  };
  IndexCost cost{cost_of(1, look_up), 0, 0};
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      const auto start = Steady::now();
      look_up();
      cost.longest_us =
          std::max(cost.longest_us, std::chrono::duration<double, std::micro>(Steady::now() - start).count());
    }
  });
  const auto start = Steady::now();
  registry.replace(facts, {});
  cost.replace_ms = std::chrono::duration<double, std::milli>(Steady::now() - start).count();
  done = true;
  reader.join();
  return cost;
}

}  // namespace countersign::bench
