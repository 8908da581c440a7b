#include "web/pool.h"

#include <malloc.h>

#include <utility>

namespace alona::web {

Pool::Pool(Options options, ArchiveFactory factory, http::Server::Poster poster)
    : options_(options), factory_(std::move(factory)), poster_(std::move(poster)) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    waiting_.clear();
  }
  news_.notify_all();
}

bool Pool::enqueue(Work work, bool needs_archive) {
  {
    const std::lock_guard lock{mutex_};
    const std::size_t idle = options_.threads - busy_;
    if (stopping_ || waiting_.size() >= options_.waiting_max + idle) return false;
    waiting_.push_back({std::move(work), needs_archive});
  }
  news_.notify_one();
  return true;
}

void Pool::run() {
  std::unique_ptr<Archive> archive;
  for (;;) {
    Item item;
    {
      std::unique_lock lock{mutex_};
      news_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      item = std::move(waiting_.front());
      waiting_.pop_front();
      ++busy_;
    }
    Result<Archive*> given = archive.get();
    if (item.needs_archive && !archive) {
      auto opened = factory_();
      if (opened)
        archive = std::move(*opened), given = archive.get();
      else
        given = std::unexpected(opened.error());
    }
    item.work(given);
    item = {};
    if (!options_.keep_open) archive.reset();
    // A question may need megabytes, and hours pass to the next.
    ::malloc_trim(0);
    const std::lock_guard lock{mutex_};
    --busy_;
  }
}

}  // namespace alona::web
