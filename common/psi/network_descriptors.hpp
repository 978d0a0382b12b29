// Descriptors that a multiplex says of itself in NIT and SDT (EN 300 468 6.2).
//
// Texts are UTF-8, and cut where they are too long. What does not fit into one descriptor is given in several.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/psi/descriptor.hpp"
#include "common/psi/tables.hpp"

namespace psi {

Descriptor network_name_descriptor(const std::string& name);     // 6.2.27
Descriptor service_descriptor(const ServiceName& service_name);  // 6.2.33

struct ListedService {
  ServiceId service;
  std::uint8_t type = 0;  // as in the service descriptor
};
Descriptors service_list_descriptors(std::span<const ListedService> services);  // 6.2.35

struct LogicalChannel {
  ServiceId service;
  std::uint16_t number = 0;  // to 1023
  bool visible = true;
};
// logical_channel_descriptor of EACEM (IEC 62216 9.1.3), behind the private_data_specifier that makes it one.
Descriptors logical_channel_descriptors(std::span<const LogicalChannel> channels);

}  // namespace psi
