"""A worker in Python, with its standard library alone: an HTTP server on any free port of this machine, and beside it
"pointsman worker", which dials the proxy and hands it the requests.

    python3 examples/worker.py worker-1

PROXY is where the proxy takes workers, by default 127.0.0.1:8000; POINTSMAN the command, by default "npx pointsman".
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name = sys.argv[1] if len(sys.argv) > 1 else "worker-1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Connections are kept for the next request.

    def do_GET(self):
        self.answer(f"Hello from {name}\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(f"{name} got {len(body)} bytes\n")

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

command = shlex.split(os.environ.get("POINTSMAN", "npx pointsman"))
proxy = os.environ.get("PROXY", "127.0.0.1:8000")
arguments = ["worker", "--join", proxy, "--to", f"127.0.0.1:{server.server_port}"]
# A group of its own: "npx" does not pass signals on to what it starts.
sidecar = subprocess.Popen([*command, *arguments], start_new_session=True)

# The sidecar answers what is under way, and ends; then so does this program.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: os.killpg(sidecar.pid, signal.SIGTERM))

code = sidecar.wait()
try:
    while True:
        os.killpg(sidecar.pid, 0)
        time.sleep(0.05)
except ProcessLookupError:
    sys.exit(max(code, 0))  # "npx" itself is ended by the signal.
