// Packets to a file or pipe, written by the caller's thread.
#pragma once

#include <vector>

#include "common/io/output_file.hpp"
#include "common/io/sink.hpp"

namespace io {

class FileSink final : public Sink {
 public:
  FileSink(const Endpoint& endpoint, const SinkOptions& options);

  void write(std::span<const ts::Packet> packets, const Stamp& stamp) override;
  void set_pcr_pid(std::optional<ts::Pid>) override {}
  void flush() override;
  void finish() override { write_out(); }
  SinkStatistics statistics() const override { return statistics_; }

 private:
  void write_out();
  void write_bytes(std::span<const std::uint8_t> bytes);
  bool wait_for_reader();

  const std::function<bool()> stopping_;
  OutputFile output_;
  std::vector<std::uint8_t> buffer_;
  ts::SteadyTime oldest_{};  // arrival of the first packet in buffer_
  SinkStatistics statistics_;
};

}  // namespace io
