"""Somebody who put himself between a client and the gateway, with a server certificate of his own."""
import socket
import ssl
import threading


class ManInTheMiddle:
    """Answers on a free port of loopback. `received`: the bytes a client entrusted to him; `handshakes`: finished ones."""

    def __init__(self, certificate, key):
        self.received = b""
        self.handshakes = 0
        self.alerts = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            self._deceive(connection)

    def _deceive(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                self.handshakes += 1
                self.received += stream.recv(65536)
        except (ssl.SSLError, OSError) as error:
            self.alerts.append(getattr(error, "reason", None) or str(error))
        finally:
            connection.close()

    def stop(self):
        self.listener.close()
