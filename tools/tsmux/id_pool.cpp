#include "tools/tsmux/id_pool.hpp"

#include <utility>
#include <vector>

namespace tsmux {

void IdPool::restore(const IdKey& key, Number number) {
  if (!given_.contains(key) && is_free(number)) give(key, number);
}

void IdPool::reserve(std::set<Number> numbers) {
  reserved_ = std::move(numbers);
  forget_if([this](const IdKey& key) { return reserved_.contains(given_.at(key)); });
}

void IdPool::forget_if(const Question& is_forgotten) {
  std::vector<IdKey> forgotten;
  for (const auto& [key, number] : given_) {
    if (is_forgotten(key)) forgotten.push_back(key);
  }
  for (const auto& key : forgotten) take_back(key);
}

std::optional<IdPool::Number> IdPool::keep(const IdKey& key, Number own) {
  if (const auto known = given_.find(key); known != given_.end()) return known->second;
  if (!is_free(own)) return std::nullopt;
  give(key, own);
  return own;
}

std::optional<IdPool::Number> IdPool::move(const IdKey& key, Number own, unsigned n, const Question& is_in_use) {
  if (const auto known = given_.find(key); known != given_.end()) return known->second;
  auto number = find(own, n, [this](Number candidate) { return is_free(candidate); });
  if (!number) {
    number = find(own, n, [&](Number candidate) {
      const auto owner = owners_.find(candidate);
      return owner != owners_.end() && !is_in_use(owner->second);
    });
    if (!number) return std::nullopt;
    take_back(IdKey{owners_.at(*number)});
  }
  give(key, *number);
  return number;
}

bool IdPool::is_free(Number number) const {
  return number >= first_ && number <= last_ && !reserved_.contains(number) && !owners_.contains(number);
}

void IdPool::give(const IdKey& key, Number number) {
  given_.emplace(key, number);
  owners_.emplace(number, key);
  ++changes_;
}

void IdPool::take_back(const IdKey& key) {
  const auto known = given_.find(key);
  owners_.erase(known->second);
  given_.erase(known);
  ++changes_;
}

std::optional<IdPool::Number> IdPool::find(Number own, unsigned n, const std::function<bool(Number)>& is_wanted) const {
  constexpr unsigned block_size = 0x100;
  const unsigned block = (1 + (n - 1) % blocks_) * block_size;
  for (unsigned i = 0; i < block_size; ++i) {
    const auto candidate = static_cast<Number>(block + (own + i) % block_size);
    if (is_wanted(candidate)) return candidate;
  }
  const unsigned count = last_ - first_ + 1U;
  for (unsigned i = 0; i < count; ++i) {
    const auto candidate = static_cast<Number>(first_ + (block + block_size - first_ + i) % count);
    if (is_wanted(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace tsmux
