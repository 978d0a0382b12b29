// Cuts a range out of a stream that is seen once, as it comes: a socket, a pipe, or a file of 192- or 204-byte packets.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/source.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/continuity.hpp"
#include "tools/tscut/head.hpp"
#include "tools/tscut/live_clock.hpp"
#include "tools/tscut/options.hpp"
#include "tools/tscut/output.hpp"
#include "tools/tscut/passage.hpp"
#include "tools/tscut/recording_cut.hpp"
#include "tools/tscut/start_finder.hpp"
#include "tools/tscut/stream_map.hpp"
#include "tools/tscut/summary.hpp"
#include "tools/tscut/write_queue.hpp"

namespace tscut {

class LiveCut {
 public:
  // All must live as long as this object.
  LiveCut(io::Source& source, const Options& options, const Surroundings& surroundings);

  // Throws std::runtime_error if nothing of the range came.
  Summary run();
  std::string text(ts::WallTime point) const { return clock_.text(point); }

 private:
  enum class State {
    seeking,     // for a random access point
    collecting,  // the zone that the head is made of
    writing,     // body and tail
  };

  void take(const io::Chunk& chunk);
  void take(const ts::Packet& packet);
  void seek(const ts::Packet& packet);
  bool may_start_without_picture() const;
  void start(std::uint64_t position);
  void collect(const ts::Packet& packet);
  void begin();
  bool is_done();
  bool is_over_without_packets() const;

  void follow_tables(const ts::Packet& packet);
  void note_loss();
  void check_continuity(const ts::Packet& packet);
  void note_silence(const ts::Arrival& arrival);
  void flush();
  void finish();
  void keep_what_is_written(std::exception_ptr error);
  [[noreturn]] void refuse_nothing() const;

  io::Source& source_;
  const Options& options_;
  const Surroundings& around_;
  LiveClock clock_;
  State state_ = State::seeking;
  bool source_ended_ = false;
  bool stopped_early_ = false;
  std::optional<ts::SteadyTime> stop_by_;

  psi::ServiceTracker tables_;
  bool tables_changed_ = false;
  StreamMap map_;
  StartFinder finder_;
  std::uint64_t position_ = 0;              // of the next packet
  std::vector<ts::Packet> recent_;          // while seeking: the packets before position_
  std::optional<std::uint64_t> seek_from_;  // the first packet of the range
  Point seek_began_;
  std::uint64_t start_ = 0;           // the first packet of the cut
  std::optional<std::uint64_t> end_;  // the first packet after the range
  std::optional<Zone> zone_;
  std::array<std::uint8_t, ts::Pid::count> counters_{};  // last one of each PID

  std::unique_ptr<Output> output_;
  std::optional<WriteQueue> queue_;
  std::optional<Passage> passage_;
  std::vector<ts::Packet> pending_;  // to be written; while collecting, as a draft
  ts::Continuity continuity_;
  io::SourceStatistics before_;
  std::string loss_cause_;
  Point loss_cause_until_;
  std::optional<ts::Arrival> last_arrival_;
  Summary summary_;
};

}  // namespace tscut
