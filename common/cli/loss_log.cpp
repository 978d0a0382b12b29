#include "common/cli/loss_log.hpp"

namespace cli {

void LossLog::tell(const std::string& place, const std::string& what, std::uint64_t total) {
  const auto before = std::exchange(told_[{place, what}], total);
  if (total > before) limit_.log(Priority::warning, "{}: {} {}", place, total - before, what);
}

}  // namespace cli
