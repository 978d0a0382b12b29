#include "common/psi/table_collector.hpp"

#include <algorithm>
#include <utility>

namespace psi {

bool TableCollector::feed(const ts::Section& section) {
  const std::size_t number = section.number();
  const std::size_t count = std::size_t{section.last_number()} + 1;
  if (number >= count) return false;

  // The ordinary case: the same again.
  if (pending_.empty() && count == complete_.size() && std::ranges::equal(section.bytes(), complete_[number])) {
    return false;
  }
  if (pending_.size() != count || pending_version_ != section.version()) {
    pending_.assign(count, {});
    pending_version_ = section.version();
  }
  pending_[number].assign(section.bytes().begin(), section.bytes().end());
  if (std::ranges::any_of(pending_, &SectionBytes::empty)) return false;

  const bool changed = pending_ != complete_;
  complete_ = std::exchange(pending_, {});
  return changed;
}

void TableCollector::reset() {
  complete_.clear();
  pending_.clear();
  pending_version_.reset();
}

}  // namespace psi
