#include "tools/dvbrecv/splitter.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace dvbrecv {
namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Splitter::Splitter(OpenSink open_sink, bool live, std::chrono::nanoseconds farewell)
    : open_sink_(std::move(open_sink)),
      live_(live),
      farewell_(farewell),
      routes_(1),
      tracker_([this](auto, auto) { tables_changed_ = true; }, {.events = false}),
      wake_at_(never) {
  tracker_.on_section([this](ts::Pid pid, const ts::Section& section) {
    sections_seen_ = true;
    for (auto& output : outputs_) {
      if (output.service) output.service->see(pid, section);
    }
  });
}

std::vector<std::string> Splitter::configure(const std::vector<OutputSpec>& specs) {
  std::vector<std::string> failures;
  const auto is_wanted = [&](const Output& output) {
    return std::ranges::find(specs, output.spec.place, &OutputSpec::place) != specs.end();
  };
  const auto first_unwanted = std::stable_partition(outputs_.begin(), outputs_.end(), is_wanted);
  std::for_each(first_unwanted, outputs_.end(), [this](Output& output) { retire(output); });
  outputs_.erase(first_unwanted, outputs_.end());

  for (const OutputSpec& spec : specs) {
    const auto known = std::ranges::find(outputs_, spec.place, [](const Output& o) { return o.spec.place; });
    if (known != outputs_.end()) {
      if (known->spec != spec) change(*known, spec);
      continue;
    }
    try {
      Output output{spec, std::make_unique<Port>(spec.name, open_sink_(spec)), nullptr};
      change(output, spec);
      outputs_.push_back(std::move(output));
    } catch (const std::exception& e) {
      failures.emplace_back(e.what());
    }
  }
  tables_changed(next_);
  return failures;
}

void Splitter::change(Output& output, const OutputSpec& spec) {
  if (output.service && spec.service) {
    output.service->reconfigure(spec);
  } else {
    output.service = spec.service ? std::make_unique<ServiceOutput>(spec, *output.port) : nullptr;
  }
  output.spec = spec;
}

void Splitter::retire(Output& output) {
  if (output.service) output.service->flush(next_);
  retired_.push_back({std::chrono::steady_clock::now() + farewell_, std::move(output.port)});
}

void Splitter::poll(ts::SteadyTime now) {
  std::erase_if(retired_, [now](Retired& retired) {
    if (retired.until > now) return false;
    retired.port->finish();
    return true;
  });
}

void Splitter::feed(const io::Chunk& chunk) {
  if (chunk.after_loss) tracker_.interrupt();
  next_.arrival = chunk.arrival;
  for (Port* const port : whole_) port->write(chunk.packets, next_);
  for (const ts::Packet& packet : chunk.packets) {
    if (next_.position >= wake_at_) keep_time(next_);
    take(packet, next_);
    ++next_.position;
  }
  statistics_.packets += chunk.packets.size();
}

void Splitter::flush() {
  for (auto& output : outputs_) output.port->flush();
  for (auto& retired : retired_) retired.port->flush();
}

void Splitter::take(const ts::Packet& packet, const io::Stamp& stamp) {
  if (!packet.has_sync()) [[unlikely]] {
    ++statistics_.bad_sync;
    return;
  }
  const ts::Pid pid = packet.pid();
  if (pid == ts::null_pid) ++statistics_.null_packets;
  bool is_broken = false;
  if (packet.transport_error()) [[unlikely]] {
    // It passes with its flag, but nothing in it is believed.
    ++statistics_.transport_errors;
  } else {
    if (clock_.feed(packet, stamp.position, live_ ? std::optional{stamp.arrival.steady} : std::nullopt)) schedule();
    is_broken = ts::Continuity::is_error(continuity_.check(packet).verdict);
    if (is_broken) {
      ++statistics_.continuity_errors;
      for (Port* const port : whole_) port->count_continuity_error();
    }
    if (routes_[route_of_[pid.value()]].is_tracked) look_into(packet, stamp);
  }
  for (const Target& target : routes_[route_of_[pid.value()]].targets) {
    if (is_broken) target.port->count_continuity_error();
    if (target.is_mapped) {
      ts::Packet copy = packet;
      copy.set_pid(target.pid);
      target.port->write({&copy, 1}, stamp);
    } else {
      target.port->write({&packet, 1}, stamp);
    }
  }
}

void Splitter::look_into(const ts::Packet& packet, const io::Stamp& stamp) {
  tracker_.feed(packet);
  if (tables_changed_) tables_changed(stamp);
  if (!std::exchange(sections_seen_, false)) return;
  const Moment now = moment(stamp);
  for (auto& output : outputs_) {
    if (output.service) output.service->repeat_seen(now);
  }
  schedule();
}

void Splitter::tables_changed(const io::Stamp& stamp) {
  tables_changed_ = false;
  const Moment now = moment(stamp);
  for (auto& output : outputs_) {
    if (output.service) output.service->update(tracker_, now);
  }
  build_routes();
  schedule();
}

void Splitter::keep_time(const io::Stamp& stamp) {
  const Moment now = moment(stamp);
  for (auto& output : outputs_) {
    if (output.service) output.service->keep_time(now);
  }
  schedule();
}

void Splitter::schedule() {
  std::optional<ts::ProgramTime> first;
  for (const auto& output : outputs_) {
    const auto due = output.service ? output.service->due() : std::nullopt;
    if (due && (!first || *due < *first)) first = due;
  }
  wake_at_ = first ? clock_.position_of(*first) : never;
}

Splitter::Route& Splitter::route(ts::Pid pid) {
  auto& index = route_of_[pid.value()];
  if (index == 0) {
    index = static_cast<std::uint16_t>(routes_.size());
    routes_.emplace_back();
  }
  return routes_[index];
}

void Splitter::build_routes() {
  route_of_.fill(0);
  routes_.resize(1);
  whole_.clear();
  track(ts::pat_pid);
  for (const auto& [spec, port, service] : outputs_) {
    if (service) {
      for (const auto& [from, to] : service->routes()) {
        route(from).targets.push_back({port.get(), to, from != to});
      }
      track(ts::sdt_pid);
      if (service->wants_cat()) track(ts::cat_pid);
      if (service->wants_eit()) track(ts::eit_pid);
      if (const auto* const known = tracker_.find(service->service())) track(known->pmt_pid);
    } else if (spec.pids.empty()) {
      whole_.push_back(port.get());
    } else {
      for (const ts::Pid pid : spec.pids) route(pid).targets.push_back({port.get(), pid, false});
    }
  }
}

void Splitter::finish() {
  for (auto& [spec, port, service] : outputs_) {
    if (service) service->flush(next_);
  }
  for (auto& [until, port] : retired_) port->finish();
  retired_.clear();
  for (auto& output : outputs_) output.port->finish();
}

}  // namespace dvbrecv
