#include "tools/tsmux/service_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/psi/elementary_stream.hpp"
#include "common/psi/network_descriptors.hpp"

namespace tsmux {
namespace {

// EN 300 468 table 87.
namespace service_type {
constexpr std::uint8_t television = 0x01, radio = 0x02, data = 0x0C, hevc_television = 0x1F;
}
// EN 300 468 table 6.
constexpr std::uint8_t not_running = 1, running = 4;

std::uint8_t guessed_type(const psi::Pmt& pmt) {
  std::uint8_t type = service_type::data;
  for (const auto& stream : pmt.streams) {
    const auto what = psi::describe(stream);
    if (what.kind == psi::StreamKind::video) {
      return what.codec == "hevc" ? service_type::hevc_television : service_type::television;
    }
    if (what.kind == psi::StreamKind::audio) type = service_type::radio;
  }
  return type;
}

bool names_conditional_access(const psi::Pmt& pmt) {
  const auto has_ca = [](const auto& loop) { return psi::find(loop.descriptors, psi::tag::conditional_access); };
  return has_ca(pmt) != nullptr || std::ranges::any_of(pmt.streams, has_ca);
}

psi::Descriptor named(const psi::Descriptors& descriptors, const InputSpec& input, const psi::Pmt& pmt) {
  auto name = psi::service_name(descriptors)
                  .value_or(psi::ServiceName{guessed_type(pmt), {}, fmt::format("Service {}", pmt.service.value())});
  name.service_type = input.service_type.value_or(name.service_type);
  name.provider = input.provider.value_or(name.provider);
  name.name = input.service_name.value_or(name.name);
  return psi::service_descriptor(name);
}

// In the place of the source's, as other descriptors may follow an order.
void set_service_descriptor(psi::Descriptors& descriptors, psi::Descriptor descriptor) {
  const auto known = std::ranges::find(descriptors, psi::tag::service, &psi::Descriptor::tag);
  if (known != descriptors.end()) {
    *known = std::move(descriptor);
  } else {
    descriptors.insert(descriptors.begin(), std::move(descriptor));
  }
}

}  // namespace

psi::Pmt multiplex_pmt(const psi::Pmt& source, const InputSpec& input, const ServiceIds& ids,
                       std::span<const psi::Pmt::Stream> grafted) {
  psi::Pmt pmt = input.without_dropped(source);
  std::erase_if(pmt.streams, [&](const auto& stream) { return !ids.pids.contains(stream.pid); });
  pmt.service = ids.service;
  pmt.version = 0;
  pmt.pcr_pid = psi::mapped(ids.pids, pmt.pcr_pid);
  psi::map_ca_pids(pmt.descriptors, ids.pids);
  for (auto& stream : pmt.streams) {
    stream.pid = psi::mapped(ids.pids, stream.pid);
    psi::map_ca_pids(stream.descriptors, ids.pids);
  }
  pmt.streams.insert(pmt.streams.end(), grafted.begin(), grafted.end());
  return pmt;
}

std::vector<psi::Pmt::Stream> grafted_streams(const psi::Pmt& source, const std::set<ts::Pid>& pids,
                                              const psi::PidMap& map) {
  std::vector<psi::Pmt::Stream> out;
  for (psi::Pmt::Stream stream : source.streams) {
    const auto pid = map.find(stream.pid);
    if (!pids.contains(stream.pid) || pid == map.end()) continue;
    stream.pid = pid->second;
    std::ranges::copy_if(source.descriptors, std::back_inserter(stream.descriptors),
                         [](const auto& descriptor) { return descriptor.tag == psi::tag::conditional_access; });
    psi::map_ca_pids(stream.descriptors, map);
    out.push_back(std::move(stream));
  }
  return out;
}

psi::Sdt::Service sdt_entry(const std::optional<psi::Sdt::Service>& source, const InputSpec& input, const psi::Pmt& pmt,
                            const ServiceState& state) {
  psi::Sdt::Service entry = source.value_or(psi::Sdt::Service{});
  entry.service = pmt.service;
  entry.running_status = state.running ? running : not_running;
  entry.eit_present_following = state.eit_present_following;
  entry.eit_schedule = state.eit_schedule;
  if (!source) entry.free_ca_mode = names_conditional_access(pmt);
  const bool is_renamed = input.service_name || input.provider || input.service_type;
  if (is_renamed || !psi::service_name(entry.descriptors)) {
    set_service_descriptor(entry.descriptors, named(entry.descriptors, input, pmt));
  }
  return entry;
}

psi::Pat multiplex_pat(std::uint16_t transport_stream_id, std::vector<psi::Pat::Entry> services) {
  std::ranges::sort(services, {}, &psi::Pat::Entry::service);
  return {.transport_stream_id = transport_stream_id,
          .version = 0,
          .network_pid = ts::nit_pid,
          .services = std::move(services)};
}

psi::Cat merged_cat(std::span<const MappedCat> cats) {
  psi::Cat out;
  for (const auto& [cat, pids] : cats) {
    psi::Descriptors descriptors = cat->descriptors;
    psi::map_ca_pids(descriptors, pids);
    for (auto& descriptor : descriptors) {
      if (std::ranges::find(out.descriptors, descriptor) == out.descriptors.end()) {
        out.descriptors.push_back(std::move(descriptor));
      }
    }
  }
  return out;
}

}  // namespace tsmux
