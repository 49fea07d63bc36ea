#include "authority/ehi/outage_text.h"

namespace countersign::authority {
namespace {

using store::EhiOutageRow;
using store::EhiServerRow;

std::string about(const EhiServerRow& server, const EhiOutageRow& row) {
  std::string text = "  Server       " + server.url + "\n" + "  Environment  " + server.environment + "\n" +
                     "  Since        " + base::to_rfc3339(row.began_at) + "\n";
  if (row.ended_at) text += "  Until        " + base::to_rfc3339(*row.ended_at) + "\n";
  return text + "  Because      " + row.code + (row.reason ? ", " + *row.reason : "") + "\n";
}

std::string more(const EhiServerRow& server) {
  return "\nHow it is now:\n\n  countersign own ehi-server " + server.id +
         "\n\nA check from outside, when you have mended it:\n\n  countersign own check-ehi " + server.id + "\n";
}

}  // namespace

std::string event_of(const EhiCondition& condition, const EhiOutageRow& row) {
  if (condition.is_trouble()) return "ehi_server." + std::string(name(condition.state));
  return row.ended_by == "recovered" ? "ehi_server.recovered" : "ehi_server.lapsed";
}

LetterText to_mail(const EhiServerRow& server, const EhiCondition& condition, const EhiOutageRow& row) {
  if (!condition.is_trouble())
    return {"Calls get through to your server again (" + server.environment + ")",
            "The provider's calls reach your server again, and its certificate is believed.\n\n" + about(server, row)};
  const TroubleWords words = words_for(condition.code, condition.reason);
  const bool refused = condition.state == EhiCondition::State::refused;
  return {refused ? "The provider refuses to call your server (" + server.environment + ")"
                  : "The provider's calls do not get through to your server (" + server.environment + ")",
          std::string(refused ? "Your server was refused before anything was sent to it."
                              : "Your server does not answer the provider's calls.") +
              " Until it is mended, what it would have decided is decided without you, as agreed, and you are told of "
              "it later.\n\n" +
              about(server, row) + "\n" + std::string(words.meaning) + "\n" + std::string(words.remedy) + "\n" +
              more(server)};
}

std::string to_webhook(const EhiServerRow& server, const EhiCondition& condition, const EhiOutageRow& row,
                       const store::LetterRow& letter) {
  const TroubleWords words = words_for(row.code, row.reason);
  base::json::object outage{{"since", base::to_rfc3339(row.began_at)},
                            {"code", row.code},
                            {"meaning", words.meaning},
                            {"remedy", words.remedy}};
  if (row.reason) outage["reason"] = *row.reason;
  if (row.ended_at) outage["until"] = base::to_rfc3339(*row.ended_at);
  base::json::object which{{"server", server.id}, {"environment", server.environment}, {"url", server.url}};
  return base::json::serialize(base::json::object{{"id", letter.id},
                                                  {"type", event_of(condition, row)},
                                                  {"created", base::to_rfc3339(letter.created_at)},
                                                  {"ehi_server", std::move(which)},
                                                  {"outage", std::move(outage)}});
}

}  // namespace countersign::authority
