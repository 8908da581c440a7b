#include "alona/bundle_runner.h"

#include <boost/json.hpp>

#include "alona/capture.h"
#include "alona/download.h"
#include "base/limits.h"

namespace alona {
namespace {

using namespace std::chrono_literals;
// What collects, and what compresses and syncs on a slow card, together below the answer's own time.
constexpr Ms patience = 18s;
constexpr const char* within = "10s";
static_assert(patience < limits::http_answer_timeout);
constexpr std::size_t said_bytes_max = 65'536;

// "alona: what\nnext"
std::unexpected<Error> told(std::string_view said) {
  if (said.starts_with("alona: ")) said.remove_prefix(7);
  const auto line = said.find('\n');
  return fail(Errc::failed, std::string(said.substr(0, line)),
              line == std::string_view::npos ? "" : std::string(said.substr(line + 1)));
}

}  // namespace

BundleRunner::~BundleRunner() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool BundleRunner::make(web::Done<web::BundleFile> done) {
  if (busy_.exchange(true)) {
    done(fail(Errc::temporary, "a debug bundle is being made", "Wait until it is done, then try again."));
    return true;
  }
  if (thread_.joinable()) thread_.join();  // it has ended: it isn't busy
  thread_ = std::thread{[this, done = std::move(done)] {
    auto result = made();
    busy_ = false;
    done(std::move(result));
  }};
  return true;
}

Result<web::BundleFile> BundleRunner::made() const {
  std::vector<std::string> words{"/proc/self/exe", "bundle", "--json", "--within", within};
  if (!config_file_.empty()) words.insert(words.end(), {"--config", config_file_.string()});
  const auto said = capture(words, patience, said_bytes_max, &stop_);
  if (!said) return std::unexpected(said.error());
  if (said->cut)
    return fail(Errc::temporary, "the debug bundle took too long", "Try again, or `sudo alona bundle`.");
  if (said->exit_code != 0) return told(said->text);
  boost::system::error_code bad;
  const auto value = boost::json::parse(said->text, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* file = object == nullptr ? nullptr : object->if_contains("file");
  if (file == nullptr || !file->is_string())
    return fail(Errc::failed, "`alona bundle` didn't say where it is");
  const std::filesystem::path path{std::string_view(file->get_string())};
  const auto opened = open_download(path, "the bundle");
  if (!opened) return std::unexpected(opened.error());
  return web::BundleFile{*opened, path.filename().string()};
}

}  // namespace alona
