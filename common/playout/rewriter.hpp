// Makes packets of file after file one stream: continuity counters go on, clocks and time stamps are moved.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/playout/pass.hpp"
#include "common/ts/packet.hpp"

namespace playout {

class Rewriter {
 public:
  // The packets that come now are another file's, after a join.
  void begin_file();
  bool is_first_file() const { return file_ == 1; }
  // `packet` is the one at `position` of the file. What it brings that began before the file is blanked after a join.
  void rewrite(Pass& pass, ts::Packet& packet, std::uint64_t position);
  // Of packets between the files: the counter only.
  void count(ts::Packet& packet);

  std::uint64_t blanked() const { return blanked_; }

 private:
  struct Stream {
    std::uint64_t file = 0;   // which file it was last seen in
    std::uint8_t offset = 0;  // from the file's counter to the one sent
    std::uint8_t last = 0;    // counter sent
    bool seen = false;        // at all
    bool counting = false;    // `offset` is this file's
    bool started = false;     // a PES packet or section has begun in this file
  };
  bool is_orphan(const Pass& pass, const ts::Packet& packet, Stream& stream) const;
  static void count_on(ts::Packet& packet, Stream& stream);
  static void move_times(Pass& pass, ts::Packet& packet, std::uint64_t position);

  std::array<Stream, ts::Pid::count> streams_{};
  std::uint64_t file_ = 1;  // numbers the files
  std::uint64_t blanked_ = 0;
};

}  // namespace playout
