// How many threads are worth starting here: physical cores, as far as affinity and the container's quota allow.
#pragma once

namespace fak {

/// At least 1.
int usable_cores();

}  // namespace fak
