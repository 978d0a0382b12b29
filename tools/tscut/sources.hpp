// What the SOURCE operands are: a recording that can be looked at anywhere, or a stream that is seen once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/endpoint.hpp"
#include "common/ring/recording.hpp"

namespace tscut {

struct Sources {
  // One of them.
  std::unique_ptr<ring::Recording> recording;
  std::optional<io::Endpoint> stream;
};

// Throws std::runtime_error that names the operand and says why it is neither, or does not go with the others.
Sources open_sources(const std::vector<std::string>& operands);

// Throws std::runtime_error if writing to `output` would write into one of the operands: a file of them, or a
// recording's directory.
void refuse_overwriting(const std::vector<std::string>& operands, const std::string& output);

}  // namespace tscut
