"""Whether KVM really runs guests here. A `/dev/kvm` that opens is no proof.

Seen: a host whose `/dev/kvm` belongs to a module for machines without virtualization in the processor; it interprets
the guest, and Debian's kernel dies there of an instruction it does not know (`KVM internal error. Suberror: 1`, at a
cmpxchg16b). Such a host has neither vmx nor svm among the processor's flags.
"""

import os
from pathlib import Path

_OVERRIDE = "PUREBOOT_E2E_ACCEL"


def accelerator() -> str:
    """`kvm` or `tcg`; the environment variable PUREBOOT_E2E_ACCEL has the last word."""
    return os.environ.get(_OVERRIDE) or ("kvm" if _kvm_works() else "tcg")


def accelerator_options() -> list[str]:
    """QEMU options for it."""
    if accelerator() == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    # A small translation cache: a machine that boots once translates little, and eight of them share the memory.
    return ["-accel", "tcg,thread=multi,tb-size=64", "-cpu", "max"]


def _kvm_works() -> bool:
    return _has_virtualization(Path("/proc/cpuinfo").read_text()) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def _has_virtualization(cpuinfo: str) -> bool:
    flags = next((line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags")), [])
    return "vmx" in flags or "svm" in flags
