// The delivery system that a multiplex is for, as an option names it and as its NIT tells it (EN 300 468 6.2.13, 6.4).
//
//   dvb-s:frequency=11.778G,orbit=13.0E,polarization=v,symbol-rate=27.5M,fec=3/4,modulation=qpsk,system=s,roll-off=0.35
//   dvb-c:frequency=330M,symbol-rate=6.9M,modulation=qam256,fec=none
//   dvb-t:frequency=514M,bandwidth=8M,modulation=qam64,code-rate=2/3,guard=1/32,mode=8k,priority=high,
//         hierarchy=none,code-rate-low=1/2,other-frequency=no
//   dvb-t2:plp=0,system-id=1,frequency=514M,bandwidth=8M,guard=1/128,mode=32k,cell=0,miso=no,other-frequency=no
//   hex:5A0B...            any descriptor: tag, length and data
//
// Needed are frequency (but in dvb-t2), orbit, polarization, symbol-rate, the modulation of dvb-c, and plp and
// system-id of dvb-t2. Otherwise fec is auto in dvb-s; modulation is qpsk and system s, or s2 where modulation or
// roll-off ask for it; and the rest is as above. dvb-t2 without frequency says no more than plp and system-id.
#pragma once

#include <string_view>

#include "common/psi/descriptor.hpp"

namespace tsmux {

// Throws std::invalid_argument that names system, key and value, and what would be right.
psi::Descriptor parse_delivery_system(std::string_view text);

}  // namespace tsmux
