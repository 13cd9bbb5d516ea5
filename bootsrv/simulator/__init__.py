"""Simulated machines: real TFTP, HTTP and callback clients, for the demo and for load tests.

`hardware`, `script`, `shell` and `programs` decide and are pure; `link`, `agent`, `machine` and `rack` do.
"""

from bootsrv.simulator.agent import Orders
from bootsrv.simulator.hardware import Firmware, Hardware, Personality
from bootsrv.simulator.machine import IDLE, Machine, Network, Power
from bootsrv.simulator.rack import Rack

__all__ = ["IDLE", "Firmware", "Hardware", "Machine", "Network", "Orders", "Personality", "Power", "Rack"]
