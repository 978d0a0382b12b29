#include "tools/tsmux/intake.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace tsmux {
namespace {

using namespace std::chrono_literals;

// A feed without packets does not hold up the others of its file for longer than this.
constexpr ts::Ticks27 longest_wait = std::chrono::duration_cast<ts::Ticks27>(2s);
constexpr std::chrono::milliseconds patience{100};
// A feed whose time stands still, or has none, takes no more of a file than this at a time.
constexpr std::uint64_t most_read = 50'000, most_queued = 400'000;

}  // namespace

Intake::Intake(std::unique_ptr<io::Source> source, const Options& options, psi::ServiceTracker::ChangeHandler on_change,
               psi::ServiceTracker::SectionHandler on_section)
    : options_(options), tracker_(std::move(on_change), psi::ServiceTracker::Options{.events = false}), routes_(1) {
  tracker_.on_section(std::move(on_section));
  if (options_.live) {
    reader_ = std::make_unique<LiveReader>(std::move(source), options_.queue);
  } else {
    source_ = std::move(source);
  }
}

void Intake::set_feeds(std::vector<ServiceFeed*> feeds) {
  feeds_ = std::move(feeds);
  routes_.resize(1);
  route_of_.fill(0);
  for (unsigned value = 0; value < ts::Pid::count; ++value) {
    std::vector<ServiceFeed*> takers;
    for (ServiceFeed* feed : feeds_) {
      if (feed->wants(ts::Pid{value})) takers.push_back(feed);
    }
    if (takers.empty()) continue;
    route_of_[value] = static_cast<std::uint16_t>(routes_.size());
    routes_.push_back(std::move(takers));
  }
}

void Intake::feed(std::span<const ts::Packet> packets, ts::SteadyTime arrival, bool after_loss) {
  if (after_loss) tracker_.interrupt();
  packets_ += packets.size();
  for (const ts::Packet& packet : packets) {
    const std::uint64_t position = position_++;
    if (!packet.has_sync()) continue;
    const ts::Pid pid = packet.pid();
    if (pid == ts::null_pid) continue;
    if (tracker_.wants(pid) && !packet.transport_error()) tracker_.feed(packet);
    if (packet.has_adaptation() && !has_pcr(pid) && !packet.transport_error() && packet.pcr()) {
      has_pcr_.set(pid.value());
      if (!any_pcr_pid_) any_pcr_pid_ = pid;
    }
    // What is only looked at comes again.
    if (const auto route = route_of_[pid.value()]; route != 0 && !looking_) {
      for (ServiceFeed* feed : routes_[route]) feed->feed(packet, position, arrival);
    }
  }
}

void Intake::poll(ts::SteadyTime now) {
  if (!options_.live) return;
  const bool is_last = reader_->ended();
  for (const LiveReader::Block& block : reader_->take()) {
    last_arrival_ = block.arrival.steady;
    feed(block.packets, block.arrival.steady, block.after_loss);
  }
  for (ServiceFeed* feed : feeds_) feed->poll(now);
  if (is_last && !ended_) end(reader_->failure());
}

bool Intake::read(std::chrono::milliseconds timeout) try {
  const auto chunks = source_->read(timeout);
  for (const io::Chunk& chunk : chunks) {
    if (looking_) {
      seen_.push_back({{chunk.packets.begin(), chunk.packets.end()}, chunk.arrival.steady, chunk.after_loss});
    }
    feed(chunk.packets, chunk.arrival.steady, chunk.after_loss);
  }
  if (chunks.empty() && source_->ended()) end({});
  return !chunks.empty();
} catch (const std::exception& error) {
  end(error.what());
  return false;
}

void Intake::end(const std::string& failure) {
  ended_ = true;
  failure_ = failure;
  for (ServiceFeed* feed : feeds_) feed->finish();
}

bool Intake::have(mux::MultiplexTime until) const {
  if (feeds_.empty()) return true;
  mux::MultiplexTime least = mux::MultiplexTime::max(), greatest = mux::MultiplexTime::min();
  for (const ServiceFeed* feed : feeds_) {
    const auto fed = feed->is_running() ? feed->fed_until() : mux::MultiplexTime{};
    if (feed->queued() > most_queued) return true;
    least = std::min(least, fed);
    greatest = std::max(greatest, fed);
  }
  return least >= until || greatest >= until + longest_wait;
}

void Intake::begin_again() {
  tracker_.interrupt();
  position_ = packets_ = 0;
  for (const Seen& seen : std::exchange(seen_, {})) feed(seen.packets, seen.arrival, seen.after_loss);
  if (!ended_) return;
  for (ServiceFeed* feed : feeds_) feed->finish();
}

void Intake::need(mux::MultiplexTime until) {
  if (!seen_.empty() && !feeds_.empty()) begin_again();
  const std::uint64_t last = packets_ + most_read;
  while (!options_.live && !ended_ && packets_ < last && !have(until)) {
    if (!read(options_.may_block ? patience : 0ms)) return;
  }
}

void Intake::read_until(const std::function<bool()>& enough, std::uint64_t most) {
  if (options_.live || looked_through_) return;
  looking_ = true;
  const auto timeout = options_.may_block ? patience : 0ms;
  while (!ended_ && packets_ < most && !enough() && read(timeout)) {
  }
  looking_ = false;
  looked_through_ = packets_ >= most;
}

std::string Intake::trouble() const { return reader_ ? reader_->trouble() : source_->trouble(); }

Intake::Figures Intake::figures() const {
  const io::SourceStatistics source = reader_ ? reader_->statistics() : source_->statistics();
  return {.packets = packets_,
          .sync_losses = source.sync_losses,
          .skipped_bytes = source.skipped_bytes,
          .dropped = reader_ ? reader_->dropped() : 0,
          .socket_drops = source.socket_drops,
          .rtp_lost = source.rtp_lost,
          .srt_lost = source.srt_lost};
}

}  // namespace tsmux
