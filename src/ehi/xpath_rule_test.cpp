#include "ehi/xpath_rule.h"

#include <gtest/gtest.h>

#include "ehi/stand_in.h"

namespace countersign::ehi {
namespace {

const XmlNamespaces kNamespaces = {{"s", "http://schemas.xmlsoap.org/soap/envelope/"}, {"p", "urn:partner"}};
const std::string kAnswer =
    R"(<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>)"
    R"(<a:Decision xmlns:a="urn:partner"><a:code>00</a:code><a:amount>12.50</a:amount></a:Decision>)"
    R"(</s:Body></s:Envelope>)";

std::string repeat(const std::string& what, int times) {
  std::string text;
  for (int i = 0; i < times; ++i)
    text += what;
  return text;
}

std::string outcome(const std::string& expression, const std::string& document) {
  const auto rule = XPathRule::parse(expression, kNamespaces);
  if (!rule) return rule.error().code;
  const auto read = XmlDocument::parse(document);
  if (!read) return read.error().code;
  return read->holds(*rule) ? "holds" : "does not hold";
}

struct Row {
  std::string name;
  std::string expression;
  std::string document;
  std::string outcome;
};
class Rule : public ::testing::TestWithParam<Row> {};
TEST_P(Rule, HoldsOrNot) { EXPECT_EQ(outcome(GetParam().expression, GetParam().document), GetParam().outcome); }

INSTANTIATE_TEST_SUITE_P(
    Expressions, Rule,
    ::testing::Values(Row{"a_text", "/s:Envelope/s:Body/p:Decision/p:code = '00'", kAnswer, "holds"},
                      Row{"another_text", "/s:Envelope/s:Body/p:Decision/p:code = '05'", kAnswer, "does not hold"},
                      Row{"a_number", "//p:amount <= 50", kAnswer, "holds"},
                      Row{"a_larger_number", "//p:amount <= 12", kAnswer, "does not hold"},
                      Row{"it_is_there", "//p:code", kAnswer, "holds"},
                      Row{"it_is_not_there", "//p:cord", kAnswer, "does not hold"},
                      Row{"another_namespace", "//code", kAnswer, "does not hold"},
                      Row{"both", "//p:code = '00' and not(//s:Fault)", kAnswer, "holds"},
                      Row{"a_fault", "//p:code = '00' and not(//s:Fault)",
                          R"(<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>)", "does not hold"},
                      Row{"no_expression", "//p:code = ", kAnswer, "ehi.xpath"}, Row{"empty", "", kAnswer, "ehi.xpath"},
                      Row{"unknown_prefix", "//q:code", kAnswer, "ehi.xpath"},
                      Row{"unknown_function", "document('/etc/passwd')", kAnswer, "ehi.xpath"},
                      Row{"unknown_variable", "$code = '00'", kAnswer, "ehi.xpath"},
                      Row{"longest", "//p:code" + std::string(XPathRule::kLimit - 8, ' '), kAnswer, "holds"},
                      Row{"too_long", "//p:code" + std::string(XPathRule::kLimit - 7, ' '), kAnswer, "ehi.xpath"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Documents, Rule,
    ::testing::Values(
        Row{"plain", "/x = 'ok'", "<x>ok</x>", "holds"}, Row{"cut_off", "/x = 'ok'", "<x>ok</", "ehi.xml"},
        Row{"two_roots", "/x = 'ok'", "<x>ok</x><x/>", "ehi.xml"}, Row{"json", "/x = 'ok'", R"({"x":"ok"})", "ehi.xml"},
        Row{"nothing", "/x = 'ok'", "", "ehi.xml"},
        Row{"an_entity_that_xml_has", "/x = 'a<b'", "<x>a&lt;b</x>", "holds"},
        Row{"an_entity_of_its_own", "/x = 'ok'", R"(<!DOCTYPE x [<!ENTITY e "ok">]><x>&e;</x>)", "ehi.xml"},
        Row{"a_file", "/x", R"(<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>)", "ehi.xml"},
        Row{"a_dtd_elsewhere", "/x = 'ok'", R"(<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x>ok</x>)", "ehi.xml"},
        Row{"any_doctype", "/x = 'ok'", "<!DOCTYPE x><x>ok</x>", "ehi.xml"},
        Row{"a_bomb", "/x",
            R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>)", "ehi.xml"},
        Row{"latin", "/x = '\xc3\xa9'", "<?xml version='1.0' encoding='ISO-8859-1'?><x>\xe9</x>", "holds"},
        Row{"utf_8", "/x = '\xc3\xa9'", "<?xml version='1.0' encoding='UTF-8'?><x>\xc3\xa9</x>", "holds"},
        Row{"not_what_it_says", "/x", "<?xml version='1.0' encoding='UTF-8'?><x>\xe9</x>", "ehi.xml"},
        Row{"utf_7", "/x", "<?xml version='1.0' encoding='UTF-7'?><x/>", "ehi.xml"},
        Row{"utf_16", "/x", std::string("\xfe\xff\0<\0x\0/\0>", 10), "ehi.xml"},
        Row{"deep", "count(//x) = 200", repeat("<x>", 200) + repeat("</x>", 200), "holds"},
        Row{"too_deep", "count(//x) = 300", repeat("<x>", 300) + repeat("</x>", 300), "ehi.xml"},
        Row{"large", "/x", "<x>" + std::string(XmlDocument::kBytes - 7, 'a') + "</x>", "holds"},
        Row{"too_large", "/x", "<x>" + std::string(XmlDocument::kBytes - 6, 'a') + "</x>", "ehi.xml"}),
    [](const auto& row) { return row.param.name; });

TEST(XmlDocument, ATagMayHaveSoManyAttributesAndNoMore) {
  const auto with = [](std::size_t count) {
    std::string text = "<x";
    for (std::size_t i = 0; i < count; ++i)
      text += " a" + std::to_string(i) + "='1=2'";
    return text + "/>";
  };
  EXPECT_EQ(outcome("/x/@a0 = '1=2'", with(XmlDocument::kAttributes)), "holds");
  EXPECT_EQ(outcome("/x/@a0 = '1=2'", with(XmlDocument::kAttributes + 1)), "ehi.xml");
}

TEST(XmlDocument, AnEvaluationThatTakesTooLongDoesNotHold) {
  const std::string expression = "count(//y[count(//y[count(//y) > 0]) > 0]) > 0";
  EXPECT_EQ(outcome(expression, "<x>" + repeat("<y/>", 10) + "</x>"), "holds");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome(expression, "<x>" + repeat("<y/>", 20'000) + "</x>"), "does not hold");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(XmlAcknowledgement, EveryRuleMustBeTrueOfAnAnswerThatCanBeRead) {
  Acknowledgement wanted;
  wanted.xpath_rules = {*XPathRule::parse("//p:code = '00'", kNamespaces),
                        *XPathRule::parse("//p:amount", kNamespaces)};
  const auto code_of = [&](const std::string& body) {
    const auto error = check(wanted, {.status = 200, .fields = {}, .body = body});
    return error ? error->code : "";
  };
  EXPECT_EQ(code_of(kAnswer), "");
  EXPECT_EQ(code_of("<x/>"), "ehi.unacknowledged");
  EXPECT_EQ(code_of(R"({"code":"00"})"), "ehi.unacknowledged");
}

}  // namespace
}  // namespace countersign::ehi
