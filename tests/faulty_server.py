"""A server on this machine that misbehaves on order, and small archives for it to serve."""

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lipkit.corpora.fetch.server import Patience

QUICK = Patience(connect=2.0, stall=0.25, retries=3, backoff=0.01, longest_pause=0.05)
CONTENT = bytes(range(256)) * 40
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves ``files``; ``faults[path]`` is a list of what goes wrong, one for each request."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        self.release = threading.Event()
        self.outwaited = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, asked = request.path.partition("?")[0], request.headers.get("Range")
        self.requests.append((path, asked))
        fault = self.faults[path].pop(0) if self.faults[path] else ""
        if fault.isdigit() or path not in self.files:
            request.send_response(int(fault or 404))
            if fault == "503":
                request.send_header("Retry-After", "0")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        content = self.files[path]
        start = 0 if not asked or fault == "no ranges" else int(asked[6:-1])
        if start >= len(content) and asked:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        ranged = asked and fault != "no ranges"
        request.send_response(206 if ranged else 200)
        if ranged:
            claimed = 7 if fault == "wrong range" else start
            span = f"bytes {claimed}-{len(content) - 1}/{len(content)}"
            request.send_header("Content-Range", span)
        body = content[7 if fault == "wrong range" else start :]
        if fault == "cut unsaid":
            body = body[: len(body) // 2]
        elif fault != "no length":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if fault in ("cut", "stall"):
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            if fault == "stall":
                self.outwaited |= not self.release.wait(10)
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        request.wfile.write(body)

    def ranges(self, path: str) -> list[str | None]:
        return [asked for name, asked in self.requests if name == path]


def packed(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
