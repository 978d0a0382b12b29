#include "common/psi/dvb_time.hpp"

#include "common/psi/section_parts.hpp"

namespace psi {

void put_utc(SectionBytes& out, std::chrono::sys_seconds utc) {
  constexpr std::int64_t mjd_of_1970 = 40587;
  const auto day = std::chrono::floor<std::chrono::days>(utc);
  const std::chrono::hh_mm_ss time{utc - day};
  put16(out, static_cast<unsigned>(day.time_since_epoch().count() + mjd_of_1970));
  out.insert(out.end(), {to_bcd(time.hours().count()), to_bcd(time.minutes().count()), to_bcd(time.seconds().count())});
}

}  // namespace psi
