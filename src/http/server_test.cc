#include "http/server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include "http/streams.h"
#include "http/test_client.h"
#include "http/unix_client.h"

namespace alona::http {
namespace {
using namespace std::chrono_literals;

// A server that answers a few paths, on its own thread.
class Served {
 public:
  explicit Served(ServerOptions options = {}) {
    options.unix_socket = folder / "core.sock";
    auto made = Server::listen(
        std::move(options), [this](const Request& request, const Reply& reply) { answer(request, reply); });
    if (!made) throw std::runtime_error(made.error().text());
    server = std::move(*made);
    thread = std::thread([this] { server->run(); });
  }
  ~Served() {
    server->stop();
    thread.join();
    server.reset();
    std::filesystem::remove_all(folder);
  }

  void answer(const Request& request, const Reply& reply) {
    const std::string& path = request.target.path;
    if (path == "/throw") throw std::runtime_error("thrown on purpose");
    if (path == "/forget") return;
    if (path == "/keep") return kept.emplace(reply), streaming.set_value();
    if (path == "/events") {
      events = std::make_shared<EventStream>();
      Response response;
      response.content_type = "text/event-stream";
      response.events = events;
      return reply(std::move(response));
    }
    if (path == "/long") {
      Response response;
      response.stream = body = std::make_shared<BodyStream>();
      reply(std::move(response));
      return streaming.set_value();
    }
    reply(json(path + " " + request.body + (request.local ? " local" : " " + request.peer)));
  }
  // Runs on the server's thread and waits for it.
  template <class Work>
  void there(Work work) {
    std::promise<void> done;
    server->poster()([&] { work(), done.set_value(); });
    done.get_future().wait();
  }
  TestClient client() { return TestClient{server->port()}; }

  char name[32] = "/tmp/alona-http-XXXXXX";
  std::filesystem::path folder = mkdtemp(name);
  std::shared_ptr<EventStream> events;
  std::shared_ptr<BodyStream> body;
  std::optional<Reply> kept;
  std::promise<void> streaming;
  std::unique_ptr<Server> server;
  std::thread thread;
};

std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
}

TEST(Server, answers_several_requests_on_one_connection) {
  Served served;
  TestClient client = served.client();
  client.say(get("/a") + get("/b"));
  EXPECT_TRUE(client.answer().ends_with("/a  127.0.0.1"));
  EXPECT_TRUE(client.answer().ends_with("/b  127.0.0.1"));
  client.say("POST /c HTTP/1.1\r\nHost: x.local\r\nContent-Length: 3\r\n\r\nxyz");
  EXPECT_TRUE(client.answer().ends_with("/c xyz 127.0.0.1"));
  client.say("POST /d HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n");
  EXPECT_TRUE(client.answer().ends_with("/d xyz 127.0.0.1"));
}

TEST(Server, every_answer_carries_the_security_headers) {
  Served served;
  for (const std::string& request : {get("/a"), get("/throw"), std::string("nonsense\r\n\r\n"), get("/%zz"),
                                     std::string("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")}) {
    TestClient client = served.client();
    client.say(request);
    const std::string answer = client.answer();
    for (const char* header :
         {"Content-Security-Policy: default-src 'self';", "frame-ancestors 'none'",
          "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Cache-Control: no-store"}) {
      EXPECT_NE(answer.find(header), std::string::npos) << request << answer;
    }
  }
}

TEST(Server, says_what_is_wrong_with_a_request) {
  Served served;
  const std::pair<std::string, int> cases[] = {
      {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
      {"GET / HTTP/1.1\r\n\r\n", 421},
      {"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
      {"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
      {get("/%"), 400},
      {"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400},
      {get("/", "X: " + std::string(9000, 'x') + "\r\n"), 431},
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'x'), 413},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400},
      {get("/throw"), 500},
      {get("/forget"), 500}};
  for (const auto& [request, status] : cases) {
    TestClient client = served.client();
    client.say(request);
    EXPECT_EQ(status_of(client.answer()), status) << request.substr(0, 80);
  }
}

TEST(Server, head_has_no_body_and_the_connection_goes_on) {
  Served served;
  TestClient client = served.client();
  client.say("HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 13"), std::string::npos) << head;
  client.say(get("/b"));
  EXPECT_EQ(status_of(client.answer()), 200);
  client.say("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.all()), 200);
  served.there([&] { EXPECT_TRUE(served.events->closed()); });
}

TEST(Server, old_clients_get_their_connection_closed) {
  Served served;
  TestClient client = served.client();
  client.say("GET /a HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.all();
  EXPECT_FALSE(client.timed_out());
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST(Server, a_header_that_never_ends_and_a_silent_connection_are_closed) {
  Served served{{.header_timeout = 200ms, .idle_timeout = 300ms}};
  TestClient slow = served.client(), silent = served.client(), idle = served.client(),
             slow_body = served.client();
  slow.say("GET / HTTP/1.1\r\nHost: loc");
  idle.say(get("/a"));
  slow_body.say("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx");
  EXPECT_EQ(status_of(idle.answer()), 200);
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(slow_body.ended());
}

TEST(Server, the_connection_past_the_limit_is_told_so_and_the_socket_of_the_keeper_stays_open) {
  Served served;
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < limits::http_connections_max; ++i) {
    clients.push_back(served.client());
    clients.back().say(get("/a"));
    ASSERT_EQ(status_of(clients.back().answer()), 200) << i;
  }
  TestClient late = served.client();
  EXPECT_EQ(status_of(late.all()), 503);
  const auto local = unix_request(served.folder / "core.sock", "GET", "/a", {}, 5s);
  ASSERT_TRUE(local) << local.error().text();
  EXPECT_EQ(local->body, "/a  local");
  clients.pop_back();
  for (bool in = false; !in;) {  // the server hears of the goodbye in its own time
    TestClient again = served.client();
    again.say(get("/a"));
    in = status_of(again.answer()) == 200;
  }
}

TEST(Server, ten_thousand_connections_leave_it_as_it_was) {
  Served served;
  for (int i = 0; i < 10'000; ++i) TestClient{served.server->port()};
  int status = 0;
  while (status != 200) {
    TestClient client = served.client();
    client.say(get("/a"));
    status = status_of(client.answer());
  }
  EXPECT_EQ(status, 200);
}

TEST(Server, random_bytes_cost_only_their_connection) {
  Served served;
  const unsigned seed = std::random_device{}();
  std::mt19937 random{seed};
  const std::string good =
      "POST /a?b=c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nCookie: a=b\r\n\r\nbody";
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes = good;
    if (i % 4 == 0) {
      for (char& c : bytes) c = static_cast<char>(random());
    }
    for (auto n = random() % 6; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    TestClient client = served.client();
    client.say(bytes);
  }
  TestClient client = served.client();
  for (int status = 0; status != 200;) {
    TestClient again = served.client();
    again.say(get("/a"));
    status = status_of(again.answer());
    ASSERT_TRUE(status == 200 || status == 503) << "seed " << seed;
  }
}

TEST(Server, a_long_body_waits_for_its_reader) {
  Served served;
  TestClient client = served.client();
  client.say(get("/long"));
  served.streaming.get_future().wait();
  std::size_t written = 0;
  std::thread producer([&] {
    for (int i = 0; i < 400; ++i) {
      if (!served.body->write(std::string(limits::stream_chunk_bytes, 'x'))) break;
      written += limits::stream_chunk_bytes;
    }
    served.body->finish(true);
  });
  const std::string head = client.until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked"), std::string::npos);
  const std::string body = client.until("\r\n0\r\n\r\n");
  producer.join();
  EXPECT_GT(body.size(), written);
  client.say(get("/a"));
  EXPECT_EQ(status_of(client.answer()), 200);
}

TEST(Server, a_body_that_breaks_off_has_no_last_chunk) {
  Served served;
  TestClient client = served.client();
  client.say(get("/long"));
  served.streaming.get_future().wait();
  EXPECT_TRUE(served.body->write("half"));
  served.body->finish(false);
  const std::string answer = client.all();
  EXPECT_FALSE(client.timed_out());
  EXPECT_NE(answer.find("half"), std::string::npos);
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n"));
}

TEST(Server, a_producer_hears_that_its_reader_has_gone) {
  Served served;
  {
    TestClient client = served.client();
    client.say(get("/long"));
    served.streaming.get_future().wait();
  }
  while (served.body->write(std::string(limits::stream_chunk_bytes, 'x'))) {
  }
  served.body->finish(false);
}

TEST(Server, events_arrive_and_a_reader_who_does_not_read_is_cut) {
  Served served;
  TestClient client = served.client();
  client.say(get("/events"));
  const std::string head = client.until("\r\n\r\n");
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  served.there([&] { served.events->push(std::make_shared<std::string>(event_frame(7, "tick", "{}"))); });
  EXPECT_EQ(client.until("\n\n"), "id: 7\nevent: tick\ndata: {}\n\n");
  const auto big = std::make_shared<std::string>(limits::live_queue_bytes_max / 4, 'x');
  bool cut = false;
  std::size_t pushed = 0;
  while (!cut) {
    served.there([&] { cut = !served.events->push(big); });
    pushed += big->size();
    ASSERT_LT(pushed, 1U << 30);
  }
  EXPECT_TRUE(client.ended());
}

TEST(Server, the_end_of_a_reader_of_events_is_noticed_at_once) {
  Served served;
  std::promise<void> closed;
  {
    TestClient client = served.client();
    client.say(get("/events"));
    EXPECT_EQ(status_of(client.until("\r\n\r\n")), 200);
    served.there([&] { served.events->on_close([&] { closed.set_value(); }); });
  }
  EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready)
      << "without anything to say to it";
}

TEST(Server, stops_with_streams_and_idle_connections_open) {
  auto served = std::make_unique<Served>();
  TestClient idle = served->client(), live = served->client(), half = served->client();
  idle.say(get("/a"));
  EXPECT_EQ(status_of(idle.answer()), 200);
  live.say(get("/events"));
  EXPECT_EQ(status_of(live.until("\r\n\r\n")), 200);
  half.say("GET / HT");
  served.reset();
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(live.ended());
  EXPECT_TRUE(half.ended());
}

TEST(Server, an_answer_that_comes_after_the_end_goes_nowhere) {
  std::optional<Reply> late;
  {
    Served served;
    TestClient client = served.client();
    client.say(get("/keep"));
    served.streaming.get_future().wait();
    late.swap(served.kept);
  }
  (*late)(json("too late"));
  late.reset();
}

TEST(Server, a_busy_port_is_named_with_what_to_do) {
  Served served;
  const auto second = Server::listen({.port = served.server->port()}, [](const Request&, const Reply&) {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find(std::to_string(served.server->port())), std::string::npos);
  EXPECT_NE(second.error().next.find("ss -ltnp"), std::string::npos);
}

TEST(UnixSocket, is_private_and_a_second_core_is_refused_but_a_dead_one_replaced) {
  Served served;
  const auto path = served.folder / "core.sock";
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  ServerOptions options{.unix_socket = path};
  const auto second = Server::listen(options, [](const Request&, const Reply&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::refused);

  options.unix_socket = served.folder / "dead.sock";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(options.unix_socket.string(), address.sun_path);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  EXPECT_TRUE(Server::listen(options, [](const Request&, const Reply&) {}));
}

TEST(UnixClient, says_that_the_core_is_not_running) {
  const auto none = unix_request("/tmp/alona-no-such-folder/core.sock", "GET", "/", {}, 1s);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_NE(none.error().what.find("isn't running"), std::string::npos);
}

TEST(UnixClient, streams_a_long_answer) {
  Served served;
  std::thread producer([&] {
    served.streaming.get_future().wait();
    for (int i = 0; i < 100; ++i) (void)served.body->write(std::string(10'000, 'x'));
    served.body->finish(true);
  });
  std::size_t got = 0;
  const auto done = unix_stream(
      served.folder / "core.sock", "/long", [&](std::string_view piece) { return got += piece.size(), true; },
      5s);
  producer.join();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(got, 1'000'000U);
}

}  // namespace
}  // namespace alona::http
