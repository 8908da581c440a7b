#include "http/beast.h"
// After beast.h, which says that this half is compiled apart.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
