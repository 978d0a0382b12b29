// Makes a segment that its recorder did not complete whole: TS cut to whole packets, index to match.
#pragma once

#include <optional>

#include "common/ring/segment_file.hpp"

namespace ring {

// Nothing if there is not one packet in it; it is deleted then. Throws std::system_error.
std::optional<SegmentSummary> repair_segment(const SegmentFile& file);

}  // namespace ring
