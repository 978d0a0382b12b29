// A file, FIFO, device or standard output, written without being stuck in it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "common/io/endpoint.hpp"
#include "common/io/file_descriptor.hpp"

namespace io {

class OutputFile {
 public:
  enum class Result { written, reader_gone, gave_up };

  // Creates or truncates a file. A FIFO is not open before try_open().
  explicit OutputFile(const Endpoint& endpoint);

  const std::string& name() const { return name_; }
  bool is_regular() const { return kind_ == Kind::regular; }
  bool is_fifo() const { return kind_ == Kind::fifo; }
  // False for a FIFO that nobody reads.
  bool try_open();
  // Closes a FIFO, whose reader has gone.
  void close() { owned_.reset(); }

  // Writes all, unless `give_up` says so while the reader is slow.
  Result write(std::span<const std::uint8_t> bytes, const std::function<bool()>& give_up);

 private:
  enum class Kind { regular, fifo, standard_output, other };
  void open_standard_output();
  int fd() const;
  bool wait_writable() const;

  std::string name_;
  std::string path_;
  Kind kind_ = Kind::other;
  bool never_blocks_ = false;  // the descriptor is in O_NONBLOCK mode
  FileDescriptor owned_;
};

}  // namespace io
