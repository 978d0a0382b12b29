#include "common/io/source.hpp"

#include "common/io/datagram_source.hpp"
#include "common/io/file_source.hpp"
#include "common/io/srt_source.hpp"

namespace io {

std::unique_ptr<Source> open_source(const Endpoint& endpoint, const SourceOptions& options) {
  switch (endpoint.kind) {
    case Endpoint::Kind::udp:
    case Endpoint::Kind::rtp:
      return std::make_unique<DatagramSource>(endpoint, options);
    case Endpoint::Kind::srt:
      return std::make_unique<SrtSource>(endpoint, options);
    default:
      return std::make_unique<FileSource>(endpoint, options);
  }
}

}  // namespace io
