// Debug bundles for the page: one at a time, made by `alona bundle` in a process of its own, so that nothing
// of it can harm the core. It ends with this object.
#pragma once

#include <atomic>
#include <filesystem>
#include <thread>

#include "web/backend.h"

namespace alona {

class BundleRunner {
 public:
  explicit BundleRunner(std::filesystem::path config_file) : config_file_(std::move(config_file)) {}
  ~BundleRunner();
  BundleRunner(const BundleRunner&) = delete;
  BundleRunner& operator=(const BundleRunner&) = delete;

  // The web thread, as web::Backend describes it. `done` is called on a thread of this object's own.
  [[nodiscard]] bool make(web::Done<web::BundleFile> done);

 private:
  [[nodiscard]] Result<web::BundleFile> made() const;
  const std::filesystem::path config_file_;
  std::atomic<bool> busy_ = false, stop_ = false;
  std::thread thread_;
};

}  // namespace alona
