// Cuts a range out of a recording: a ring, also one that is being written, or files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ring/recording.hpp"
#include "tools/tscut/options.hpp"
#include "tools/tscut/output.hpp"
#include "tools/tscut/packet_reader.hpp"
#include "tools/tscut/passage.hpp"
#include "tools/tscut/start.hpp"
#include "tools/tscut/summary.hpp"
#include "tools/tscut/timeline.hpp"

namespace tscut {

// What the cut needs from its surroundings.
struct Surroundings {
  std::function<bool()> stopping;                                // a signal came: finish with what there is
  std::function<void()> wait;                                    // a moment, for the recorder to write more
  std::function<ts::Arrival()> now;                              // by this host's clocks
  std::function<void(const Summary&, const PointText&)> report;  // how far it has come
  std::function<std::unique_ptr<Output>()> open_output;  // called once it is known that there is something to write
};

class RecordingCut {
 public:
  // All must live as long as this object.
  RecordingCut(ring::Recording& recording, const Options& options, const Surroundings& surroundings);

  // Throws std::runtime_error if nothing of the range exists.
  Summary run();
  std::string text(ts::WallTime point) const { return timeline_->text(point); }

 private:
  void wait_for_first_packets();
  void resolve_range();
  void find_start();
  [[noreturn]] void refuse_empty_range() const;

  void write_head();
  ring::Position read_zone(Zone& zone);
  unsigned next_counter(ring::Position from, ts::Pid pid);
  void write_body();
  bool interrupted() const;
  void copy(ring::Position from, ring::Position to);
  void copy_piece(const Piece& piece);
  void write_tail();

  // Looks for the end of the range in what has been recorded by now.
  void look_for_end();
  // True if there may be more to read than before; false if no more will come.
  bool wait_for_more();
  bool wait_for_tail();
  void note_missing();
  void note_gaps(Point from, Point to);
  void note_other_passages();
  std::string why_it_ended() const;
  void write(std::vector<ts::Packet>& packets);
  void report();

  ring::Recording& recording_;
  const Options& options_;
  const Surroundings& around_;
  std::optional<Timeline> timeline_;
  PacketReader reader_;
  std::unique_ptr<Output> output_;
  std::optional<Passage> passage_;

  Point from_, to_;  // as asked for
  Start start_;
  ring::Position at_;                  // the next packet
  std::optional<ring::Position> end_;  // none: it lies in the future
  ring::Position wanted_;              // the packet that was asked for
  bool recorder_seen_;                 // a recorder is, or was, at work
  bool patience_said_ = false;
  bool recorder_left_ = false;
  bool ends_in_zone_ = false;
  bool reaches_future_ = false;   // of a recording that goes on: more will come
  std::uint64_t tail_reach_ = 0;  // packets in the time that streams take to be completed
  Summary summary_;
};

}  // namespace tscut
