#include "backup/gate.h"

namespace alona::backup {

Gate::State Gate::look(Mono now, const CoreAnswer& answer) {
  if (answer.well) return State::passed;
  if (answer.working && now < begun_ + work_max) {
    if (!worker_) worker_ = answer.working;
    if (worker_ == answer.working) until_ = now + turn_max;
  }
  return now > until_ ? State::missed : State::wait;
}

}  // namespace alona::backup
