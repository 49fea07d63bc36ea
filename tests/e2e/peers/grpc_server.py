"""A gRPC service of raw bytes, without TLS, on a free port of loopback; --ready FILE gets its port.

/test.Echo/Unary echoes; Fail aborts with NOT_FOUND; Count streams as many messages as the request says; Chat answers each message at
once; Slow takes 30 seconds; Meta answers with the metadata it saw, as JSON, and with trailers.
"""
import argparse
import json
import time
from concurrent import futures
from pathlib import Path

import grpc


def unary(request, context):
    return request


def fail(request, context):
    context.set_trailing_metadata((("x-why", "gone"),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: 100% gone")


def count(request, context):
    for i in range(int(request)):
        yield b"%d" % i


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def slow(request, context):
    for _ in range(300):
        if not context.is_active():
            print("slow: given up", flush=True)
            return b""
        time.sleep(0.1)
    return b"late"


def meta(request, context):
    context.send_initial_metadata((("x-first", "1"),))
    context.set_trailing_metadata((("x-last", "2"), ("x-countersign-application", "forged"), ("x_forwarded_for", "forged")))
    return json.dumps([list(pair) for pair in context.invocation_metadata() if isinstance(pair[1], str)]).encode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", required=True)
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    handlers = {"Unary": grpc.unary_unary_rpc_method_handler(unary), "Fail": grpc.unary_unary_rpc_method_handler(fail),
                "Count": grpc.unary_stream_rpc_method_handler(count), "Chat": grpc.stream_stream_rpc_method_handler(chat),
                "Slow": grpc.unary_unary_rpc_method_handler(slow), "Meta": grpc.unary_unary_rpc_method_handler(meta)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ready = Path(options.ready)
    ready.with_suffix(".new").write_text(json.dumps({"port": port}))
    ready.with_suffix(".new").rename(ready)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
