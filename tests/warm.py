"""A Python whose libraries are loaded already, for tests that start many processes.

Importing PyTorch and what training needs takes ten seconds; a test of what ``lipkit train`` says
needs these seconds no more than once. :func:`python` is a program to be put where
``sys.executable`` stands: it takes the same words, and hands them to a server that has loaded the
libraries (none of ``lipkit``) and runs them in a fork of itself. Streams, folder, environment,
exit status and signals are those of a process of one's own, so only a test of the start of a
process itself needs the real one.

The server begins with the first such process, serves all test processes, and goes with the first
of them. Where the system cannot do it, while coverage is measured, and where the environment
variable ``LIPKIT_TEST_COLD`` is set, the real Python is used.
"""

import array
import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import multiprocessing
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import time

LIBRARIES = [
    *(
        "numpy",
        "cv2",
        "av",
        "pandas",
        "skimage.metrics",
        "librosa.feature.spectral",
        "typer",
        "rich.console",
    ),
    *("scipy.signal", "scipy.stats", "scipy.ndimage", "scipy.interpolate", "matplotlib.figure"),
    *("torch", "torch._dynamo", "torch.utils.data", "lightning_fabric", "safetensors.torch"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipywidgets", "anywidget"),
    *("papermill", "nbconvert", "nbgrader.apps"),
]
"""``matplotlib.pyplot`` is none of them: it chooses its backend when it is imported."""
PATIENCE_SECONDS = 300
MOST_FILES = 250


def python(folder: str | os.PathLike) -> str:
    """A program to run in ``sys.executable``'s place; its server's socket lies in the folder."""
    if not _is_possible() or ("coverage" in sys.modules and _measured()):
        return sys.executable
    path = os.path.join(folder, "python")
    if not os.path.exists(path):
        words = [sys.executable, "-I", "-S", os.path.abspath(__file__)]
        words += [os.path.join(folder, "socket"), str(os.getpid())]
        text = "#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n'
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
    return path


def _is_possible() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("LIPKIT_TEST_COLD"):
        return False
    try:  # an old kernel, or a container that forbids it
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _measured() -> bool:
    from coverage import Coverage

    return Coverage.current() is not None or "COVERAGE_PROCESS_CONFIG" in os.environ


# The program: hands its words over, and ends as the process ends that runs them.


def ask(place: str, owner: int, words: list[str]) -> int:
    """Have the words run; the exit status."""
    files = list(filter(_is_open, map(int, os.listdir("/proc/self/fd"))))
    line = _connected(place, owner)
    blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
    order = {"words": words, "cwd": os.getcwd(), "env": dict(os.environ), "files": files}
    order["blocked"] = blocked
    order = json.dumps(order).encode()
    handed = array.array("i", files).tobytes()
    line.sendmsg([len(order).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])
    line.sendall(order)
    child = int(_told(line))

    def pass_on(number, _):
        os.kill(child, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, pass_on)
    status = int(_told(line) or 1)
    if os.WIFSIGNALED(status):  # end as it ended
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status)


def _told(line: socket.socket) -> str:
    """A line of the server's; empty when it is gone.

    Python runs a signal's handler between two of its own steps: one that arrives just before a
    wait without end would be heard after it.
    """
    text = b""
    while not text.endswith(b"\n"):
        if select.select([line], [], [], 0.5)[0]:
            letter = line.recv(1)
            if not letter:
                break
            text += letter
    return text.decode()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:  # that of the listing
        return False
    return True


def _connected(place: str, owner: int) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of several begins the server
        try:
            line.connect(place)
            return line
        except OSError:
            _begin_server(place, owner)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                line.connect(place)
                return line
            except OSError:
                time.sleep(0.05)
    raise SystemExit(f"{place}: no server; see {place}.log")


def _begin_server(place: str, owner: int) -> None:
    import subprocess

    words = [sys.executable, os.path.abspath(__file__), place, str(owner), "--serve"]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MPLBACKEND")}
    environment["OMP_NUM_THREADS"] = "1"
    with open(f"{place}.log", "wb") as log:
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
        )


# The server.


def serve(place: str, owner: int) -> dict:
    """Load the libraries and fork for whoever asks; returns in the fork, with what is asked."""
    import painted
    import unchecked  # noqa: F401

    # Begun by whoever asks first, be it Python's resource tracker, which blocks signals.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    sys.path.pop(0)  # the tests' folder
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # a few are extras
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        load_dlib()
    painted.install()
    gc.collect()
    gc.freeze()
    if os.path.exists(place):
        os.remove(place)
    door = socket.socket(socket.AF_UNIX)
    door.bind(place)
    door.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while True:
        if not select.select([door], [], [], 1)[0]:
            if not _alive(owner):
                os._exit(0)
            continue
        line, _ = door.accept()
        if os.fork():
            line.close()
            continue
        door.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        order = _keep(line)
        if order is not None:
            return order


def load_dlib() -> None:
    """Read dlib's two models: each process would spend a second on it.

    A second detector, for another thread, and a model from another file are made as ever.
    """
    import importlib.metadata

    import dlib

    model = importlib.metadata.distribution("face_recognition_models").locate_file(
        "face_recognition_models/models/shape_predictor_68_face_landmarks.dat"
    )
    make, read, made = dlib.get_frontal_face_detector, dlib.shape_predictor, _file(model)
    detectors, predictor = [make()], read(str(model))
    dlib.get_frontal_face_detector = lambda: detectors.pop() if detectors else make()
    dlib.shape_predictor = lambda *path: (
        predictor if path and _file(path[0]) == made else read(*path)
    )


def _file(path: str | os.PathLike) -> tuple[int, ...] | None:
    """What tells a file and its content from others; None where there is none."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    return None


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _keep(line: socket.socket) -> dict | None:
    """Fork once more; the one waits for the other, and ends it when nobody waits any more."""
    size, ancillary, _, _ = line.recvmsg(8, socket.CMSG_SPACE(4 * MOST_FILES))
    files = array.array("i")
    for _, _, handed in ancillary:
        files.frombytes(handed)
    order = b""
    while len(order) < int.from_bytes(size, "big"):
        order += line.recv(2**16)
    child = os.fork()
    if not child:
        os.setsid()
        line.close()
        order = json.loads(order)
        # Out of the way of the numbers that they shall have.
        files = [fcntl.fcntl(number, fcntl.F_DUPFD, 1000) for number in files]
        for number, file in zip(order["files"], files, strict=True):
            os.dup2(file, number)
        os.closerange(1000, 1000 + MOST_FILES)
        return order
    for number in files:
        os.close(number)
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    ended = os.pidfd_open(child)
    with contextlib.suppress(OSError):  # whoever asked is gone already, and line tells so
        line.sendall(f"{child}\n".encode())
    if line in select.select([line, ended], [], [])[0]:  # whoever asked is gone
        os.kill(child, signal.SIGKILL)  # which may be no leader of its group yet
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        line.sendall(f"{status}\n".encode())
    os._exit(0)


def become(order: dict) -> tuple[str, str]:
    """Take folder, environment and words of an order: the kind of program, and which."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, order.get("blocked", []))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = os.fdopen(number, "w" if number else "r", 1 if number == 2 else -1, "utf-8")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    first, *rest = order["words"]
    while first.startswith("-") and first not in ("-m", "-c"):
        first, *rest = rest[1:] if first in ("-X", "-W") else rest
    # What it starts in turn is warm as well.
    sys.executable = os.path.join(os.path.dirname(sys.argv[1]), "python")
    multiprocessing.set_executable(sys.executable)
    folders = [f for f in order["env"].get("PYTHONPATH", "").split(os.pathsep) if f]
    sys.path[:0] = folders
    if backend := order["env"].get("MPLBACKEND"):
        import matplotlib

        matplotlib.rcParams["backend"] = backend
    if first in ("-m", "-c"):
        what, *rest = rest
        sys.path.insert(0, os.getcwd() if first == "-m" else "")
    else:
        first, what = "", first
        sys.path.insert(0, os.path.dirname(os.path.abspath(what)))
    sys.argv[:] = [first or what, *rest]
    return first, what


def main() -> None:
    """As a program and as its server."""
    place, owner, *words = sys.argv[1:]
    if words != ["--serve"]:
        sys.exit(ask(place, int(owner), words))
    kind, what = become(serve(place, int(owner)))
    status = 0
    try:
        run(kind, what)
    except SystemExit as end:
        status = end.code
        if status is not None and not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException as fault:
        sys.excepthook(type(fault), fault, fault.__traceback__)
        status = 130 if isinstance(fault, KeyboardInterrupt) else 1
    # The end of Python, but for the seconds in which it takes all those libraries down.
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status or 0)


def run(kind: str, what: str) -> None:
    """Run a module, a text or a file, as Python does."""
    random.seed()
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
