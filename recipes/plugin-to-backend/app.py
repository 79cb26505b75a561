"""A backend, as far as this recipe needs one: python3 app.py, with PORT in the environment."""
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"Python, process {os.getpid()}\n".encode())

    def log_message(self, *_):
        pass


try:
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
except KeyboardInterrupt:
    raise SystemExit(130) from None
