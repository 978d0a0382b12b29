#include "tools/tsmon/pcr_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace tsmon {
namespace {

// A block is long enough for a line through jitter and short enough for a clock that drifts by 75 mHz/s (the most that
// ISO/IEC 13818-1 2.4.2.1 allows): in 4 s that bends the line by 3 ns.
constexpr ts::Ticks27 block_length{4 * ts::system_clock_hz};
constexpr std::size_t least_samples = 8;
constexpr std::size_t most_samples = 4096;
// Rates of single intervals are off by more than this, in the median, where the rate of the stream is not constant.
// 1 %: a jitter of 0.4 ms at PCRs 40 ms apart. Without null packets a stream is more likely one that they were taken
// out of, as from a multiplex, than one with such PCRs: then 0.1 %.
constexpr double constant_rate = 0.01, constant_rate_unpadded = 0.001;
// The jitter of arrivals hides the frequency for so long, and its change for so much longer.
constexpr std::chrono::seconds frequency_known{30};
constexpr std::chrono::seconds drift_interval{60};

struct Line {
  double level = 0, slope = 0;
  double at(double x) const { return level + slope * x; }
};

struct Point {
  double x, y;
};

// Least squares over the points that `use` allows.
template <class Use>
Line fit(std::span<const Point> points, Use&& use) {
  double n = 0, sx = 0, sy = 0;
  for (const Point& p : points) {
    if (!use(p)) continue;
    ++n;
    sx += p.x;
    sy += p.y;
  }
  if (n == 0) return {};
  const double mx = sx / n, my = sy / n;
  double sxx = 0, sxy = 0;
  for (const Point& p : points) {
    if (!use(p)) continue;
    sxx += (p.x - mx) * (p.x - mx);
    sxy += (p.x - mx) * (p.y - my);
  }
  const double slope = sxx > 0 ? sxy / sxx : 0;
  return {my - slope * mx, slope};
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A line that single points far off do not bend: fitted again without those beyond four times the median deviation,
// or beyond 50 ns where nearly all lie on it.
Line robust_fit(std::span<const Point> points) {
  // The median of slopes between points half the block apart stands even where many are off.
  const std::size_t half = points.size() / 2;
  std::vector<double> values;
  for (std::size_t i = 0; i + half < points.size(); ++i) {
    const Point &a = points[i], &b = points[i + half];
    if (b.x > a.x) values.push_back((b.y - a.y) / (b.x - a.x));
  }
  if (values.empty()) return {};
  Line line{0, median(values)};
  values.clear();
  for (const Point& p : points) values.push_back(p.y - line.slope * p.x);
  line.level = median(values);
  values.clear();
  for (const Point& p : points) values.push_back(std::abs(p.y - line.at(p.x)));
  const double reach = std::max(4 * median(values), 1.35);
  return fit(points, [line, reach](const Point& p) { return std::abs(p.y - line.at(p.x)) <= reach; });
}

bool is_constant_rate(std::span<const Point> points, const Line& line, bool padded) {
  std::vector<double> deviations;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double expected = (points[i].x - points[i - 1].x) * line.slope;
    if (expected > 0) deviations.push_back(std::abs(points[i].y - points[i - 1].y - expected) / expected);
  }
  return !deviations.empty() && median(deviations) <= (padded ? constant_rate : constant_rate_unpadded);
}

}  // namespace

void PcrMeter::feed(ts::Pcr pcr, Moment at, bool signalled, std::optional<ts::SteadyTime> arrival, bool padded) {
  padded_ = padded;
  // The same PCR again is that of a duplicate packet.
  if (clock_.started() && pcr == clock_.last_pcr()) return;
  const auto sample = clock_.feed(pcr, at.position, signalled, arrival);
  offset_ = sample.time - at.time;
  ++figures_.count;
  check_step(sample, at, signalled);
  // A step that is too large for 2.3.b may be a jump too.
  if (sample.step != ts::ProgramClock::Step::continuous || sample.wire_step > limits_.pcr_step) close_block();
  add(sample.time, at);
  if (arrival) compare_with_arrival(sample.time, *arrival);
  last_ = at;
}

void PcrMeter::check_step(const ts::ProgramClock::Sample& sample, Moment at, bool signalled) {
  if (!last_) {
    board_.set_measured(Indicator::pcr_repetition);
    board_.set_measured(Indicator::pcr_discontinuity);
    expect(at);
    return;
  }
  const bool continuous = sample.step == ts::ProgramClock::Step::continuous;
  const ts::Ticks27 interval = continuous ? sample.wire_step : at.time - last_->time;
  if (continuous) {
    interval_sum_ += interval;
    ++intervals_;
    figures_.interval_mean_s = seconds(interval_sum_) / static_cast<double>(intervals_);
    figures_.interval_greatest_s = std::max(figures_.interval_greatest_s.value_or(0), seconds(interval));
  }
  if (interval > limits_.pcr_repetition && !recurrence_->overdue()) {
    board_.occur(Indicator::pcr_repetition, subject(), at,
                 [&] { return fmt::format("{:.1f} ms since the last PCR", seconds(interval) * 1e3); });
  }
  recurrence_->release(board_, Indicator::pcr_repetition, subject(), at);
  const bool in_range = sample.wire_step >= ts::Ticks27{0} && sample.wire_step <= limits_.pcr_step;
  if (!signalled && !in_range) {
    board_.occur(Indicator::pcr_discontinuity, subject(), at, [&] {
      return fmt::format("PCR steps by {:.3f} ms without discontinuity_indicator", seconds(sample.wire_step) * 1e3);
    });
  }
}

void PcrMeter::expect(Moment from) {
  if (recurrence_) recurrence_->release(board_, Indicator::pcr_repetition, subject(), from);
  recurrence_.emplace(from.time);
}

void PcrMeter::poll(Moment now) {
  if (!recurrence_) return;
  recurrence_->poll(board_, Indicator::pcr_repetition, subject(), now, limits_.pcr_repetition,
                    [&] { return fmt::format("no PCR for {:.1f} ms", seconds(limits_.pcr_repetition) * 1e3); });
  if (recurrence_->overdue()) board_.set_measured(Indicator::pcr_repetition);
}

void PcrMeter::interrupt() { close_block(); }

void PcrMeter::forgive(Moment at) {
  close_block();
  last_.reset();
  if (recurrence_) expect(at);
}

void PcrMeter::finish() { close_block(); }

void PcrMeter::add(ts::ProgramTime time, Moment at) {
  if (!block_.empty() && (time - block_start_ >= block_length || block_.size() >= most_samples)) close_block();
  if (block_.empty()) block_start_ = time;
  block_.push_back({at, static_cast<double>((time - block_start_).count())});
}

void PcrMeter::close_block() {
  if (block_.size() >= least_samples) {
    measure_accuracy();
    close_jitter();
  }
  block_.clear();
}

void PcrMeter::measure_accuracy() {
  std::vector<Point> points;
  points.reserve(block_.size());
  const std::uint64_t origin = block_.front().at.position;
  for (const Sample& s : block_) points.push_back({static_cast<double>(s.at.position - origin), s.time});
  const Line line = robust_fit(points);
  figures_.variable_rate = !is_constant_rate(points, line, padded_);
  if (figures_.variable_rate) {
    if (!figures_.accuracy_greatest_s) board_.set_unmeasured(Indicator::pcr_accuracy, "no constant rate between PCRs");
    return;
  }
  board_.set_measured(Indicator::pcr_accuracy);
  const auto limit = static_cast<double>(limits_.pcr_accuracy.count());
  double greatest = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    // PCRs are whole ticks: half a tick is no error of the clock.
    const double off = points[i].y - line.at(points[i].x);
    figures_.accuracy_least_s = std::min(figures_.accuracy_least_s.value_or(off / 27e6), off / 27e6);
    figures_.accuracy_greatest_s = std::max(figures_.accuracy_greatest_s.value_or(off / 27e6), off / 27e6);
    greatest = std::max(greatest, std::abs(off));
    if (std::abs(off) <= limit + 0.5) continue;
    board_.occur(Indicator::pcr_accuracy, subject(), block_[i].at,
                 [off] { return fmt::format("PCR is {:+.0f} ns off its place in a constant rate", off / 27e-3); });
  }
  figures_.accuracy_last_s = greatest / 27e6;
}

void PcrMeter::compare_with_arrival(ts::ProgramTime time, ts::SteadyTime arrival) {
  if (!recovery_.feed(time, arrival) || !recovery_start_) {
    recovery_start_ = time;
    last_frequency_.reset();
    return;
  }
  const double late = std::chrono::duration<double>(arrival - recovery_.arrival_of(time)).count();
  latest_s_ = std::max(latest_s_.value_or(late), late);
  earliest_s_ = std::min(earliest_s_.value_or(late), late);
  if (time - *recovery_start_ >= frequency_known) measure_frequency(time);
}

void PcrMeter::close_jitter() {
  if (latest_s_) figures_.overall_jitter_s = *latest_s_ - *earliest_s_;
  latest_s_.reset();
  earliest_s_.reset();
}

void PcrMeter::measure_frequency(ts::ProgramTime time) {
  const double hz = recovery_.drift_ppm() * 27;
  figures_.frequency_offset_hz = hz;
  if (last_frequency_ && time - last_frequency_->time < drift_interval) return;
  if (last_frequency_) {
    figures_.drift_rate_hz_per_s = (hz - last_frequency_->hz) / seconds(time - last_frequency_->time);
  }
  last_frequency_ = {time, hz};
}

}  // namespace tsmon
