// Debian's package manager, as upgrades need it: dpkg installs, apt says whether anything is missing. Nothing
// is fetched.
#pragma once

#include <memory>
#include <string>

#include "backup/upgrade.h"

namespace alona {

// `config_file`: what the program that is installed is to read.
[[nodiscard]] std::unique_ptr<backup::Packages> dpkg_packages(std::string config_file);

}  // namespace alona
