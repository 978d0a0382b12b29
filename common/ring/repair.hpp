// Makes a segment that its recorder did not complete whole: TS cut to whole packets, index to match.
#pragma once

#include "common/ring/segment_file.hpp"

namespace ring {

struct Repair {
  enum class Outcome {
    whole,
    deleted,  // there was not one packet in it
    left,     // nothing says that it is a segment: it is somebody's file of that name
  };
  Outcome outcome = Outcome::left;
  SegmentSummary summary;  // if whole
};

// Throws std::system_error.
Repair repair_segment(const SegmentFile& file);

}  // namespace ring
