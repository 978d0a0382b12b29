// The end of a cut: after its last packet, each stream goes on until its last unit is whole.
//
// Pictures end where none that is shown earlier is missing: before the first one that is shown after all that were
// taken. Sound and subtitles, sent after their pictures, go on until they have caught up.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"
#include "tools/tscut/stream_map.hpp"

namespace tscut {

class Tail {
 public:
  Tail() : streams_(ts::Pid::count) {}

  // A packet before the end; the last seconds are enough.
  void observe(const ts::Packet& packet, const StreamMap& map);
  // A packet after the end, in order: itself, its PCR alone, or a null packet.
  ts::Packet take(const ts::Packet& packet, const StreamMap& map);
  // Pictures and sound are whole; nothing more has to be taken.
  bool finished(const StreamMap& map) const;

 private:
  struct Stream {
    bool seen = false;
    bool closed = false;
    std::uint8_t counter = 0;          // of the last packet that was taken
    std::optional<ts::Timestamp> pts;  // video: the latest shown of those taken
    std::optional<ts::Timestamp> dts;
    ts::Ticks90 period{0};  // from one picture's DTS to the next
  };

  void picture(Stream& stream, ts::Timestamp pts, ts::Timestamp dts);
  bool closes(const ts::Packet& packet, const Stream& stream, const StreamMap& map) const;
  bool pictures_closed(const Programme& programme) const;
  // When the last picture of a programme has been shown; nothing while pictures are still taken, or without any.
  std::optional<ts::Timestamp> end_of(const Programme& programme) const;

  std::vector<Stream> streams_;
};

}  // namespace tscut
