#include "ops/broker_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/hash.h"
#include "base/limits.h"
#include "ops/broker_files.h"
#include "ops/broker_login.h"

namespace alona::ops {
namespace {

constexpr Ms patience = limits::broker_login_max;

// As a node: what it may say by the rules, and what it must not. None of it is retained, so nothing of a
// doctor's visit stays; the payload is no JSON, so nodes and core pass over it where the rules are broken.
const std::string own_topic = fmt::format("alona/{}/heartbeat", doctor_user);
const std::string witness_topic = fmt::format("alona/{}/heartbeat", witness_user);
const std::string own_status = fmt::format("alona/{}/status", doctor_user);
constexpr std::string_view nobodys_status = "alona/alona-nobody/status";
const auto forbidden = std::to_array<std::string>(
    {"alona/alona-nobody/telemetry/doctor", "alona/alona-nobody/telemetry", "alona/alona-nobody/event/doctor",
     "alona/alona-nobody/error", std::string(nobodys_status), "alona/alona-nobody/ack",
     fmt::format("alona/{}/ack", doctor_user), fmt::format("alona/{}/config", doctor_user), witness_topic,
     "alona/core/status", "alona/core/time", "alona/core/alert/doctor"});

std::string joined(const std::vector<std::string>& topics) {
  return fmt::format("{}", fmt::join(topics, ", "));
}

// Topics on which `payload` was heard.
std::vector<std::string> topics_of(const std::vector<Heard>& heard, const std::string& payload) {
  std::vector<std::string> topics;
  for (const Heard& one : heard) {
    if (one.payload == payload) topics.push_back(one.topic);
  }
  return topics;
}

class Trial {
 public:
  Trial(const BrokerAddress& broker, std::string doctor_password, std::string witness_password)
      : broker_(broker),
        password_(std::move(doctor_password)),
        witness_password_(std::move(witness_password)) {}

  Result<std::vector<RuleTried>> run(const std::string& core_password) {
    auto witness = BrokerTalk::log_in(broker_, {std::string(witness_user), witness_password_}, patience);
    if (!witness) return std::unexpected(witness.error());
    witness_ = std::move(*witness);
    if (auto listening = witness_->subscribe("alona/#"); !listening)
      return std::unexpected(listening.error());
    for (const auto step : {&Trial::publishing, &Trial::listening, &Trial::last_will}) {
      if (auto tried = (this->*step)(); !tried) return std::unexpected(tried.error());
    }
    witness_->goodbye();
    for (const auto& [user, password, id] : std::to_array<std::array<std::string, 3>>(
             {{"", "", "broker_anonymous"},
              {std::string(doctor_user), "wrong", "broker_password"},
              {std::string(doctor_user), core_password, "broker_password"}})) {
      if (auto tried = admitted(user, password, id); !tried) return std::unexpected(tried.error());
    }
    return std::move(found_);
  }

 private:
  void note(std::string id, bool holds, std::string what) {
    const auto known = std::ranges::find(found_, id, &RuleTried::id);
    if (known == found_.end()) return found_.push_back({std::move(id), holds, holds ? "" : std::move(what)});
    if (known->holds && !holds) known->holds = false, known->what = std::move(what);
  }
  [[nodiscard]] std::string mark() const { return "alona doctor " + random_hex(8); }
  [[nodiscard]] Result<std::unique_ptr<BrokerTalk>> as_node(std::optional<mqtt::Will> will = {}) const {
    return BrokerTalk::log_in(broker_, {std::string(doctor_user), password_, std::move(will)}, patience);
  }

  // What it may say comes behind what it may not, on one connection: once that is heard, silence about the
  // rest means refusal.
  Result<void> publishing() {
    const auto node = as_node();
    if (!node) return std::unexpected(node.error());
    const std::string marked = mark(), last = mark();
    for (const std::string& topic : forbidden) {
      if (auto said = (*node)->publish(topic, marked); !said) return said;
    }
    if (auto said = (*node)->publish(own_topic, last); !said) return said;
    const auto heard = witness_->hear(last);
    if (!heard && heard.error().code != Errc::temporary) return heard;
    note("broker_allowed", heard.has_value(), "what a node may say doesn't get through to who may hear it");
    const auto through = topics_of(witness_->heard(), marked);
    note("broker_publish", through.empty(),
         fmt::format("a node may publish where it must not: {}", joined(through)));
    (*node)->goodbye();
    return {};
  }

  // Another's message, and whatever is retained for nodes; the last subscription's answer comes behind it.
  Result<void> listening() {
    const auto node = as_node();
    if (!node) return std::unexpected(node.error());
    for (const std::string filter : {"#", "alona/#", "alona/+/telemetry/+", "$SYS/#"}) {
      auto asked = (*node)->subscribe(filter);
      // A broker may refuse this instead of keeping silent.
      if (!asked && asked.error().code == Errc::auth)
        return note("broker_subscribe", true, ""), Result<void>{};
      if (!asked) return asked;
    }
    const std::string marked = mark();
    if (auto said = witness_->publish(witness_topic, marked); !said) return said;
    if (auto heard = witness_->hear(marked); !heard && heard.error().code != Errc::temporary) return heard;
    if (auto behind = (*node)->subscribe(fmt::format("alona/{}/ack", doctor_user)); !behind) return behind;
    std::vector<std::string> strange;
    for (const Heard& one : (*node)->heard()) {
      if (!one.topic.starts_with("alona/core/")) strange.push_back(one.topic);
    }
    if (strange.size() > 5) strange.resize(5);
    note("broker_subscribe", strange.empty(),
         fmt::format("a node hears what isn't for it: {}", joined(strange)));
    (*node)->goodbye();
    return {};
  }

  // A broker accepts any last will at the login and judges it when the connection breaks. The allowed one,
  // which comes second, tells when that has been done.
  Result<void> last_will() {
    const std::string marked = mark(), last = mark();
    for (const auto& [topic, payload] : std::to_array<std::pair<std::string, std::string>>(
             {{std::string(nobodys_status), marked}, {own_status, last}})) {
      const auto dying = as_node(mqtt::Will{topic, payload, false});
      if (!dying) return std::unexpected(dying.error());
      (*dying)->break_off();
    }
    const auto heard = witness_->hear(last);
    if (!heard && heard.error().code != Errc::temporary) return heard;
    note("broker_allowed", heard.has_value(), "a node's last will isn't sent when its connection breaks");
    note("broker_will", topics_of(witness_->heard(), marked).empty(),
         fmt::format("a node's last will is sent where it must not publish: {}", nobodys_status));
    return {};
  }

  Result<void> admitted(const std::string& user, const std::string& password, const std::string& id) {
    const auto in = log_in_once(broker_, user, password, patience);
    if (!in && in.error().code != Errc::auth) return in;
    note(id, !in,
         user.empty() ? "the broker admits clients without a user and a password"
                      : "the broker admits a user with a password that isn't its own");
    return {};
  }

  const BrokerAddress& broker_;
  const std::string password_, witness_password_;
  std::unique_ptr<BrokerTalk> witness_;
  std::vector<RuleTried> found_;
};

Result<std::string> password_in(const std::filesystem::path& file) {
  auto password = files::read(file, limits::password_bytes_max);
  if (!password) return password;
  return password->substr(0, password->find('\n'));
}

}  // namespace

Result<std::vector<RuleTried>> try_broker_rules(const Paths& paths,
                                                const std::filesystem::path& core_password,
                                                const BrokerAddress& broker) {
  const auto own = password_in(paths.check_password(doctor_user));
  if (!own) return std::unexpected(own.error());
  const auto witness = password_in(paths.check_password(witness_user));
  if (!witness) return std::unexpected(witness.error());
  const auto core = password_in(core_password);
  if (!core) return std::unexpected(core.error());
  // A second doctor would log in under the same names and end the first one's connections.
  const auto alone = files::Lock::take(paths.check_password("doctor.lock"));
  if (!alone) return std::unexpected(alone.error());
  return Trial{broker, *own, *witness}.run(*core);
}

}  // namespace alona::ops
