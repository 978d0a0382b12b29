// Follows the sections of one PID and remembers where in which packets their bytes lie, so that they can be changed
// in place.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"

namespace playout {

class SectionTracer {
 public:
  // A part of a section: `size` bytes at `offset` of the packet at `position`.
  struct Piece {
    std::uint64_t position;
    std::size_t offset, size;
  };
  // The views live for the call.
  using Handler = std::function<void(std::span<const std::uint8_t> section, std::span<const Piece> pieces)>;

  // `packet` is one of the PID, in the clear. A jump of its counter drops the section that was begun.
  void feed(const ts::Packet& packet, std::uint64_t position, const Handler& handler);
  // The parts of a section that has not ended yet; empty if there is none.
  std::span<const Piece> unfinished() const { return pieces_; }

 private:
  void take(const ts::Packet& packet, std::uint64_t position, std::size_t offset, std::size_t size);
  std::size_t missing() const;
  void drop();

  std::vector<std::uint8_t> bytes_;
  std::vector<Piece> pieces_;
  int last_counter_ = -1;
};

}  // namespace playout
