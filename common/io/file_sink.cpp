#include "common/io/file_sink.hpp"

#include <chrono>
#include <thread>

namespace io {

namespace {

constexpr std::size_t buffer_size = 128 * 1024 / ts::packet_size * ts::packet_size;
// What a pipe's reader waits for at most, should flush() not be called.
constexpr auto longest_hold = std::chrono::milliseconds{20};
constexpr auto reader_poll = std::chrono::milliseconds{50};

}  // namespace

FileSink::FileSink(const Endpoint& endpoint, const SinkOptions& options)
    : stopping_(options.stopping ? options.stopping : [] { return false; }), output_(endpoint) {
  buffer_.reserve(buffer_size);
}

void FileSink::write(std::span<const ts::Packet> packets, const Stamp& stamp) {
  statistics_.packets += packets.size();
  const auto bytes = ts::bytes_of(packets);
  if (buffer_.size() + bytes.size() > buffer_size) write_out();
  if (bytes.size() >= buffer_size) return write_bytes(bytes);
  if (buffer_.empty()) oldest_ = stamp.arrival.steady;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (stamp.arrival.steady - oldest_ > longest_hold) flush();
}

void FileSink::flush() {
  if (!output_.is_regular()) write_out();
}

void FileSink::write_out() {
  if (buffer_.empty()) return;
  write_bytes(buffer_);
  buffer_.clear();
}

void FileSink::write_bytes(std::span<const std::uint8_t> bytes) {
  const auto result = wait_for_reader() ? output_.write(bytes, stopping_) : OutputFile::Result::gave_up;
  if (result == OutputFile::Result::reader_gone) throw BrokenPipe();
  if (result == OutputFile::Result::written) {
    statistics_.bytes += bytes.size();
  } else {
    statistics_.dropped_packets += bytes.size() / ts::packet_size;
  }
}

// Of a FIFO. False when told to stop.
bool FileSink::wait_for_reader() {
  while (!output_.try_open()) {
    if (stopping_()) return false;
    std::this_thread::sleep_for(reader_poll);  // no call tells when a FIFO gets a reader, but open() that blocks
  }
  return true;
}

}  // namespace io
