// How old a segment is, so that a wall clock set wrong deletes nothing.
//
// A segment of this boot of the machine ages by the steady clock. One of an earlier boot ages by its date, but that is
// looked at once only, ten minutes after the recorder started, when a clock that was wrong at boot has been set; from
// then on it ages by the steady clock too.
#pragma once

#include <chrono>
#include <optional>

#include "common/ring/index_file.hpp"
#include "common/ts/time.hpp"

namespace ring {

// Of this machine now; zeros if it cannot be read.
BootId current_boot();

class Ageing {
 public:
  static constexpr std::chrono::minutes patience{10};

  explicit Ageing(ts::SteadyTime start) : start_(start) {}

  // When a segment ended, as far as is known.
  struct End {
    std::optional<ts::SteadyTime> steady;  // if of this boot
    ts::WallTime wall;
  };
  // 0 as long as it cannot be told. Fills in `end.steady` when it can.
  std::chrono::nanoseconds age(End& end, const ts::Arrival& now) const;

 private:
  ts::SteadyTime start_;
};

}  // namespace ring
