#include "mqtt/client.h"

#include <fmt/format.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "base/limits.h"
#include "mqtt/resolve.h"

namespace alona::mqtt {
namespace {

struct Destroy {
  void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};

// The broker's answer to CONNECT, MQTT 3.1.1 section 3.2.2.3.
enum Connack {
  accepted = 0,
  bad_version = 1,
  bad_client_id = 2,
  unavailable = 3,
  bad_password = 4,
  not_allowed = 5
};

Error refusal(int connack, const Options& options) {
  const std::string broker = fmt::format("the broker at {}:{}", options.host, options.port);
  switch (connack) {
    case bad_password:
    case not_allowed:
      return {Errc::auth,
              options.user.empty()
                  ? broker + " refused us: it wants a user and a password"
                  : fmt::format("{} refused user '{}': wrong user or password", broker, options.user),
              "Check the user and the password against the broker's password file."};
    case unavailable:
      return {Errc::temporary, broker + " says that it is unavailable", ""};
    case bad_client_id:
      return {Errc::config, fmt::format("{} refused the client id '{}'", broker, options.client_id), ""};
    default:
      return {Errc::failed, fmt::format("{} refused the connection with code {}", broker, connack), ""};
  }
}

// Waits for a connect that was begun to end: 0 or an errno.
int finish_connect(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  const auto wait_ms = static_cast<int>(limits::mqtt_connect_wait.count());
  int ready = 0;
  do ready = ::poll(&waiting, 1, wait_ms);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return ETIMEDOUT;
  int failure = 0;
  socklen_t size = sizeof failure;
  if (ready < 0 || ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return errno;
  return failure;
}

// While it lives, what is written leaves in full segments: a thousand PUBACKs make a few packets, not a
// thousand.
class Cork {
 public:
  explicit Cork(int fd) : fd_(fd) { set(1); }
  ~Cork() { set(0); }
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;

 private:
  void set(int on) const { ::setsockopt(fd_, IPPROTO_TCP, TCP_CORK, &on, sizeof on); }
  int fd_;
};

// libmosquitto marked as threaded, so that it queues what it has to say and leaves the writing to us. Each
// connect makes a new client object: nothing queued for an earlier connection can slip into the next.
class MosquittoConnection final : public Connection {
 public:
  MosquittoConnection(Options options, Handler& handler) : options_(std::move(options)), handler_(handler) {}
  ~MosquittoConnection() override = default;
  MosquittoConnection(const MosquittoConnection&) = delete;
  MosquittoConnection& operator=(const MosquittoConnection&) = delete;

  Result<void> connect() override;
  int fd() const override { return client_ ? mosquitto_socket(client_.get()) : -1; }
  bool wants_write() const override { return client_ && mosquitto_want_write(client_.get()); }
  Result<void> read_some() override;
  Result<void> flush() override;
  Result<void> keep_alive() override;
  void drop() override;
  void disconnect() override;
  Result<int> publish(std::string_view topic, std::string_view payload, int qos, bool retain) override;
  Result<void> subscribe(std::string_view filter, int qos) override;

 private:
  // What a handler asked for while libmosquitto was still on the stack: it must not be destroyed under its
  // own feet.
  enum class Leave { no, drop, goodbye };

  Result<void> make_client();
  Result<void> open(const std::string& address);
  void say_goodbye();
  Result<void> settle(int code);
  Result<void> gone(int code);
  Result<void> closed() const { return fail(Errc::closed, "not connected to the broker"); }

  static MosquittoConnection& self(void* object) { return *static_cast<MosquittoConnection*>(object); }
  static void connected(mosquitto*, void* object, int connack, int flags);
  static void arrived(mosquitto*, void* object, const mosquitto_message* message);
  static void published(mosquitto*, void* object, int packet_id);
  static void subscribed(mosquitto*, void* object, int packet_id, int count, const int* granted);

  const Options options_;
  Handler& handler_;
  std::unique_ptr<mosquitto, Destroy> client_;
  int connack_ = accepted;
  bool connected_ = false;
  bool denied_ = false;   // the broker refused a subscription
  bool inside_ = false;   // libmosquitto is on the stack
  bool writing_ = false;  // … in its write
  Leave leave_ = Leave::no;
};

Result<void> MosquittoConnection::make_client() {
  const char* id = options_.client_id.empty() ? nullptr : options_.client_id.c_str();
  client_.reset(mosquitto_new(id, options_.clean_session, this));
  if (!client_)
    return fail(Errc::failed, fmt::format("cannot make an MQTT client with id '{}'", options_.client_id));
  mosquitto* client = client_.get();
  int code = mosquitto_threaded_set(client, true);
  if (!code) code = mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  if (!code) code = mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, limits::mqtt_send_max);
  if (!code && !options_.user.empty())
    code = mosquitto_username_pw_set(client, options_.user.c_str(), options_.password.c_str());
  if (!code && options_.will) {
    const Will& will = *options_.will;
    code = mosquitto_will_set(client, will.topic.c_str(), static_cast<int>(will.payload.size()),
                              will.payload.data(), 1, will.retain);
  }
  if (code) {
    client_.reset();
    return fail(Errc::failed, fmt::format("cannot prepare the MQTT client: {}", mosquitto_strerror(code)));
  }
  mosquitto_connect_with_flags_callback_set(client, connected);
  mosquitto_message_callback_set(client, arrived);
  mosquitto_publish_callback_set(client, published);
  mosquitto_subscribe_callback_set(client, subscribed);
  return {};
}

// One address, as numbers. The socket stands and CONNECT is written, or there is no client.
Result<void> MosquittoConnection::open(const std::string& address) {
  if (auto made = make_client(); !made) return made;
  const int code =
      mosquitto_connect_async(client_.get(), address.c_str(), options_.port, options_.keepalive_s);
  int failure = code == MOSQ_ERR_ERRNO ? errno : 0;
  if (!code) failure = finish_connect(fd());
  if (!code && !failure) {
    const int written = mosquitto_loop_write(client_.get(), 1);
    if (!written) return {};
    failure = ECONNRESET;
  }
  client_.reset();
  const std::string why =
      failure ? fmt::format("{}", std::generic_category().message(failure)) : mosquitto_strerror(code);
  return fail(code == MOSQ_ERR_INVAL ? Errc::config : Errc::temporary,
              fmt::format("cannot connect to the broker at {}:{}: {}", options_.host, options_.port, why),
              "Is Mosquitto running there? (systemctl status mosquitto)");
}

Result<void> MosquittoConnection::connect() {
  if (inside_) return fail(Errc::failed, "connect was called from a message's handler");
  client_.reset();
  connack_ = accepted;
  connected_ = denied_ = false;
  leave_ = Leave::no;
  const auto addresses = resolve(options_.host);
  if (!addresses) return std::unexpected(addresses.error());
  Result<void> opened = fail(Errc::temporary, fmt::format("{} has no address", options_.host));
  for (const std::string& address : *addresses) {
    opened = open(address);
    if (opened) break;
  }
  return opened;
}

Result<void> MosquittoConnection::read_some() {
  if (!client_) return closed();
  inside_ = true;
  const int code = mosquitto_loop_read(client_.get(), 1);
  inside_ = false;
  return settle(code);
}

Result<void> MosquittoConnection::flush() {
  if (!client_) return closed();
  if (!wants_write()) return {};
  const Cork cork{fd()};
  inside_ = writing_ = true;
  const int code = mosquitto_loop_write(client_.get(), 1);
  inside_ = writing_ = false;
  return settle(code);
}

Result<void> MosquittoConnection::keep_alive() {
  if (!client_) return closed();
  inside_ = true;
  const int code = mosquitto_loop_misc(client_.get());
  inside_ = false;
  return settle(code);
}

// After every call into libmosquitto: does the connection still stand, and does the handler still want it?
Result<void> MosquittoConnection::settle(int code) {
  switch (std::exchange(leave_, Leave::no)) {
    case Leave::drop:
      client_.reset();
      return closed();
    case Leave::goodbye:
      say_goodbye();
      return closed();
    case Leave::no:
      break;
  }
  if (code != MOSQ_ERR_SUCCESS || connack_ != accepted || denied_ || fd() < 0) return gone(code);
  return {};
}

Result<void> MosquittoConnection::gone(int code) {
  const std::string broker = fmt::format("the broker at {}:{}", options_.host, options_.port);
  Error why{Errc::closed, broker + " has gone", ""};
  if (connack_ != accepted)
    why = refusal(connack_, options_);
  else if (denied_)
    why = {Errc::auth, fmt::format("{} doesn't let user '{}' subscribe", broker, options_.user),
           "Check the broker's access list."};
  else if (code != MOSQ_ERR_SUCCESS && code != MOSQ_ERR_CONN_LOST)
    why.what += fmt::format(": {}", mosquitto_strerror(code));
  client_.reset();
  connected_ = false;
  handler_.on_disconnected(why);
  return std::unexpected(why);
}

void MosquittoConnection::drop() {
  if (!client_) return;
  connected_ = false;
  if (inside_) {
    ::shutdown(fd(), SHUT_RDWR);  // sends no byte of ours, and nothing more can be read
    leave_ = Leave::drop;
    return;
  }
  client_.reset();  // destroying closes the socket; unlike mosquitto_disconnect it writes nothing
}

void MosquittoConnection::disconnect() {
  if (!client_) return;
  if (inside_)
    leave_ = Leave::goodbye;
  else
    say_goodbye();
}

void MosquittoConnection::say_goodbye() {
  connected_ = false;
  inside_ = writing_ = true;
  mosquitto_disconnect(client_.get());
  // Writing DISCONNECT ends the socket. A broker that takes nothing for that long gets none, and sends the
  // last will.
  while (fd() >= 0 && wants_write()) {
    if (mosquitto_loop_write(client_.get(), 1) != MOSQ_ERR_SUCCESS || fd() < 0 || !wants_write()) break;
    pollfd waiting{fd(), POLLOUT, 0};
    if (::poll(&waiting, 1, static_cast<int>(limits::mqtt_goodbye_wait.count())) <= 0) break;
  }
  inside_ = writing_ = false;
  leave_ = Leave::no;
  client_.reset();
}

Result<int> MosquittoConnection::publish(std::string_view topic, std::string_view payload, int qos,
                                         bool retain) {
  if (!connected_ || !client_) return fail(Errc::closed, "not connected to the broker");
  if (topic.size() + payload.size() > limits::broker_packet_bytes_max)
    return fail(Errc::refused, fmt::format("a message of {} bytes for {} is above the broker's limit of {}",
                                           payload.size(), topic, limits::broker_packet_bytes_max));
  int packet_id = 0;
  const std::string name{topic};
  const int code = mosquitto_publish(client_.get(), &packet_id, name.c_str(),
                                     static_cast<int>(payload.size()), payload.data(), qos, retain);
  if (code)
    return fail(Errc::failed, fmt::format("cannot publish to {}: {}", name, mosquitto_strerror(code)));
  return packet_id;
}

Result<void> MosquittoConnection::subscribe(std::string_view filter, int qos) {
  if (!connected_ || !client_) return closed();
  const std::string name{filter};
  const int code = mosquitto_subscribe(client_.get(), nullptr, name.c_str(), qos);
  if (code)
    return fail(Errc::failed, fmt::format("cannot subscribe to {}: {}", name, mosquitto_strerror(code)));
  return {};
}

void MosquittoConnection::connected(mosquitto*, void* object, int connack, int flags) {
  auto& me = self(object);
  me.connack_ = connack;
  me.connected_ = connack == accepted;
  if (me.connected_) me.handler_.on_connected((flags & 1) != 0);
}

void MosquittoConnection::arrived(mosquitto*, void* object, const mosquitto_message* message) {
  auto& me = self(object);
  if (me.leave_ != Leave::no) return;  // the handler is through with this connection
  const auto length = static_cast<std::size_t>(message->payloadlen);
  // libmosquitto tells the application nothing of DUP.
  me.handler_.on_message({.topic = message->topic,
                          .payload = {static_cast<const char*>(message->payload), length},
                          .packet_id = static_cast<std::uint16_t>(message->mid),
                          .qos = message->qos,
                          .retained = message->retain});
}

void MosquittoConnection::published(mosquitto*, void* object, int packet_id) {
  auto& me = self(object);
  if (!me.writing_) me.handler_.on_published(packet_id);  // while writing it only means: QoS 0 has left
}

void MosquittoConnection::subscribed(mosquitto*, void* object, int, int count, const int* granted) {
  auto& me = self(object);
  me.denied_ = count < 1 || granted[0] > 2;
  if (!me.denied_) me.handler_.on_subscribed();
}

}  // namespace

std::string library_version() {
  int major = 0, minor = 0, revision = 0;
  mosquitto_lib_version(&major, &minor, &revision);
  return fmt::format("{}.{}.{}", major, minor, revision);
}

Result<std::unique_ptr<Connection>> make_connection(Options options, Handler& handler) {
  static const int ready =
      mosquitto_lib_init();  // once a process; never undone, as other clients may live on
  if (ready != MOSQ_ERR_SUCCESS) return fail(Errc::failed, "libmosquitto cannot start");
  if (!options.clean_session && options.client_id.empty())
    return fail(Errc::config, "an MQTT session that the broker keeps needs a client id");
  return std::make_unique<MosquittoConnection>(std::move(options), handler);
}

}  // namespace alona::mqtt
