// A conversation with the broker, step by step: each call returns once the broker has answered, or when the
// patience given at the login is over (Errc::temporary). For checks and proofs, which mean to wait. One
// thread, never the web's or the writer's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "mqtt/client.h"

namespace alona::ops {

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 1883;
};

struct Heard {
  std::string topic, payload;
};

class BrokerTalk final : private mqtt::Handler {
 public:
  struct Login {
    std::string user, password;
    std::optional<mqtt::Will> will{};
  };
  // With a clean session. auth: the broker refused it. temporary: no broker, or no answer. Careful: it ends
  // whatever else is logged in under this name and destroys what the broker holds for it.
  [[nodiscard]] static Result<std::unique_ptr<BrokerTalk>> log_in(const BrokerAddress& broker, Login login,
                                                                  Ms patience);
  BrokerTalk(const BrokerTalk&) = delete;
  BrokerTalk& operator=(const BrokerTalk&) = delete;
  ~BrokerTalk() override = default;  // as break_off

  // Returns with the broker's answer; what was said to us before it has been heard by then. auth: refused,
  // and the conversation is over.
  [[nodiscard]] Result<void> subscribe(const std::string& filter);
  // QoS 1, not retained. The broker acknowledges what its rules refuse as well.
  [[nodiscard]] Result<void> publish(const std::string& topic, const std::string& payload);
  // Until a message with this payload has come.
  [[nodiscard]] Result<void> hear(const std::string& payload);
  [[nodiscard]] const std::vector<Heard>& heard() const { return heard_; }

  void goodbye() { connection_->disconnect(); }
  // Without a goodbye: the broker sends the last will, if its user may say it.
  void break_off() { connection_->drop(); }

 private:
  BrokerTalk(BrokerAddress broker, Ms patience) : broker_(std::move(broker)), patience_(patience) {}
  void on_connected(bool) override { connected_ = true; }
  void on_disconnected(const Error& why) override { gone_ = why; }
  void on_message(const mqtt::Message& message) override;
  void on_published(int packet_id) override { published_.insert(packet_id); }
  void on_subscribed() override { ++subscribed_; }

  [[nodiscard]] Result<void> wait_until(const std::function<bool()>& done);

  const BrokerAddress broker_;
  const Ms patience_;
  bool connected_ = false;
  int subscribed_ = 0;
  std::optional<Error> gone_;
  std::set<int> published_;
  std::vector<Heard> heard_;
  std::unique_ptr<mqtt::Connection> connection_;  // last: it calls the handler, which is this
};

}  // namespace alona::ops
