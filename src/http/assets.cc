#include "http/assets.h"

#include <string>

#include "http/beast.h"
// After beast.h, which says that Beast is compiled apart.
#include <boost/beast/zlib/inflate_stream.hpp>

namespace alona::http {
namespace {
constexpr std::size_t gzip_head_bytes = 10;  // gzip -n: no name, no extras (RFC 1952)
constexpr std::size_t gzip_tail_bytes = 8;   // checksum and size

// For the rare client that takes no compression, such as curl. Empty when the bytes aren't what we embedded.
std::string inflate(std::span<const unsigned char> gzip) {
  if (gzip.size() < gzip_head_bytes + gzip_tail_bytes || gzip[3] != 0) return {};
  const auto size = gzip.last(4);
  std::string out(static_cast<std::size_t>(size[0]) | static_cast<std::size_t>(size[1]) << 8 |
                      static_cast<std::size_t>(size[2]) << 16 | static_cast<std::size_t>(size[3]) << 24,
                  '\0');
  const auto deflated = gzip.subspan(gzip_head_bytes, gzip.size() - gzip_head_bytes - gzip_tail_bytes);
  beast::zlib::z_params io;
  io.next_in = deflated.data();
  io.avail_in = deflated.size();
  io.next_out = out.data();
  io.avail_out = out.size();
  beast::zlib::inflate_stream stream;
  boost::system::error_code error;
  stream.write(io, beast::zlib::Flush::finish, error);
  // Of some streams Beast says that it needs more though all is there: the size in the tail decides.
  if (io.total_out != out.size()) return {};
  return out;
}
}  // namespace

Response serve_asset(const Asset& asset, const Request& request) {
  Response response;
  response.headers = {
      {"ETag", std::string(asset.etag)},
      {"Vary", "Accept-Encoding"},
      {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (request.header("if-none-match").find(asset.etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.content_type = asset.content_type;
  if (request.header("accept-encoding").find("gzip") != std::string_view::npos) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.fixed = asset.gzip;
  } else {
    response.body = inflate(asset.gzip);
  }
  return response;
}

}  // namespace alona::http
