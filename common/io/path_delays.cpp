#include "common/io/path_delays.hpp"

#include <algorithm>

namespace io {

namespace {

using namespace std::chrono_literals;

// A path is no reference when it has been silent for so long.
constexpr std::chrono::nanoseconds reference_silence = 1s;
// Another path is the earlier one by at least that: jitter changes nothing.
constexpr std::chrono::nanoseconds margin = 5ms;
constexpr int smoothing = 16;  // of differences, in datagrams
constexpr int slowness = 200;  // bends 5 ms in a second

}  // namespace

void PathDelays::start(std::size_t path, ts::SteadyTime arrival, ts::SteadyTime time) {
  const bool alone = !earliest();
  paths_[path] = {arrival - time, arrival};
  if (alone) reference_ = path;
}

void PathDelays::forget(std::size_t path) {
  paths_[path].delay.reset();
  if (path == reference_) reference_ = earliest().value_or(path);
}

std::optional<std::size_t> PathDelays::earliest() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].delay && (!best || *paths_[i].delay < *paths_[*best].delay)) best = i;
  }
  return best;
}

ts::SteadyTime PathDelays::time_of(std::size_t path, ts::SteadyTime arrival) {
  Path& here = paths_[path];
  if (arrival - paths_[reference_].heard > reference_silence) reference_ = path;
  if (path == reference_) bend(arrival);
  here.heard = std::max(here.heard, arrival);
  return arrival - *here.delay;
}

// All delays alike, so that the reference's comes nearer to 0.
void PathDelays::bend(ts::SteadyTime arrival) {
  const Path& reference = paths_[reference_];
  const Delay passed = std::clamp<Delay>(arrival - reference.heard, 0ns, reference_silence);
  const Delay step = std::clamp<Delay>(*reference.delay, -passed / slowness, passed / slowness);
  for (Path& path : paths_) {
    if (path.delay) *path.delay -= step;
  }
}

// The reference stays as it is: whoever is compared with it is corrected, whichever of the two was first. Were the
// later one always corrected, jitter alone would drive them apart.
void PathDelays::compare(std::size_t one, ts::SteadyTime its_arrival, std::size_t other,
                         ts::SteadyTime others_arrival) {
  if (one == other || !paths_[one].delay || !paths_[other].delay) return;
  paths_[one].heard = std::max(paths_[one].heard, its_arrival);
  paths_[other].heard = std::max(paths_[other].heard, others_arrival);
  const Delay error = (its_arrival - *paths_[one].delay) - (others_arrival - *paths_[other].delay);
  if (other == reference_) {
    correct(one, error);
  } else if (one == reference_) {
    correct(other, -error);
  } else {
    correct(one, error / 2);
    correct(other, -error / 2);
  }
}

void PathDelays::correct(std::size_t path, Delay error) {
  *paths_[path].delay += error / smoothing;
  if (*paths_[path].delay < *paths_[reference_].delay - margin) reference_ = path;
}

std::optional<std::chrono::nanoseconds> PathDelays::skew(std::size_t path) const {
  if (!paths_[path].delay) return std::nullopt;
  return *paths_[path].delay - *paths_[*earliest()].delay;
}

}  // namespace io
