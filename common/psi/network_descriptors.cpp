#include "common/psi/network_descriptors.hpp"

#include <algorithm>

#include "common/psi/section_parts.hpp"

namespace psi {
namespace {

constexpr std::size_t largest_data = 255;

void put_field(std::vector<std::uint8_t>& out, const std::vector<std::uint8_t>& field) {
  out.push_back(static_cast<std::uint8_t>(field.size()));
  out.insert(out.end(), field.begin(), field.end());
}

// Entries of `size` bytes each, as many descriptors as they take.
template <typename Entry, typename Put>
Descriptors in_descriptors(std::uint8_t tag, std::span<const Entry> entries, std::size_t size, Put put) {
  Descriptors out;
  for (const Entry& entry : entries) {
    if (out.empty() || out.back().data.size() + size > largest_data) out.push_back({tag, {}});
    put(out.back().data, entry);
  }
  return out;
}

}  // namespace

Descriptor network_name_descriptor(const std::string& name) {
  return {tag::network_name, to_dvb_text(name, largest_data)};
}

Descriptor service_descriptor(const ServiceName& service_name) {
  constexpr std::size_t room = largest_data - 3;  // type and two lengths
  // The name, which viewers see, goes before the provider.
  const auto name = to_dvb_text(service_name.name, room);
  Descriptor out{tag::service, {service_name.service_type}};
  put_field(out.data, to_dvb_text(service_name.provider, room - name.size()));
  put_field(out.data, name);
  return out;
}

Descriptors service_list_descriptors(std::span<const ListedService> services) {
  return in_descriptors(tag::service_list, services, 3, [](auto& out, const ListedService& listed) {
    put16(out, listed.service.value());
    out.push_back(listed.type);
  });
}

Descriptors logical_channel_descriptors(std::span<const LogicalChannel> channels) {
  Descriptors out = in_descriptors(tag::logical_channel, channels, 4, [](auto& data, const LogicalChannel& channel) {
    constexpr unsigned reserved = 0x7C00;
    put16(data, channel.service.value());
    put16(data, (channel.visible ? 0x8000u : 0u) | reserved | (channel.number & 0x3FFu));
  });
  if (!out.empty()) out.insert(out.begin(), {tag::private_data_specifier, {0x00, 0x00, 0x00, 0x28}});  // EACEM
  return out;
}

}  // namespace psi
