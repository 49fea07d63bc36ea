"""Calls of gRPC with a client certificate, as named on the command line; what came of each as a line of JSON.

    grpc_client.py TARGET ROOTS CHAIN KEY CALL...

CALL: unary[:BYTES], fail, count:N, chat:N, deadline, meta, unknown, many:N, hold (a chat that stays open until it fails).
"""
import json
import queue
import sys
import threading
from pathlib import Path

import grpc

TIMEOUT = 30


class Caller:
    def __init__(self, target, roots, chain, key):
        read = lambda path: Path(path).read_bytes()
        self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(read(roots), read(key), read(chain)),
                                           [("grpc.enable_retries", 0)])

    def unary(self, method, request, timeout=TIMEOUT, metadata=()):
        return self.channel.unary_unary(f"/test.Echo/{method}").with_call(request, timeout=timeout, metadata=metadata)

    def call(self, name, argument):
        if name == "unary":
            answer, _ = self.unary("Unary", b"x" * int(argument or 5))
            return {"bytes": len(answer)}
        if name == "fail":
            self.unary("Fail", b"x")
        if name == "count":
            return {"messages": len(list(self.channel.unary_stream("/test.Echo/Count")(argument.encode(), timeout=TIMEOUT)))}
        if name == "chat":
            return {"heard": self.chat(int(argument))}
        if name == "deadline":
            self.unary("Slow", b"x", timeout=1)
        if name == "meta":
            answer, call = self.unary("Meta", b"x", metadata=(("x-countersign-application", "forged"), ("x-mine", "kept")))
            pairs = lambda metadata: [[pair.key, pair.value] for pair in metadata]
            return {"seen": json.loads(answer), "first": pairs(call.initial_metadata()), "last": pairs(call.trailing_metadata())}
        if name == "unknown":
            self.unary("Unknown", b"x")
        if name == "many":
            return {"answers": self.many(int(argument))}
        if name == "hold":
            self.hold()
        raise ValueError(name)

    def chat(self, count):
        """Each message is said when the answer to the one before has come."""
        said = queue.Queue()
        said.put(b"0")
        heard = []
        for answer in self.channel.stream_stream("/test.Echo/Chat")(iter(said.get, None), timeout=TIMEOUT):
            heard.append(answer.decode())
            said.put(b"%d" % len(heard) if len(heard) < count else None)
        return heard

    def many(self, count):
        calls = [self.channel.unary_unary("/test.Echo/Unary").future(b"%d" % i, timeout=TIMEOUT) for i in range(count)]
        return len([call for i, call in enumerate(calls) if call.result() == b"%d" % i])

    def hold(self):
        said = queue.Queue()
        said.put(b"0")
        for answer in self.channel.stream_stream("/test.Echo/Chat")(iter(said.get, None)):
            print(json.dumps({"held": answer.decode()}), flush=True)


def main():
    target, roots, chain, key, *calls = sys.argv[1:]
    caller = Caller(target, roots, chain, key)
    for call in calls:
        name, _, argument = call.partition(":")
        try:
            outcome = {"ok": True, **caller.call(name, argument)}
        except grpc.RpcError as error:
            last = error.trailing_metadata() or ()
            outcome = {"ok": False, "code": error.code().name, "details": error.details(), "last": [[p.key, str(p.value)] for p in last]}
        print(json.dumps({"call": call, **outcome}), flush=True)


if __name__ == "__main__":
    main()
