// Beast and Asio, included by nobody outside this folder and here only by connection.cc, server.cc and
// unix_client.cc. Their non-template half is compiled once, in beast_impl.cc: on a Pi each further copy costs
// half a minute.
#pragma once

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_BEAST_SEPARATE_COMPILATION

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace alona::http {

namespace net = boost::asio;
namespace beast = boost::beast;

// Errors come back as values: auto [error, n] = co_await something(as_result).
inline constexpr auto as_result = net::as_tuple(net::use_awaitable);

}  // namespace alona::http
