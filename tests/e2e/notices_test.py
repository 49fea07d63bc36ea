"""Notices reach a real mail server and a real webhook receiver once, whatever is killed when; and nothing goes out in clear."""
import unittest

import path  # noqa: F401
from harness import testing
from harness.mail_sink import MailSink
from harness.material import SERVER, Material
from harness.platform import Platform
from harness.program import wait_until
from harness.webhook_receiver import WebhookReceiver

OPERATORS = "ops@provider.example"
# The shortest life there is, and thresholds that pass so many seconds after the issue of such a certificate.
LIFE_SECONDS = 3600
FIRST, SECOND = 10, 60
# Longer than the authority's rounds of planning (10 s) and sending (2 s) together.
ROUND_SECONDS = 15
# A first attempt is followed by 30 s of patience.
RETRY_SECONDS = 90


class NoticesTest(unittest.TestCase):
    def setUp(self):
        self.platform = Platform("127.0.0.1:9")
        self.addCleanup(self.platform.close)
        material = Material(self.platform.folder / "outside")
        ca = material.ca("outside-ca", "/CN=Outside CA")
        self.ca_file = ca.certificate
        self.server = material.leaf("outside", ca, "/CN=localhost", SERVER + "subjectAltName=DNS:localhost,IP:127.0.0.1\n")

    def sink(self, **options):
        sink = MailSink(**options)
        self.addCleanup(sink.stop)
        return sink

    def receiver(self):
        receiver = WebhookReceiver(self.server)
        self.addCleanup(receiver.stop)
        return receiver

    def begin(self, sink, extra=""):
        """An authority that sends to `sink` over verified TLS."""
        password = self.platform.folder / "smtp-password"
        password.write_text("s3cret\n")
        password.chmod(0o600)
        thresholds = ", ".join(f'"{LIFE_SECONDS - after}s"' for after in (FIRST, SECOND))
        self.platform.authority_settings = (
            f'[authority.notices]\nsmtp = "smtp://localhost:{sink.port}"\nfrom = "ca@provider.example"\n'
            f'ca_file = "{self.ca_file}"\nuser = "ca"\npassword_file = "{password}"\noperators = ["{OPERATORS}"]\n'
            f'before = [{thresholds}]\nafter = []\nwebhook_ca_file = "{self.ca_file}"\n{extra}\n'
            f'[[authority.profiles]]\nenvironment = "production"\npurpose = "transport"\nlife = "1h"\n')
        self.platform.write_config()
        self.platform.up()
        self.platform.stop()
        self.platform.ports = {}
        self.platform.start("authority")
        self.platform.create_application("production/acme/payments")

    def add_contact(self, *address):
        return self.platform.admin("contacts", "add", "acme", *address)

    def letters(self, state):
        return self.platform.admin("notices", *(["--state", state] if state else []))["notices"]

    def issue(self):
        code = self.platform.code_for("production/acme/payments")
        return self.platform.request_or_fail("transport", code, self.platform.folder / "acme")

    def await_sent(self, mails):
        """Until so many are on record as sent: killed before, they would rightly come again."""
        wait_until(lambda: sum(one["channel"] == "mail" for one in self.letters("sent")) >= mails, f"{mails} mails on record")

    def kill(self):
        self.platform.running.pop("authority").kill()

    def test_once_across_kills_and_restarts(self):
        sink, receiver = self.sink(credential=self.server, password=("ca", "s3cret")), self.receiver()
        self.begin(sink, "danger_private_webhooks = true")
        self.add_contact("--email", "certs@acme.example")
        receiver.secret = self.add_contact("--webhook", receiver.url)["secret"]
        receiver.statuses = [302]  # not followed, and tried again
        serial = testing.serial_of(self.issue())

        wait_until(lambda: sink.to("certs@acme.example") and sink.to(OPERATORS), "the first notice", FIRST + ROUND_SECONDS)
        mail = sink.to("certs@acme.example")[0]
        self.assertTrue(mail.sink_encrypted)
        self.assertEqual(mail["Subject"], "The transport certificate of production/acme/payments ends in 59 minutes")
        self.assertIn(serial, mail.get_payload())
        self.assertIn("countersign renew transport", mail.get_payload())
        self.assertIn(serial, sink.to(OPERATORS)[0].get_payload())

        self.await_sent(mails=2)
        self.kill()
        self.platform.start("authority")
        wait_until(lambda: len(sink.to("certs@acme.example")) > 1, "the second notice", SECOND + ROUND_SECONDS)
        self.await_sent(mails=4)
        self.kill()
        self.platform.start("authority")
        wait_until(lambda: len(receiver.taken) > 1, f"two webhooks; {receiver.refused}", RETRY_SECONDS)
        testing.pause(ROUND_SECONDS)
        self.assertEqual(len(sink.to("certs@acme.example")), 2)
        self.assertEqual(len(sink.to(OPERATORS)), 2)
        self.assertEqual(len({mail["Message-ID"] for mail in sink.mails}), 4)

        self.assertEqual(receiver.refused, [])
        self.assertEqual([one["type"] for one in receiver.taken], ["certificate.ending"] * 2)
        self.assertEqual({one["certificate"]["serial"] for one in receiver.taken}, {serial})
        self.assertEqual(len(receiver.ids), 3, "one was answered 302 and came again, under the same id")
        self.assertEqual(set(receiver.ids), {one["id"] for one in receiver.taken})
        self.assertEqual(len(self.letters("sent")), 6)
        self.assertEqual(self.letters("pending"), [])

    def test_killed_between_yes_and_record(self):
        sink = self.sink(credential=self.server, password=("ca", "s3cret"))
        self.begin(sink)
        sink.answering.clear()
        self.issue()
        wait_until(lambda: sink.mails, "the first notice", FIRST + ROUND_SECONDS)
        self.kill()  # it has handed the mail over, and not heard the answer
        sink.answering.set()
        self.platform.start("authority")
        wait_until(lambda: len(sink.mails) > 1, "the same again", RETRY_SECONDS)
        first, second = sink.mails[:2]
        self.assertEqual(first["Message-ID"], second["Message-ID"], "the receiver can tell")
        self.assertEqual(first.get_payload(), second.get_payload())

    def test_nothing_goes_out_in_clear_or_into_our_network(self):
        sink, receiver = self.sink(password=("ca", "s3cret")), self.receiver()  # as if somebody had taken STARTTLS away
        self.begin(sink)
        self.add_contact("--webhook", receiver.url)
        log = self.platform.records("authority")
        mark = log.mark()
        self.issue()
        wait_until(lambda: len({one["channel"] for one in log.all("notice.failed", mark)}) == 2, "both to fail",
                   FIRST + ROUND_SECONDS)
        errors = {one["channel"]: one["error"] for one in log.all("notice.failed", mark)}
        self.assertIn("mail.failed", errors["mail"])
        self.assertIn("transfer.private_address", errors["webhook"])
        self.assertEqual(sink.mails, [])
        self.assertFalse([line for line in sink.commands if line.split(" ")[0] in ("AUTH", "MAIL")], sink.commands)
        self.assertEqual(receiver.ids, [])
        self.assertEqual({one["state"] for one in self.letters("")}, {"pending"})

    def test_refused_for_good(self):
        sink = self.sink(credential=self.server, password=("ca", "s3cret"))
        sink.refuse.add("gone@acme.example")
        self.begin(sink)
        self.add_contact("--email", "gone@acme.example")
        self.issue()
        given_up = wait_until(lambda: self.letters("given_up"), "the letter to be given up", FIRST + ROUND_SECONDS)
        self.assertEqual([one["to"] for one in given_up], ["gone@acme.example"])
        self.assertIn("mail.refused", given_up[0]["last_error"])


if __name__ == "__main__":
    testing.main()
