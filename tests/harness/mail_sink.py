"""A mail server that keeps what it is given (RFC 5321, as much as a client needs), with STARTTLS and AUTH PLAIN."""
import base64
import email
import socketserver
import ssl
import threading


class MailSink:
    """Listens on a free port of loopback. `mails`: email.message.Message each, in order of arrival, with its recipients as
    `sink_recipients` and whether TLS was on as `sink_encrypted`. `commands`: every line that came outside of DATA.

    `credential`: offers STARTTLS with it. `password`: user and password that must be given. While `answering` is cleared,
    the answer to the end of a mail waits. `refuse`: recipients that get 550.
    """

    def __init__(self, credential=None, password=None):
        self.mails = []
        self.commands = []
        self.password = password
        self.refuse = set()
        self.answering = threading.Event()
        self.answering.set()
        self.context = None
        if credential:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(credential.chain, credential.key)
        self.server = _Server(("127.0.0.1", 0), _handler_for(self))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.answering.set()
        self.server.shutdown()
        self.server.server_close()

    def to(self, recipient):
        return [mail for mail in list(self.mails) if recipient in mail.sink_recipients]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _handler_for(sink):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.settimeout(60)
            self.encrypted = False
            self.known = sink.password is None
            self.recipients = []
            self.lines = self.request.makefile("rb")
            try:
                self.say("220 sink ESMTP")
                while self.answer(self.read()):
                    pass
            except (OSError, EOFError):
                return
            finally:
                self.lines.close()
                self.request.close()

        def read(self):
            line = self.lines.readline(65536)
            if not line:
                raise EOFError
            return line.decode("latin-1").rstrip("\r\n")

        def say(self, *lines):
            self.request.sendall("".join(line + "\r\n" for line in lines).encode())

        def answer(self, line):
            """False: the conversation is over."""
            sink.commands.append(line)
            verb = line.split(" ")[0].upper()
            known = {"EHLO": self.hello, "STARTTLS": self.start_tls, "AUTH": self.authenticate, "MAIL": self.mail,
                     "RCPT": self.recipient, "DATA": self.data, "QUIT": self.quit}
            return known.get(verb, self.unknown)(line)

        def hello(self, _):
            offers = ["sink"]
            if sink.context and not self.encrypted:
                offers.append("STARTTLS")
            if sink.password and (self.encrypted or not sink.context):
                offers.append("AUTH PLAIN")
            self.say(*[f"250{'-' if i + 1 < len(offers) else ' '}{offer}" for i, offer in enumerate(offers)])
            return True

        def start_tls(self, _):
            if not sink.context:
                return self.unknown(_)
            self.say("220 go ahead")
            self.request = sink.context.wrap_socket(self.request, server_side=True)
            self.lines = self.request.makefile("rb")
            self.encrypted = True
            return True

        def authenticate(self, line):
            words = line.split(" ")
            if len(words) < 3:
                self.say("334 ")
                words.append(self.read())
            user, password = base64.b64decode(words[2]).decode().split("\0")[1:]
            self.known = (user, password) == sink.password
            self.say("235 welcome" if self.known else "535 who are you")
            return True

        def mail(self, _):
            self.recipients = []
            self.say("250 fine" if self.known else "530 log in first")
            return True

        def recipient(self, line):
            address = line.partition("<")[2].partition(">")[0]
            if address in sink.refuse:
                self.say("550 no such mailbox")
                return True
            self.recipients.append(address)
            self.say("250 fine")
            return True

        def data(self, _):
            self.say("354 go on")
            lines = []
            for line in iter(self.read, "."):
                lines.append(line[1:] if line.startswith(".") else line)
            mail = email.message_from_string("\n".join(lines) + "\n")
            mail.sink_recipients, mail.sink_encrypted = self.recipients, self.encrypted
            sink.mails.append(mail)
            sink.answering.wait(60)
            self.say("250 taken")
            return True

        def quit(self, _):
            self.say("221 bye")
            return False

        def unknown(self, _):
            self.say("502 what")
            return True

    return Handler
