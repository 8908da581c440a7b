// Imports on the writer's thread, between two commits and never in the way of one.
#include "ingest/service.h"

namespace alona::ingest {

// While a sealing pass is under way the log must not grow faster than the pass takes it away.
bool Service::may_import() const { return healthy_ && ingest_.importing() && !ingest_.writer().sealing(); }

void Service::import_some() {
  if (!may_import()) return;
  // What messages brought comes first: nodes and series have their numbers in the order they are written.
  if (ingest_.dirty()) settle();
  if (!healthy_) return;
  auto news = ingest_.import_some();
  if (!news) return storing_failed(news.error());
  if (!(*news)->empty()) listener_.changed(*news);
}

}  // namespace alona::ingest
