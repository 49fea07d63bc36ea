"""For gunicorn: one line of output for each request. /careless answers without reading its body."""
import os


def app(environ, start_response):
    os.write(1, f"{environ['REQUEST_METHOD']} {environ['RAW_URI']}\n".encode())  # in one piece, whatever other threads write
    if "/careless" not in environ["PATH_INFO"]:
        while environ["wsgi.input"].read(65536):
            pass
    start_response("200 OK", [("Content-Length", "9")])
    return [b"gunicorn\n"]
