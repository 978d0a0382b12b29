#include "tools/tsmon/network_meter.hpp"

#include <algorithm>

namespace tsmon {
namespace {

// RFC 4445 3.1: typically one second.
constexpr std::chrono::seconds interval_length{1};
// Enough for 400 Mb/s in datagrams of 7 packets; of faster streams an interval is shorter.
constexpr std::size_t most_datagrams = 38000;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void NetworkMeter::feed(std::span<const io::Chunk> chunks, std::optional<double> media_rate) {
  for (const io::Chunk& chunk : chunks) {
    if (!interval_start_) interval_start_ = chunk.arrival.steady;
    const auto passed = chunk.arrival.steady - *interval_start_;
    if (passed >= interval_length || interval_.size() >= most_datagrams)
      close_interval(chunk.arrival.steady, media_rate);
    arrive(chunk);
  }
}

void NetworkMeter::arrive(const io::Chunk& chunk) {
  const ts::SteadyTime now = chunk.arrival.steady;
  if (last_) {
    const double distance = std::max(seconds(now - *last_), 0.0);
    distance_sum_s_ += distance;
    figures_.mean_distance_s = distance_sum_s_ / static_cast<double>(++distances_);
    figures_.least_distance_s = std::min(figures_.least_distance_s.value_or(distance), distance);
    figures_.greatest_distance_s = std::max(figures_.greatest_distance_s.value_or(distance), distance);
    interval_greatest_s_ = std::max(interval_greatest_s_, distance);
  }
  last_ = now;
  interval_bytes_ += chunk.packets.size_bytes();
  interval_.push_back({now, interval_bytes_});
}

// The fullness of a buffer that datagrams fill at once and that is drained at the media rate: how far it goes up and
// down, in the time that the media rate needs for it.
void NetworkMeter::close_interval(ts::SteadyTime now, std::optional<double> media_rate) {
  const double length = seconds(now - *interval_start_);
  figures_.last_greatest_distance_s = interval_greatest_s_;
  const double rate = media_rate ? *media_rate / 8 : static_cast<double>(interval_bytes_) / length;  // bytes/s
  if (rate > 0 && interval_.size() > 1) {
    double least = 0, greatest = 0;
    std::uint64_t before = 0;
    for (const Datagram& datagram : interval_) {
      const double drained = rate * seconds(datagram.at - *interval_start_);
      least = std::min(least, static_cast<double>(before) - drained);
      greatest = std::max(greatest, static_cast<double>(datagram.bytes) - drained);
      before = datagram.bytes;
    }
    figures_.delay_factor_s = (greatest - least) / rate;
    figures_.greatest_delay_factor_s = std::max(figures_.greatest_delay_factor_s.value_or(0), *figures_.delay_factor_s);
  }
  if (length > 0) {
    figures_.loss_rate = static_cast<double>(lost_ - std::min(lost_, lost_before_)) / length;
    figures_.greatest_loss_rate = std::max(figures_.greatest_loss_rate.value_or(0), *figures_.loss_rate);
  }
  lost_before_ = lost_;
  interval_.clear();
  interval_bytes_ = 0;
  interval_greatest_s_ = 0;
  interval_start_ = now;
}

}  // namespace tsmon
