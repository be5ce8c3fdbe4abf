"""Start a command under limits: memory, file size, and no network where the system can.

``python -m lipkit.course.assignments.confined MEMORY FILE_BYTES COMMAND...`` takes the limits
upon itself and then becomes the command, so that they hold for whatever it starts as well.
POSIX only; elsewhere the command runs without limits.
"""

import ctypes
import os
import sys
from contextlib import suppress

_NEW_USER, _NEW_NETWORK = 0x1000_0000, 0x4000_0000
_CHILD_SUBREAPER = 36


def limit(memory: int, file_bytes: int) -> None:
    """Bound what one process may hold in memory and write to one file, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in (
        # Not RLIMIT_AS: libraries reserve far more addresses than they ever fill.
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def leave_network() -> bool:
    """Move this process into a network of its own, without any interface; whether it could."""
    if not sys.platform.startswith("linux"):
        return False
    user, group = os.getuid(), os.getgid()
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(_NEW_NETWORK) == 0:
        return True
    # Without privileges it takes a user namespace, in which we stay who we are.
    if unshare(_NEW_USER | _NEW_NETWORK) != 0:
        return False
    with suppress(OSError):
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    return True


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind, so that it finds them."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill every process that descends from this one."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def main(arguments: list[str]) -> None:
    """Take the limits and become the command."""
    memory, file_bytes, *command = arguments
    leave_network()
    limit(int(memory), int(file_bytes))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
