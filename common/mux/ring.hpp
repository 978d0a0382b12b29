// A queue, first in, first out, that allocates only when it has to hold more than ever before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mux {

template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // From the first one on.
  T& operator[](std::size_t i) { return items_[(first_ + i) & (items_.size() - 1)]; }
  const T& operator[](std::size_t i) const { return items_[(first_ + i) & (items_.size() - 1)]; }
  T& front() { return items_[first_]; }
  const T& front() const { return items_[first_]; }
  const T& back() const { return (*this)[size_ - 1]; }
  void pop() {
    first_ = (first_ + 1) & (items_.size() - 1);
    --size_;
  }
  void push(const T& item) {
    if (size_ == items_.size()) grow();
    (*this)[size_++] = item;
  }

 private:
  void grow() {
    std::vector<T> larger(std::max<std::size_t>(16, 2 * size_));
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    items_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> items_;  // a power of two, or none
  std::size_t first_ = 0, size_ = 0;
};

}  // namespace mux
