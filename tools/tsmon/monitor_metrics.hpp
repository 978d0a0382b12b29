// What was measured, as metrics.
#pragma once

#include "common/cli/metrics.hpp"
#include "common/io/source.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/network_meter.hpp"

namespace tsmon {

// Brings the cells up to date. What was not measured has no sample. PIDs have samples only where a table names them.
void refresh(cli::Metrics& metrics, const Monitor& monitor, const NetworkMeter& network,
             const io::SourceStatistics& source);

}  // namespace tsmon
