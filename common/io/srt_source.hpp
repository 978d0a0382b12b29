// Packets of an SRT connection.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/io/file_descriptor.hpp"
#include "common/io/payload_parser.hpp"
#include "common/io/source.hpp"
#include "common/io/srt_link.hpp"

namespace io {

class SrtSource final : public Source {
 public:
  SrtSource(const Endpoint& endpoint, const SourceOptions& options);

  std::span<const Chunk> read(std::chrono::milliseconds timeout) override;
  bool ended() const override { return false; }
  bool is_live() const override { return true; }
  SourceStatistics statistics() const override;
  std::string trouble() const override { return link_.trouble(); }

 private:
  // Messages one after another, with what is known of each.
  struct Batch {
    struct Item {
      std::size_t size;
      ts::Arrival arrival;
      bool after_loss;
    };
    void clear();

    std::vector<std::uint8_t> bytes;
    std::vector<Item> items;
  };

  bool wait(std::chrono::nanoseconds timeout);
  void take(const SrtLink::Message& message);  // the link's thread

  const SourceOptions options_;
  FileDescriptor filled_;  // an eventfd: filling_ is not empty
  ts::SteadyTime last_drain_{};
  Batch reading_;
  std::vector<Chunk> chunks_;
  PayloadParser parser_;
  std::uint64_t bytes_ = 0, messages_ = 0;

  mutable std::mutex mutex_;
  Batch filling_;
  std::uint64_t lost_ = 0, dropped_ = 0;
  std::optional<std::int32_t> last_sequence_;  // the link's thread's
  bool after_loss_ = false;                    // the link's thread's
  SrtLink link_;                               // last, so that its thread ends first
};

}  // namespace io
