"""How several processes share the cores of one machine."""

import os


def share_of_cores(processes: int) -> dict[str, str]:
    """Environment variables that keep ``processes`` at once from competing for the cores."""
    if processes == 1 or "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // processes))}
