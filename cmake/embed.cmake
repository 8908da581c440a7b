# alona_embed(TARGET): compresses every file of ui/dist, and src/web/openapi.json, into one C++ file of TARGET
# (src/web/assets.h). Needs nothing but CMake and gzip. Run with -P it is the generator itself.
function(alona_embed target)
  file(GLOB_RECURSE page CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ui/dist/*)
  set(out ${CMAKE_BINARY_DIR}/generated/assets.cc)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUT=${out} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${page} ${CMAKE_SOURCE_DIR}/src/web/openapi.json ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "embedding the page" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

cmake_minimum_required(VERSION 3.25)

set(types html text/html js text/javascript css text/css svg image/svg+xml png image/png ico image/x-icon
  json application/json woff2 font/woff2 webmanifest application/manifest+json txt text/plain)

function(content_type path out)
  string(REGEX MATCH "[^.]*$" extension ${path})
  list(FIND types ${extension} at)
  set(type "application/octet-stream")
  if(NOT at EQUAL -1)
    math(EXPR at "${at} + 1")
    list(GET types ${at} type)
  endif()
  if(type MATCHES "^text/")
    string(APPEND type "; charset=utf-8")
  endif()
  set(${out} "${type}" PARENT_SCOPE)
endfunction()

# Adds to `arrays` the bytes, and sets `entry` to the table's line.
function(embed path file)
  execute_process(COMMAND gzip -9 -n -c ${file} OUTPUT_FILE ${OUT}.gz COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${OUT}.gz hex HEX)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 20 tag)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  # esbuild's [name]-[hash]: eight characters of base 32.
  if(path MATCHES "-[A-Z2-7][A-Z2-7][A-Z2-7][A-Z2-7][A-Z2-7][A-Z2-7][A-Z2-7][A-Z2-7]\\.")
    set(immutable true)
  else()
    set(immutable false)
  endif()
  content_type(${path} type)
  math(EXPR count "${count} + 1")
  set(count ${count} PARENT_SCOPE)
  set(arrays "${arrays}constexpr unsigned char bytes_${count}[] = {\n${bytes}\n};\n" PARENT_SCOPE)
  set(entry "{\"${path}\", \"${type}\", \"\\\"${tag}\\\"\", ${immutable}, bytes_${count}}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(table "")
set(count 0)
file(GLOB_RECURSE page RELATIVE ${SOURCE}/ui/dist ${SOURCE}/ui/dist/*)
list(FILTER page EXCLUDE REGEX "\\.(gz|map)$")
if(NOT "index.html" IN_LIST page)
  set(page index.html)
  set(root ${OUT}.page)
  file(WRITE ${root}/index.html "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Alona</title><p>This core was built without its page. Build it with <code>./dev build</code>; the API under <code>/api/v1</code> works.</html>\n")
else()
  set(root ${SOURCE}/ui/dist)
endif()
foreach(path ${page})
  embed("/${path}" ${root}/${path})
  string(APPEND table "    ${entry},\n")
endforeach()
embed("/api/v1/openapi.json" ${SOURCE}/src/web/openapi.json)
file(WRITE ${OUT} "// Made by cmake/embed.cmake.
#include \"web/assets.h\"

namespace alona::web {
namespace {
${arrays}
constexpr http::Asset table[] = {
${table}};
constexpr http::Asset description = ${entry};
}  // namespace

std::span<const http::Asset> assets() { return table; }
const http::Asset& openapi() { return description; }

}  // namespace alona::web
")
file(REMOVE ${OUT}.gz)
