#include "common/ring/expiry.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string>

namespace ring {

BootId current_boot() {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string text;
  file >> text;
  std::erase(text, '-');
  BootId id{};
  if (text.size() != 2 * id.size() ||
      !std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; })) {
    return id;
  }
  for (std::size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  }
  return id;
}

std::chrono::nanoseconds Ageing::age(End& end, const ts::Arrival& now) const {
  if (!end.steady) {
    if (now.steady - start_ < patience) return std::chrono::nanoseconds{0};
    end.steady = now.steady - std::max(now.wall - end.wall, std::chrono::nanoseconds{0});
  }
  return now.steady - *end.steady;
}

}  // namespace ring
