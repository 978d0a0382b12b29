#include "tools/tsmon/indicator.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace tsmon {
namespace {

using enum Indicator;

constexpr std::array<IndicatorInfo, indicator_count> table{{
    {sync_loss, "1.1", "TS_sync_loss", 1},
    {sync_byte, "1.2", "Sync_byte_error", 1},
    {pat, "1.3.a", "PAT_error_2", 1},
    {continuity, "1.4", "Continuity_count_error", 1},
    {pmt, "1.5.a", "PMT_error_2", 1},
    {pid, "1.6", "PID_error", 1},
    {transport, "2.1", "Transport_error", 2},
    {crc, "2.2", "CRC_error", 2},
    {pcr_repetition, "2.3.a", "PCR_repetition_error", 2},
    {pcr_discontinuity, "2.3.b", "PCR_discontinuity_indicator_error", 2},
    {pcr_accuracy, "2.4", "PCR_accuracy_error", 2},
    {pts, "2.5", "PTS_error", 2},
    {cat, "2.6", "CAT_error", 2},
    {nit_actual, "3.1.a", "NIT_actual_error", 3},
    {nit_other, "3.1.b", "NIT_other_error", 3},
    {si_repetition, "3.2", "SI_repetition_error", 3},
    {buffer, "3.3", "Buffer_error", 3},
    {unreferenced_pid, "3.4.a", "Unreferenced_PID", 3},
    {sdt_actual, "3.5.a", "SDT_actual_error", 3},
    {sdt_other, "3.5.b", "SDT_other_error", 3},
    {eit_actual, "3.6.a", "EIT_actual_error", 3},
    {eit_other, "3.6.b", "EIT_other_error", 3},
    {eit_present_following, "3.6.c", "EIT_PF_error", 3},
    {rst, "3.7", "RST_error", 3},
    {tdt, "3.8", "TDT_error", 3},
    {empty_buffer, "3.9", "Empty_buffer_error", 3},
    {data_delay, "3.10", "Data_delay_error", 3},
    {no_input, "no-input", "no packets come", 0},
    {stalled, "stalled", "elementary stream stalled", 0},
    {scrambled, "scrambled", "scrambled although announced as clear", 0},
    {rtp_loss, "rtp-loss", "RTP packets lost", 0},
    {socket_drop, "socket-drop", "dropped by this host's socket", 0},
    {black, "black", "black picture", 0},
    {freeze, "freeze", "frozen picture", 0},
    {silence, "silence", "no sound", 0},
    {decode_error, "decode", "decoding failed", 0},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].indicator) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

// "2.3" has the part "2.3.a"; "3.1" has not "3.10".
bool is_part(std::string_view code, std::string_view of) {
  return code == of || (code.starts_with(of) && code[of.size()] == '.');
}

}  // namespace

std::span<const IndicatorInfo> indicators() { return table; }

const IndicatorInfo& info(Indicator indicator) { return table[static_cast<std::size_t>(indicator)]; }

IndicatorSet parse_indicators(std::string_view text) {
  IndicatorSet result;
  while (true) {
    const auto comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    IndicatorSet found;
    for (const auto& row : table) {
      if (!word.empty() && is_part(row.code, word)) found.set(static_cast<std::size_t>(row.indicator));
    }
    if (found.none()) {
      throw std::invalid_argument(
          fmt::format("no such indicator: '{}' (1.1 to 3.10, 1, 2, 3, or a word such as stalled)", word));
    }
    result |= found;
    if (comma == std::string_view::npos) return result;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace tsmon
