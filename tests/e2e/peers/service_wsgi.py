"""For gunicorn: one line of output for each request. /careless answers without reading its body."""


def app(environ, start_response):
    print(f"{environ['REQUEST_METHOD']} {environ['RAW_URI']}", flush=True)
    if "/careless" not in environ["PATH_INFO"]:
        while environ["wsgi.input"].read(65536):
            pass
    start_response("200 OK", [("Content-Length", "9")])
    return [b"gunicorn\n"]
