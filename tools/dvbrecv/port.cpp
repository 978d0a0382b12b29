#include "tools/dvbrecv/port.hpp"

#include <exception>

#include "common/cli/log.hpp"

namespace dvbrecv {

void Port::write_section(ts::Pid pid, std::span<const std::uint8_t> section, const io::Stamp& stamp) {
  scratch_.clear();
  packetize(pid, section, scratch_);
  insert(scratch_, stamp);
}

void Port::packetize(ts::Pid pid, std::span<const std::uint8_t> section, std::vector<ts::Packet>& out) {
  packetizers_.try_emplace(pid, pid).first->second.packetize(section, out);
}

void Port::set_pcr_pid(std::optional<ts::Pid> pid) {
  if (sink_) sink_->set_pcr_pid(pid);
}

void Port::flush() {
  if (!sink_) return;
  try {
    sink_->flush();
  } catch (const std::exception& e) {
    fail(e);
  }
}

void Port::finish() {
  if (!sink_) return;
  try {
    sink_->finish();
  } catch (const std::exception& e) {
    fail(e);
  }
}

void Port::fail(const std::exception& e) {
  const bool broken_pipe = dynamic_cast<const io::BrokenPipe*>(&e) != nullptr;
  failure_ = broken_pipe ? name_ + ": its reader has gone" : e.what();
  last_statistics_ = sink_->statistics();
  sink_.reset();
  // A pipeline that needs no more (head) is no news.
  const bool is_quiet = broken_pipe && name_ == "-";
  cli::log(is_quiet ? cli::Priority::debug : cli::Priority::error, "{}; this output is closed", failure_);
}

}  // namespace dvbrecv
