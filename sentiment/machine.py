"""Cores, threads and memory of this process and machine."""

import os
import platform
import resource
import sys
from pathlib import Path


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return the number of compute threads: OMP_NUM_THREADS, or one per core."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else available_cores()


def multiplies_bfloat16() -> bool:
    """Whether the processor has bfloat16 matrix products (Intel AMX), as reported by Linux."""
    return "amx_bf16" in _processor_information().split()


def processor() -> str:
    """Return the name of the processor as reported by Linux, such as `AMD EPYC`; elsewhere its architecture."""
    lines = (line.partition(":") for line in _processor_information().splitlines())
    names = [value.strip() for name, _, value in lines if name.strip() == "model name"]
    return names[0] if names else platform.processor() or platform.machine()


def _processor_information() -> str:
    known = Path("/proc/cpuinfo")
    return known.read_text() if known.is_file() else ""


def peak_memory_bytes() -> int:
    """Return the peak resident memory in bytes of this process or of an ended child, whichever is larger."""
    return max(_own_peak(), _largest(resource.RUSAGE_CHILDREN))


def memory_bytes() -> int | None:
    """Return the memory of this machine in bytes, None if unknown."""
    names = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
    known = hasattr(os, "sysconf") and all(name in os.sysconf_names for name in names)
    return os.sysconf(names[0]) * os.sysconf(names[1]) if known else None


def _own_peak() -> int:
    """Return the peak of this process alone: on Linux `getrusage` starts from the memory of the parent process."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else _largest(resource.RUSAGE_SELF)


def _largest(who: int) -> int:
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
