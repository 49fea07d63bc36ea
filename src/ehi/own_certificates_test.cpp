// Our own certificates are used only while nothing is known against them; then the standby, or none.
#include "ehi/own_certificates.h"

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::ehi {
namespace {

TEST(Placeholder, Builds) {}

}  // namespace
}  // namespace countersign::ehi
