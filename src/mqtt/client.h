// An MQTT 3.1.1 client that acknowledges when told. A passive object over libmosquitto, moved only by its
// owner's poll loop and only from one thread.
//
//   read_some()  reads about one packet and hands messages to the handler; their PUBACKs are only queued
//   flush()      writes all that is queued: PUBACKs, pings, publishes. Call it after the commit, never
//   between
//                reading and commit: that is the whole promise (docs/architecture.md, "The path of a
//                message")
//   drop()       ends the connection with nothing written, so that the broker delivers again what it got no
//   PUBACK for
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace alona::mqtt {

struct Will {
  std::string topic;
  std::string payload;
  bool retain = true;
};

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string user;  // empty: none
  std::string password;
  std::string client_id;
  bool clean_session = false;
  int keepalive_s = 30;
  std::optional<Will> will;  // QoS 1
};

// Views live until the handler returns.
struct Message {
  std::string_view topic;
  std::string_view payload;
  std::uint16_t packet_id = 0;  // 0 at QoS 0
  int qos = 0;
  bool retained = false;
  bool duplicate = false;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // The broker said yes. session_present: it still knows our subscriptions and holds what came meanwhile.
  virtual void on_connected(bool session_present) = 0;
  // Not connected any more, or refused (Errc::auth: wrong user or password, or a subscription is not
  // allowed). Not told to who drops or disconnects. The connection may be connected again, but not from
  // within a handler.
  virtual void on_disconnected(const Error& why) = 0;
  virtual void on_message(const Message& message) = 0;
  virtual void on_published(int /*packet_id*/) {}  // the broker has it (QoS 1)
  virtual void on_subscribed() {}
};

class Connection {
 public:
  virtual ~Connection() = default;
  // Opens the socket (bounded by the system's connect to a LAN address); the answer comes to the handler
  // through read_some. temporary: nobody listens there yet.
  [[nodiscard]] virtual Result<void> connect() = 0;
  // -1 without a connection.
  [[nodiscard]] virtual int fd() const = 0;
  [[nodiscard]] virtual bool wants_write() const = 0;
  // At most about one packet. An error means the connection has gone, and the handler was told.
  [[nodiscard]] virtual Result<void> read_some() = 0;
  [[nodiscard]] virtual Result<void> flush() = 0;
  // Once a second: queues a ping when one is due, notices a broker that no longer answers. Writes nothing.
  [[nodiscard]] virtual Result<void> keep_alive() = 0;
  virtual void drop() = 0;
  // Writes all that is queued as flush() does (so: after the commit, else drop()), then says goodbye, so that
  // the broker sends no last will.
  virtual void disconnect() = 0;
  // Both only queue; flush sends. closed: before on_connected. The packet id of a publish, for on_published.
  // What was queued or not yet confirmed dies with its connection: connect() begins afresh.
  [[nodiscard]] virtual Result<int> publish(std::string_view topic, std::string_view payload, int qos,
                                            bool retain) = 0;
  [[nodiscard]] virtual Result<void> subscribe(std::string_view filter, int qos) = 0;
};

// Of libmosquitto: "2.0.11".
[[nodiscard]] std::string library_version();

// `handler` must outlive the connection.
[[nodiscard]] Result<std::unique_ptr<Connection>> make_connection(Options options, Handler& handler);

}  // namespace alona::mqtt
