"""The signer against botocore's, on thousands of requests that a seeded generator makes up.

botocore is the implementation that AWS itself ships, so agreement with it in the canonical request, the string to sign
and the signature is the nearest thing to the service's own word that a test without an account can have.
"""

import json
import os
import random
import string
import subprocess
import unittest
from urllib.parse import quote

try:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:  # pragma: no cover
    SigV4Auth = None

HERE = os.path.dirname(os.path.abspath(__file__))
LPG_BIN = os.environ.get("LPG_BIN", os.path.join(HERE, "../../build/lambda-perf-gate"))
SIGNER = os.environ.get(
    "LPG_SIGV4_SIGN", os.path.join(os.path.dirname(os.path.abspath(LPG_BIN)), "tests/sigv4_sign")
)
SEED = int(os.environ.get("LPG_TEST_SEED", "20261123"))
REQUESTS = 4000

UNRESERVED = string.ascii_letters + string.digits + "-._~"
REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"]
SERVICES = ["lambda", "lambda", "lambda", "sts", "logs", "iam"]
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:check-out"
PATHS = [
    "/",
    "/2015-03-31/functions/",
    "/2015-03-31/functions/check_out-1/invocations",
    "/2015-03-31/functions/check_out-1:$LATEST/invocations",
    "/2015-03-31/functions/%s/invocations" % ARN,
    "/2015-03-31/functions/%s/invocations" % quote(ARN, safe=""),
    "/2015-03-31/functions/%s:%%24LATEST/configuration" % ARN,
    "/2017-03-31/tags/" + quote(ARN, safe=""),
    "/a/./b/../c//d/",
    "/../..//.",
    "/..a/.b./...",
]


class Generator:
    """Requests of every shape that botocore can be asked to sign."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, alphabet, low, high):
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(low, high)))

    def path(self):
        if self.random.random() < 0.5:
            return self.random.choice(PATHS)
        parts = []
        for _ in range(self.random.randint(1, 5)):
            kind = self.random.random()
            if kind < 0.15:
                parts.append(self.random.choice(["", ".", "..", "...", "%2e", "%2F"]))
            elif kind < 0.5:
                raw = bytes(self.random.randrange(1, 256) for _ in range(self.random.randint(1, 8)))
                parts.append(quote(raw, safe=self.random.choice(["", ":$@", "!'()*"])))
            elif kind < 0.65:  # printable, and not encoded at all
                parts.append(self.text("abc!$'()*+,;=:@&|^\"<>`{}%", 1, 8))
            else:
                parts.append(self.text(UNRESERVED, 1, 12))
        return "/" + "/".join(parts)

    def query(self):
        pairs = []
        for _ in range(self.random.choice([0, 0, 1, 1, 2, 3, 6, 40])):
            name = self.random.choice(
                ["Qualifier", "Marker", "a", "A", "a-b", "a.b", "aa", "", "é", self.text(UNRESERVED, 1, 4)]
            )
            value = self.random.choice(
                ["", "$LATEST", "1", "2", "10", "=", "&", "+", " ", "/?#", "ü", self.text(string.printable, 0, 9)]
            )
            pair = quote(name, safe="-_.~") + "=" + quote(value, safe="-_.~")
            if not value and name and self.random.random() < 0.5:
                pair = pair[:-1]  # "name" alone means the same as "name="
            pairs.append(pair)
        return "&".join(pairs)

    def blanks(self, low):
        return " " * self.random.choice([low, low, 1, 2, 5]) or ""

    def value(self):
        words = [self.text(UNRESERVED + "=,;/\"(é", 1, 6) for _ in range(self.random.randint(0, 4))]
        text = self.blanks(0)
        for word in words:
            text += word + self.blanks(1)
        return text

    def headers(self, host, token):
        headers = [("Host", host)]
        if self.random.random() < 0.7:
            headers.append(("Content-Type", self.random.choice(["application/json", " text/plain;  charset=utf-8 "])))
        names = ["X-Amz-Log-Type", "x-amz-meta-" + self.text("abc-", 1, 3), "accept", "accept-encoding", "My-Header1", "zz"]
        for name in names:
            for _ in range(self.random.choice([0, 0, 0, 1, 1, 3])):
                headers.append((self.random.choice([name, name.upper(), name.lower()]), self.value()))
        if token:
            headers.append(("X-Amz-Security-Token", token))
        self.random.shuffle(headers)
        return headers

    def request(self):
        r = self.random
        token = self.text(string.ascii_letters + "/+=", 20, 900) if r.random() < 0.4 else None
        host = r.choice(["lambda.eu-west-1.amazonaws.com", "127.0.0.1:%d" % r.randint(1, 65535), "[::1]:3000"])
        stamp = "%04d%02d%02dT%02d%02d%02dZ" % (
            r.randint(2015, 2040), r.randint(1, 12), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59), r.randint(0, 59))
        if r.random() < 0.5:
            stamp = "20261123T213000Z"  # so that the kept signing key is used again
        return {
            "method": r.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
            "path": self.path(),
            "query": self.query(),
            "headers": self.headers(host, token),
            "body": bytes(r.randrange(256) for _ in range(r.choice([0, 0, 1, 63, 64, 65, 1000]))),
            "region": r.choice(REGIONS),
            "service": r.choice(SERVICES),
            "stamp": stamp,
            "access_key": "AKID" + self.text(string.ascii_uppercase, 8, 16),
            "secret_key": r.choice(["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", self.text(string.ascii_letters + "/+", 40, 40)]),
        }


def sign_ours(requests):
    """The tool's answers, one for each request, and what it complained of."""
    lines = []
    for r in requests:
        headers = r["headers"] + [("X-Amz-Date", r["stamp"])]
        line = {k: v for k, v in r.items() if k not in ("path", "body", "headers")}
        line["path_hex"] = r["path"].encode().hex()
        line["body_hex"] = r["body"].hex()
        line["headers"] = headers
        lines.append(json.dumps(line))
    done = subprocess.run(
        [SIGNER], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120
    )
    if done.returncode:
        raise AssertionError("signer failed: " + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def sign_botocore(r, auth_class=None):
    """Canonical request, string to sign and signature as botocore computes them."""
    credentials = Credentials(r["access_key"], r["secret_key"])
    auth = (auth_class or SigV4Auth)(credentials, r["service"], r["region"])
    url = "https://x.invalid" + r["path"] + ("?" + r["query"] if r["query"] else "")
    request = AWSRequest(method=r["method"], url=url, data=r["body"])
    for name, value in r["headers"]:
        request.headers.add_header(name, value)
    request.headers["X-Amz-Date"] = r["stamp"]
    request.context["timestamp"] = r["stamp"]
    canonical = auth.canonical_request(request)
    text = auth.string_to_sign(request, canonical)
    return canonical, text, auth.signature(text, request)


@unittest.skipIf(SigV4Auth is None, "botocore (Debian: python3-boto3) is not installed")
class DifferentialTest(unittest.TestCase):
    def compare(self, requests, auth_class=None):
        answers, complaints = sign_ours(requests)
        self.assertEqual(len(answers), len(requests))
        for r, ours in zip(requests, answers):
            canonical, text, signature = sign_botocore(r, auth_class)
            with self.subTest(path=r["path"], query=r["query"], seed=SEED):
                self.assertEqual(bytes.fromhex(ours["canonical"]).decode(), canonical)
                self.assertEqual(ours["string_to_sign"], text)
                self.assertEqual(ours["signature"], signature)
                self.assertTrue(ours["authorization"].endswith("Signature=" + signature))
                self.assertIn("Credential=%s/" % r["access_key"], ours["authorization"])
                self.assertTrue(ours["verified"], complaints)

    def test_generated_requests(self):
        generator = Generator(SEED)
        self.compare([generator.request() for _ in range(REQUESTS)])

    def test_every_byte_in_a_path(self):
        base = Generator(SEED).request()
        requests = []
        for byte in range(1, 256):
            encoded = quote(bytes([byte]), safe="")
            requests.append(dict(base, path="/functions/a" + encoded + "b"))
            if 0x20 < byte < 0x7F and chr(byte) not in "?#":
                requests.append(dict(base, path="/functions/a" + chr(byte) + "b/c"))
        self.compare(requests)

    def test_s3_encodes_its_path_once(self):
        base = dict(Generator(SEED).request(), service="s3")
        keys = ["/key", "/a//b", "/a/../b", "/photos/J%C3%BCrgen%20%26%20co.jpg", "/a%2Fb", "/%7Eme".replace("%7E", "~")]
        self.compare([dict(base, path=key) for key in keys], S3SigV4Auth)

    def test_a_changed_request_does_not_verify(self):
        """The comparison above would also pass if `verified` were always true."""
        base = Generator(SEED).request()
        ours, _ = sign_ours([base, dict(base, body=base["body"] + b"x")])
        self.assertNotEqual(ours[0]["signature"], ours[1]["signature"])


if __name__ == "__main__":
    unittest.main()
