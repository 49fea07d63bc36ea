"""Approval from end to end: what the policy wants two people to see is issued only after both approved exactly that."""
import hashlib
import json
import subprocess

import path  # noqa: F401
from harness import testing
from harness.platform import credential_in

PROFILES = """
[[authority.profiles]]
environment = "uat"
purpose = "transport"
approvals = 2
"""
PENDING = 3
DENIED = 4


class ApprovalTest(testing.PlatformTest):
    authority_settings = PROFILES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alice = cls.platform.enrol_operator("alice")
        cls.bob = cls.platform.enrol_operator("bob")

    def requests(self, *words, by):
        """`countersign admin requests ...` as that operator: exit status, and its answer or error."""
        done = self.platform.run("admin", "requests", *words, "--operator", by, "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def ask(self, code, out, *options):
        return self.platform.request("transport", code, out, "--json", *options)

    def open_request(self, name):
        """An application, its code, the folder, and the request that its first question opened."""
        application = f"uat/acme/{name}"
        self.platform.create_application(application)
        code, out = self.platform.code_for(application), self.platform.folder / name
        asked = self.ask(code, out)
        self.assertEqual(asked.returncode, PENDING, asked.stderr)
        return application, code, out, json.loads(asked.stdout)["request"]

    def approve(self, request, by):
        status, answer = self.requests("approve", request, by=by)
        self.assertEqual(status, 0, answer)
        return answer

    def enrol_approved(self, name):
        _, code, out, request = self.open_request(name)
        self.approve(request, self.alice)
        self.approve(request, self.bob)
        issued = self.ask(code, out)
        self.assertEqual(issued.returncode, 0, issued.stderr)
        return out

    def test_two_others_approve_and_the_same_command_gets_the_certificate(self):
        application, code, out, request = self.open_request("payments")
        key = (out / "transport.key").read_text()
        self.assertFalse((out / "transport.pem").exists())
        status, error = self.requests("approve", request, by=self.platform.authority_folder / "operator")
        self.assertEqual(status, DENIED, "who made the code approves it")
        self.assertIn("approval.own", error)

        status, shown = self.requests("show", request, by=self.alice)
        content = json.dumps(shown["content"], separators=(",", ":"))
        self.assertEqual(hashlib.sha256(content.encode()).hexdigest(), shown["content_sha256"])
        self.assertEqual(shown["content"]["urn"], "urn:countersign:uat:acme:payments")
        status, error = self.requests("approve", request, "--content", "00" * 32, by=self.alice)
        self.assertEqual((status, "request.changed" in error), (1, True), error)
        status, answer = self.requests("approve", request, "--content", shown["content_sha256"], "--comment", "called them",
                                       by=self.alice)
        self.assertEqual((status, answer["state"], len(answer["approvals"])), (0, "pending", 1), answer)
        self.assertEqual(self.approve(request, self.alice)["state"], "pending", "one person counts once")

        asked = self.ask(code, out)
        self.assertEqual((asked.returncode, json.loads(asked.stdout)["approvals"]), (PENDING, 1))
        self.assertEqual(self.approve(request, self.bob)["state"], "approved")
        issued = self.ask(code, out)
        self.assertEqual(issued.returncode, 0, issued.stderr)
        self.assertEqual((out / "transport.key").read_text(), key, "the key that was approved")
        listed = self.requests("list", "--application", application, by=self.bob)[1]["requests"]
        self.assertEqual([(one["request"], one["state"]) for one in listed], [(request, "issued")])

    def test_a_person_reads_what_would_be_issued(self):
        *_, request = self.open_request("readable")
        done = self.platform.run("admin", "requests", "show", request, "--operator", self.alice)
        for part in ("pending, 0 of 2 approvals", "urn:countersign:uat:acme:readable", "1.3.6.1.5.5.7.3.2", "350 days",
                     f"requests approve {request} --content"):
            self.assertIn(part, done.stdout)

    def test_a_refusal_reaches_the_requester_with_its_reason(self):
        _, code, out, request = self.open_request("unwanted")
        status, answer = self.requests("refuse", request, "--reason", "no contract", by=self.alice)
        self.assertEqual((status, answer["state"]), (0, "refused"), answer)
        asked = self.ask(code, out)
        self.assertEqual(asked.returncode, DENIED)
        self.assertIn("request.refused", asked.stderr)
        self.assertIn("no contract", asked.stderr)
        status, error = self.requests("approve", request, by=self.bob)
        self.assertEqual((status, "request.decided" in error), (1, True), error)

    def test_waits_for_the_approvals_when_told_to(self):
        _, code, out, request = self.open_request("patient")
        waiting = testing.start(self.platform.command(
            "request", "transport", "--code", code, "--out", out, "--wait", "5s", "--authority",
            f"localhost:{self.platform.ports['api']}", "--trust-chain", self.platform.trust_chain), self.platform.folder)
        self.approve(request, self.alice)
        self.approve(request, self.bob)
        output, error = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0, error)
        self.assertTrue((out / "transport-chain.pem").exists(), output)

    def test_a_renewal_waits_with_its_key_and_is_asked_for_again(self):
        out = self.enrol_approved("renewing")
        first = testing.serial_of(credential_in(out, "transport"))
        asked = self.platform.run("renew", "transport", "--out", out, "--force", "--json")
        self.assertEqual(asked.returncode, PENDING, asked.stderr)
        request = json.loads(asked.stdout)["request"]
        key = (out / "transport.key.next").read_text()
        again = self.platform.run("renew", "transport", "--out", out, "--json")
        self.assertEqual((again.returncode, json.loads(again.stdout)["request"]), (PENDING, request))
        shown = self.requests("show", request, by=self.alice)[1]
        self.assertEqual(shown["content"]["replaces"], first)
        self.approve(request, self.alice)
        self.approve(request, self.bob)
        renewed = self.platform.run("renew", "transport", "--out", out, "--json")
        self.assertEqual(renewed.returncode, 0, renewed.stderr)
        self.assertEqual(json.loads(renewed.stdout)["replaces"], first)
        self.assertEqual((out / "transport.key").read_text(), key)
        self.assertFalse((out / "transport.key.next").exists())

    def test_the_agent_asks_again_until_it_is_approved(self):
        out = self.enrol_approved("machine")
        config = self.platform.folder / "agent.toml"
        config.write_text(f'[[certificates]]\ndir = "{out}"\nauthority = "localhost:{self.platform.ports["api"]}"\n'
                          f'trust_chain = "{self.platform.trust_chain}"\ndanger_renew_after = "1s"\n')
        once = self.platform.command("agent", "--config", config, "--once")

        def look():
            return subprocess.run(once, capture_output=True, text=True, timeout=60)

        first = look()
        self.assertEqual((first.returncode, "certificate.pending" in first.stderr), (PENDING, True), first.stderr)
        key = (out / "transport.key.next").read_text()
        self.assertEqual(look().returncode, PENDING)
        pending = self.requests("list", "--application", "uat/acme/machine", "--state", "pending", by=self.alice)[1]["requests"]
        self.assertEqual(len(pending), 1, "asking again opens no other request")
        self.approve(pending[0]["request"], self.alice)
        self.approve(pending[0]["request"], self.bob)
        done = look()
        self.assertEqual((done.returncode, (out / "transport.key").read_text()), (0, key), done.stderr)

    def test_a_refused_renewal_begins_anew_with_another_key(self):
        out = self.enrol_approved("stubborn")
        request = json.loads(self.platform.run("renew", "transport", "--out", out, "--force", "--json").stdout)["request"]
        self.requests("refuse", request, "--reason", "not yet", by=self.bob)
        refused = self.platform.run("renew", "transport", "--out", out)
        self.assertEqual((refused.returncode, "request.refused" in refused.stderr, "--new-key" in refused.stderr),
                         (DENIED, True, True), refused.stderr)
        anew = self.platform.run("renew", "transport", "--out", out, "--new-key", "--json")
        self.assertEqual(anew.returncode, PENDING, anew.stderr)
        self.assertNotEqual(json.loads(anew.stdout)["request"], request)

    def test_codes_are_listed_and_cancelled(self):
        self.platform.create_application("uat/acme/astray")
        code = self.platform.code_for("uat/acme/astray")
        digest = hashlib.sha256(code.encode()).hexdigest()[:16]
        listed = self.platform.admin("codes", "list", "uat/acme/astray")["enrolment_codes"]
        self.assertEqual([one["digest"] for one in listed], [digest])
        self.assertIn("cancelled", self.platform.admin("codes", "cancel", "uat/acme/astray", digest))
        asked = self.ask(code, self.platform.folder / "astray")
        self.assertEqual((asked.returncode, "code.cancelled" in asked.stderr), (DENIED, True), asked.stderr)


if __name__ == "__main__":
    testing.main()
