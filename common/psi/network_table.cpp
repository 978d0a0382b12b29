// Makes the NIT (EN 300 468 5.2.1).
#include <algorithm>
#include <utility>

#include "common/psi/section_parts.hpp"
#include "common/psi/section_writer.hpp"
#include "common/psi/tables.hpp"

namespace psi {
namespace {

constexpr std::size_t descriptor_header_size = 2;
constexpr std::uint8_t first_private_tag = 0x80;  // by private_data_specifier, table 12

// One section after another, each with the loop of transport streams that it has begun.
class NitWriter {
 public:
  explicit NitWriter(const Nit& nit)
      : begin_(begin_section(nit.actual ? table_id::nit_actual : table_id::nit_other, si_syntax, nit.network_id,
                             nit.version)) {
    begin(nit.descriptors);
  }

  void add(const Nit::Stream& stream) {
    const Descriptor* specifier = nullptr;
    if (entry_header_size > room()) next_section();
    open(stream);
    for (const Descriptor& descriptor : stream.descriptors) {
      if (descriptor.data.size() > 0xFF) continue;
      if (descriptor.tag == tag::private_data_specifier) specifier = &descriptor;
      const std::size_t size = descriptor_header_size + descriptor.data.size();
      if (size > room()) {
        next_section();
        open(stream);
        // What it says of the private descriptors behind it ends with the loop that it is in (6.2.31).
        if (specifier != nullptr && descriptor.tag >= first_private_tag) put(*specifier);
      }
      put(descriptor);
    }
  }

  std::vector<SectionBytes> finish() {
    close_loop();
    finish_sections(sections_);
    return std::move(sections_);
  }

 private:
  static constexpr std::size_t entry_header_size = 6;

  SectionBytes& section() { return sections_.back(); }
  std::size_t room() { return largest_section - crc_size - section().size(); }

  void begin(const Descriptors& network) {
    sections_.push_back(begin_);
    put_descriptors(section(), 0xF, network, largest_section - crc_size - 2);
    loop_ = section().size();
    put16(section(), 0xF000u);
  }

  void next_section() {
    close_loop();
    begin({});
  }

  void open(const Nit::Stream& stream) {
    put16(section(), stream.transport_stream_id);
    put16(section(), stream.original_network_id);
    entry_ = section().size();
    put16(section(), 0xF000u);
  }

  void put(const Descriptor& descriptor) {
    put_descriptor(section(), descriptor);
    set_length(entry_);
  }

  void close_loop() { set_length(loop_); }
  void set_length(std::size_t at) {
    const std::size_t length = section().size() - at - 2;
    section()[at] = static_cast<std::uint8_t>(0xF0 | length >> 8);
    section()[at + 1] = static_cast<std::uint8_t>(length);
  }

  SectionBytes begin_;
  std::vector<SectionBytes> sections_;
  std::size_t loop_ = 0;   // where transport_stream_loop_length is
  std::size_t entry_ = 0;  // and transport_descriptors_length
};

}  // namespace

std::vector<SectionBytes> sections(const Nit& nit) {
  NitWriter writer{nit};
  for (const Nit::Stream& stream : nit.streams) writer.add(stream);
  return writer.finish();
}

}  // namespace psi
