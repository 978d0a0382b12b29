// How fast a program's clock has to run so that it follows its source for ever, without a step that could be seen.
#pragma once

#include <chrono>

namespace mux {

class ClockFollower {
 public:
  using Seconds = std::chrono::duration<double>;

  // The rate to run by from now on, against the multiplex. `drift`: the source's rate against it, as far as it is known
  // (30e-6: 30 ppm faster). `behind`: how much later than wanted the clock now shows its time. `passed` since the last
  // call.
  double follow(double drift, Seconds behind, Seconds passed);
  double rate() const { return rate_; }

 private:
  double rate_ = 0;
};

}  // namespace mux
