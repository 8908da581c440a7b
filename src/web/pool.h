// Threads that may wait for the disk, so that the web thread never does. Each opens its own connection at its
// first question and tries again at the next one when that fails.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "http/server.h"
#include "web/backend.h"

namespace alona::web {

class Pool {
 public:
  struct Options {
    std::size_t threads = limits::pool_threads;
    std::size_t waiting_max = limits::pool_queue_max;
    bool keep_open = true;  // the connection, between two questions
  };
  Pool(Options options, ArchiveFactory factory, http::Server::Poster poster);
  ~Pool();  // waits for the questions under way, drops those that wait
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `question` runs on a pool thread, `answer` then on the web thread. False: full, neither is called.
  template <class T>
  [[nodiscard]] bool ask(std::function<Result<T>(Archive&)> question, Done<T> answer) {
    return enqueue(
        [this, question = std::move(question), answer = std::move(answer)](Result<Archive*> archive) {
          Result<T> result =
              archive ? guarded<T>([&] { return question(**archive); }) : std::unexpected(archive.error());
          poster_([answer, result = std::move(result)]() mutable { answer(std::move(result)); });
        });
  }
  // The same for work without the database.
  template <class T>
  [[nodiscard]] bool compute(std::function<Result<T>()> work, Done<T> answer) {
    return enqueue(
        [this, work = std::move(work), answer = std::move(answer)](const Result<Archive*>&) {
          Result<T> result = guarded<T>(work);
          poster_([answer, result = std::move(result)]() mutable { answer(std::move(result)); });
        },
        false);
  }

 private:
  using Work = std::function<void(Result<Archive*>)>;
  struct Item {
    Work work;
    bool needs_archive;
  };

  template <class T, class F>
  static Result<T> guarded(F&& work) {
    try {
      return work();
    } catch (const std::exception& thrown) {
      return fail(Errc::failed, std::string("a question to the database failed: ") + thrown.what());
    }
  }
  bool enqueue(Work work, bool needs_archive = true);
  void run();

  const Options options_;
  const ArchiveFactory factory_;
  const http::Server::Poster poster_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Item> waiting_;
  std::size_t busy_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace alona::web
