#include "gateway/handover.h"

#include <charconv>

#include <unistd.h>

namespace countersign::gateway {
namespace {

constexpr base::Duration kAnswerTime = std::chrono::seconds(5);
/// A successor reads its files and perhaps waits for the authority.
constexpr base::Duration kReadyTime = std::chrono::minutes(2);
constexpr std::size_t kMostSockets = 32 * 256 + 1;

net::Deadline soon() { return net::Deadline::after(kAnswerTime); }

base::Error refused(const base::Error& why) {
  return {base::Kind::unavailable, "handover.refused",
          "the running gateway did not hand over (" + why.detail + "): it goes on, and this one ends"};
}

base::Error out_of_turn(const std::string& said) {
  return {base::Kind::invalid, "handover.refused", "the other gateway said '" + said.substr(0, 64) + "' out of turn"};
}

std::optional<int> number_behind(std::string_view text, std::string_view word) {
  int number = 0;
  if (!text.starts_with(word)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + word.size(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 ? std::optional(number) : std::nullopt;
}

net::Task<base::Result<void>> say(net::DescriptorChannel& channel, std::string text) {
  std::vector<int> nothing;
  co_return co_await channel.send(std::move(text), std::move(nothing), soon());
}

net::Task<base::Result<void>> expect(net::DescriptorChannel& channel, std::string word, net::Deadline deadline) {
  auto message = co_await channel.receive(deadline);
  if (!message) co_return base::unexpected(std::move(message).error());
  if (message->text != word) co_return base::unexpected(out_of_turn(message->text));
  co_return base::Result<void>();
}

Door& door_named(std::vector<Door>& doors, std::string_view name) {
  if (doors.empty() || doors.back().name != name) doors.push_back({std::string(name), {}});
  return doors.back();
}

net::Task<base::Result<void>> send_door(net::DescriptorChannel& channel, const Door& door) {
  for (std::size_t from = 0; from < door.sockets.size();) {
    std::vector<int> some;
    for (; from < door.sockets.size() && some.size() < net::DescriptorChannel::kDescriptors; ++from)
      some.push_back(door.sockets[from].descriptor());
    std::string text = "door " + door.name;
    BASE_CO_TRY_VOID(co_await channel.send(std::move(text), std::move(some), soon()));
  }
  co_return base::Result<void>();
}

}  // namespace

net::Task<base::Result<std::optional<Inheritance>>> Inheritance::ask(net::Loop& loop, std::filesystem::path path) {
  auto channel = net::DescriptorChannel::connect(loop, path);
  if (!channel && channel.error().code == "net.nobody") co_return std::optional<Inheritance>();
  if (!channel) co_return base::unexpected(std::move(channel).error());
  Inheritance inheritance(std::move(*channel));
  auto asked = co_await say(inheritance.channel_, "hello 1 " + std::to_string(getpid()));
  if (asked) asked = co_await inheritance.receive_doors();
  if (!asked) co_return base::unexpected(refused(asked.error()));
  co_return std::optional(std::move(inheritance));
}

net::Task<base::Result<void>> Inheritance::receive_doors() {
  std::size_t sockets = 0;
  for (;;) {
    auto message = co_await channel_.receive(soon());
    if (!message) co_return base::unexpected(std::move(message).error());
    if (message->text == "end") co_return base::Result<void>();
    sockets += message->descriptors.size();
    if (!message->text.starts_with("door ") || message->descriptors.empty() || sockets > kMostSockets)
      co_return base::unexpected(out_of_turn(message->text));
    Door& door = door_named(doors_, std::string_view(message->text).substr(5));
    for (net::OwnedDescriptor& descriptor : message->descriptors) {
      BASE_CO_TRY(auto socket, net::ListenSocket::adopt(descriptor.release()));
      door.sockets.push_back(std::move(socket));
    }
  }
}

net::Task<base::Result<void>> Inheritance::be_ready() {
  auto leave = co_await say(channel_, "ready");
  if (leave) leave = co_await expect(channel_, "go", soon());
  if (!leave) co_return base::unexpected(refused(leave.error()));
  co_return leave;
}

net::Task<void> Inheritance::confirm() { (void)co_await say(channel_, "serving"); }

net::Task<base::Result<int>> hand_over(net::DescriptorChannel channel, Bequest bequest) {
  auto hello = co_await channel.receive(soon());
  if (!hello) co_return base::unexpected(std::move(hello).error());
  const auto successor = number_behind(hello->text, "hello 1 ");
  if (!successor) co_return base::unexpected(out_of_turn(hello->text));
  for (const Door& door : bequest.doors.all()) {
    auto sent = co_await send_door(channel, door);
    if (!sent) co_return base::unexpected(std::move(sent).error());
  }
  auto step = co_await say(channel, "end");
  if (step) step = co_await expect(channel, "ready", net::Deadline::after(kReadyTime));
  if (!step) co_return base::unexpected(std::move(step).error());
  bequest.let_go();
  step = co_await say(channel, "go");
  if (step) step = co_await expect(channel, "serving", soon());
  if (!step) co_return base::unexpected(std::move(step).error());
  co_return *successor;
}

}  // namespace countersign::gateway
