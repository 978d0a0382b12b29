// Numbers of a range, given to keys, each number once: the PIDs or the service ids of a multiplex.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "tools/tsmux/given_ids.hpp"

namespace tsmux {

class IdPool {
 public:
  using Number = std::uint16_t;
  using Question = std::function<bool(const IdKey&)>;

  // `blocks`: 256 numbers each, from 0x0100 on.
  IdPool(Number first, Number last, unsigned blocks) : first_(first), last_(last), blocks_(blocks) {}

  // From before. Those out of range, reserved, or given to another key are left out.
  void restore(const IdKey& key, Number number);
  // Nobody gets these; keys that have one lose it.
  void reserve(std::set<Number> numbers);
  void forget_if(const Question& is_forgotten);

  // What the key has, or `own` if that is free.
  std::optional<Number> keep(const IdKey& key, Number own);
  // What the key has, or else the first free number of block `n` (from 1 on, beyond the last from the first again) from
  // the one with the low byte of `own` on, and then of the whole range. When none is free, one whose key is not in use
  // changes hands; when all are, nothing.
  std::optional<Number> move(const IdKey& key, Number own, unsigned n, const Question& is_in_use);

  const GivenIds& given() const { return given_; }
  // Counts every change of given().
  std::uint64_t changes() const { return changes_; }

 private:
  bool is_free(Number number) const;
  void give(const IdKey& key, Number number);
  void take_back(const IdKey& key);
  // The first number in the order of search for which `is_wanted`.
  std::optional<Number> find(Number own, unsigned n, const std::function<bool(Number)>& is_wanted) const;

  Number first_, last_;
  unsigned blocks_;
  std::set<Number> reserved_;
  GivenIds given_;
  std::map<Number, IdKey> owners_;
  std::uint64_t changes_ = 0;
};

}  // namespace tsmux
