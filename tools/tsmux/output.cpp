#include "tools/tsmux/output.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tsmux {

Output::Output(const Options& options, const TimeBase& time_base, std::function<bool()> stopping)
    : time_base_(time_base), pacer_(io::Pacer::Options{.realtime = options.realtime}) {
  io::SinkOptions sink;
  sink.live = options.live;
  sink.due = [this](std::uint64_t position) { return due(position); };
  sink.pacer = &pacer_;
  sink.stopping = std::move(stopping);
  sink_ = io::open_sink(options.endpoint, sink);
}

ts::SteadyTime Output::due(std::uint64_t position) const {
  return time_base_.steady(times_[static_cast<std::size_t>(position - first_)]);
}

void Output::write(std::span<const ts::Packet> packets, std::span<const mux::MultiplexTime> times) {
  if (packets.empty()) return;
  times_ = times;
  first_ = std::exchange(next_, next_ + packets.size());
  sink_->write(packets, {first_, {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}});
}

}  // namespace tsmux
