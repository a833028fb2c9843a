"""The cores that this process, and those that it starts, may use."""

import os

AFFINITY = hasattr(os, "sched_setaffinity")  # where the system lets a process choose
ALL_CORES = os.sched_getaffinity(0) if AFFINITY else set()


def set_cores(cores: set[int]) -> set[int]:
    """Let this process use these cores alone; return those that it used before."""
    if not AFFINITY:
        return set()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    return before
