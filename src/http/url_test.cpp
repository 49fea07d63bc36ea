#include "http/url.h"

#include <gtest/gtest.h>

namespace countersign::http {
namespace {

struct Row {
  const char* name;
  std::string text;
  std::string read;  ///< scheme host:port target | Host field; empty: refused
};

class UrlText : public ::testing::TestWithParam<Row> {};

TEST_P(UrlText, IsCheckedAndTakenApart) {
  const base::Result<Url> url = Url::parse(GetParam().text);
  ASSERT_EQ(url.has_value(), !GetParam().read.empty());
  if (!url) {
    EXPECT_EQ(url.error().code, "url.invalid");
    return;
  }
  EXPECT_EQ(std::string(url->secure ? "https " : "http ") + url->authority.to_string() + " " + url->target + " | " +
                url->host_field(),
            GetParam().read);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, UrlText,
    ::testing::Values(
        Row{"Https", "https://partner.example/decide?x=1", "https partner.example:443 /decide?x=1 | partner.example"},
        Row{"Http", "http://a", "http a:80 / | a"}, Row{"Port", "https://a:8443/", "https a:8443 / | a:8443"},
        Row{"OwnPort", "https://a:443/", "https a:443 / | a"},
        Row{"OtherSchemesPort", "https://a:80/", "https a:80 / | a:80"},
        Row{"UpperCase", "HTTPS://API.Example/Path", "https api.example:443 /Path | api.example"},
        Row{"QueryOnly", "http://a?b", "http a:80 /?b | a"}, Row{"Ipv6", "https://[::1]/", "https [::1]:443 / | [::1]"},
        Row{"Ipv6Port", "https://[::1]:1/", "https [::1]:1 / | [::1]:1"}, Row{"OtherScheme", "ftp://a/", ""},
        Row{"NoScheme", "a/b", ""}, Row{"UserInformation", "https://u:p@a/", ""}, Row{"Fragment", "https://a/#f", ""},
        Row{"Space", "https://a/ b", ""}, Row{"Control", "https://a/\x01", ""},
        Row{"NonAscii", "https://\xc3\xa9/", ""}, Row{"NoHost", "https:///p", ""}, Row{"BadPort", "https://a:x/", ""},
        Row{"PortZero", "https://a:0/", ""}, Row{"PortTooHigh", "https://a:65536/", ""},
        Row{"EmptyPort", "https://a:/", ""}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::http
