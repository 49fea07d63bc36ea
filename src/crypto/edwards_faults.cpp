#include "crypto/edwards_faults.h"

#include <algorithm>
#include <array>

#include <openssl/bn.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;
using BigContext = Handle<BN_CTX, BN_CTX_free>;

constexpr std::size_t kEncodedBytes = 32;

/// Counts modulo p = 2^255 - 19, with d of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 section 5.1).
class Field {
 public:
  Field() : context_(BN_CTX_new()), p_(from_hex("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")) {
    d_ = from_hex("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");
    one_ = from_hex("1");
    BASE_CHECK(context_ != nullptr);
  }

  const BIGNUM* p() const { return p_.get(); }
  const BIGNUM* d() const { return d_.get(); }
  const BIGNUM* one() const { return one_.get(); }

  BigNumber multiply(const BIGNUM* a, const BIGNUM* b) const {
    BigNumber product(BN_new());
    BASE_CHECK(product != nullptr && BN_mod_mul(product.get(), a, b, p_.get(), context_.get()) == 1);
    return product;
  }
  BigNumber add(const BIGNUM* a, const BIGNUM* b) const {
    BigNumber sum(BN_new());
    BASE_CHECK(sum != nullptr && BN_mod_add(sum.get(), a, b, p_.get(), context_.get()) == 1);
    return sum;
  }
  BigNumber subtract(const BIGNUM* a, const BIGNUM* b) const {
    BigNumber difference(BN_new());
    BASE_CHECK(difference != nullptr && BN_mod_sub(difference.get(), a, b, p_.get(), context_.get()) == 1);
    return difference;
  }
  bool has_root(const BIGNUM* number) const {
    const int symbol = BN_kronecker(number, p_.get(), context_.get());
    BASE_CHECK(symbol >= -1);
    return symbol != -1;
  }

 private:
  static BigNumber from_hex(const char* digits) {
    BIGNUM* number = nullptr;
    BASE_CHECK(BN_hex2bn(&number, digits) != 0);
    return BigNumber(number);
  }
  BigContext context_;
  BigNumber p_;
  BigNumber d_;
  BigNumber one_;
};

}  // namespace

EdwardsFault find_edwards_fault(base::BytesView key) {
  if (key.size() != kEncodedBytes) return EdwardsFault::not_a_point;
  const Field field;
  std::array<std::uint8_t, kEncodedBytes> bytes{};
  std::copy(key.begin(), key.end(), bytes.begin());
  bytes.back() &= 0x7fU;  // the highest bit is the sign of x
  const BigNumber y(BN_lebin2bn(bytes.data(), kEncodedBytes, nullptr));
  BASE_CHECK(y != nullptr);
  if (BN_cmp(y.get(), field.p()) >= 0) return EdwardsFault::not_a_point;

  const BigNumber y2 = field.multiply(y.get(), y.get());
  const BigNumber dy2 = field.multiply(field.d(), y2.get());
  // x^2 = u / v with u = y^2 - 1, v = d y^2 + 1, and u / v has a root exactly when u v has one: v is never 0.
  const BigNumber u = field.subtract(y2.get(), field.one());
  const BigNumber v = field.add(dy2.get(), field.one());
  if (!field.has_root(field.multiply(u.get(), v.get()).get())) return EdwardsFault::not_a_point;

  // Order 4: y = 0. Orders 1 and 2: y = 1 and y = -1, where u = 0. Order 8: twice the point has y = 0, that is
  // x^2 = -y^2, and with the curve's equation d y^4 + 2 y^2 - 1 = 0.
  const BigNumber dy4 = field.multiply(dy2.get(), y2.get());
  const BigNumber twice_y2 = field.add(y2.get(), y2.get());
  const BigNumber order_8 = field.subtract(field.add(dy4.get(), twice_y2.get()).get(), field.one());
  const bool low = BN_is_zero(y.get()) == 1 || BN_is_zero(u.get()) == 1 || BN_is_zero(order_8.get()) == 1;
  return low ? EdwardsFault::low_order : EdwardsFault::none;
}

}  // namespace countersign::crypto
