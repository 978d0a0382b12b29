// Sleep until a word changes or a time comes (futex(2)): one system call, and no lock that a writer must take.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/ts/time.hpp"

namespace io {

// Returns at `deadline`, when woken, or at once if `word` is no longer `expected`; at times for no reason.
void futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected, ts::SteadyTime deadline);
void futex_wake(const std::atomic<std::uint32_t>& word);

}  // namespace io
