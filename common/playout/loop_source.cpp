#include "common/playout/loop_source.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include "common/io/sink.hpp"
#include "common/io/thread.hpp"

namespace playout {

namespace {

class BufferSink final : public io::Sink {
 public:
  explicit BufferSink(PacketBuffer& buffer) : buffer_(buffer) {}
  void write(std::span<const ts::Packet> packets, const io::Stamp&) override { buffer_.write(packets); }
  void set_pcr_pid(std::optional<ts::Pid>) override {}
  void flush() override {}
  void finish() override {}
  io::SinkStatistics statistics() const override { return {}; }

 private:
  PacketBuffer& buffer_;
};

const std::string& checked_path(const io::Endpoint& file) {
  if (file.kind != io::Endpoint::Kind::path || is_read_once(file.path)) {
    throw std::invalid_argument(file.text + ": can be read once only: a file is needed to play it again and again");
  }
  return file.path;
}

}  // namespace

LoopSource::LoopSource(const io::Endpoint& file, LoopOptions options)
    : buffer_(options.buffer_bytes / ts::packet_size),
      playout_(
          {{checked_path(file)}, options.turns}, [file](const std::string&) { return io::open_source(file); },
          [this] { return stopping_.load(); }, [] {}, std::move(options.teller)) {
  playout_.check();
  thread_ = io::start_thread("loop", [this] { play(); });
}

LoopSource::~LoopSource() {
  stopping_ = true;
  buffer_.stop();
  thread_.join();
}

void LoopSource::play() try {
  BufferSink sink{buffer_};
  playout_.run(sink);
  const std::string& problem = playout_.last_problem();
  buffer_.finish(problem.empty() ? nullptr : std::make_exception_ptr(std::runtime_error(problem)));
} catch (...) {
  buffer_.finish(std::current_exception());
}

std::span<const io::Chunk> LoopSource::read(std::chrono::milliseconds timeout) {
  const auto packets = buffer_.read(timeout);
  if (packets.empty()) return {};
  statistics_.packets += packets.size();
  statistics_.bytes += packets.size_bytes();
  chunk_ = {packets, {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}};
  return {&chunk_, 1};
}

}  // namespace playout
