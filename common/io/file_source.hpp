// Packets of a file, pipe, FIFO or device.
#pragma once

#include <memory>
#include <vector>

#include "common/io/file_descriptor.hpp"
#include "common/io/source.hpp"
#include "common/ts/synchronizer.hpp"

namespace io {

class FileSource final : public Source {
 public:
  FileSource(const Endpoint& endpoint, const SourceOptions& options);

  std::span<const Chunk> read(std::chrono::milliseconds timeout) override;
  bool ended() const override { return ended_; }
  bool is_live() const override { return false; }
  SourceStatistics statistics() const override;

 private:
  std::span<const Chunk> deliver(std::span<const ts::Packet> packets);
  // Bytes read behind those kept from the last time; 0 at the end, nothing if there are none yet.
  std::optional<std::size_t> fill(std::chrono::milliseconds timeout);

  const std::string name_;
  const sigset_t* const wait_mask_;
  FileDescriptor owned_;
  int fd_ = 0;
  bool regular_ = false;
  std::vector<std::uint8_t> buffer_;
  std::size_t kept_ = 0;  // bytes of an incomplete packet, moved to the front
  std::size_t filled_ = 0;
  bool more_ = false;  // the synchronizer may have more packets of what it was fed
  bool last_ = false;  // the end was read
  bool ended_ = false;
  bool overrun_ = false;
  ts::Arrival arrival_{};
  std::uint64_t bytes_ = 0;
  std::uint64_t skipped_before_ = 0;  // bytes skipped before the last chunk
  ts::Synchronizer synchronizer_;
  Chunk chunk_;
};

}  // namespace io
