"""Prices and budgets: the price list is fetched from a stand-in of AWS's host, and no run spends more than it may."""

import http.server
import json
import os
import threading
import unittest

from gate_project import Project, c_side, perf_yml
from support import Serve

INDEX = "/offers/v1.0/aws/AWSLambda/current/region_index.json"
GROUPS = {"AWS-Lambda-Duration": "x86", "AWS-Lambda-Duration-ARM": "arm", "AWS-Lambda-Requests": "request",
          "AWS-Lambda-Storage-Duration": "storage"}
PRICES = {"x86": "0.0000333334", "arm": "0.0000266668", "request": "0.0000004000", "storage": "0.0000000309"}


def offer(region, currency="USD", **changed):
    """A region's offer file, in AWS's shape."""
    products, terms = {}, {}
    for number, (group, name) in enumerate(GROUPS.items()):
        sku = "SKU%d" % number
        products[sku] = {"sku": sku, "productFamily": "Serverless",
                         "attributes": {"group": group, "location": "Somewhere", "regionCode": region}}
        price = {**PRICES, **changed}[name]
        terms[sku] = {sku + ".JRTCKXETXF": {"priceDimensions": {
            sku + ".JRTCKXETXF.2": {"beginRange": "6000000000", "endRange": "Inf", "pricePerUnit": {currency: "0"}},
            sku + ".JRTCKXETXF.1": {"beginRange": "0", "endRange": "6000000000", "pricePerUnit": {currency: price}}}}}
    return {"formatVersion": "v1.0", "offerCode": "AWSLambda", "version": "20261120", "products": products,
            "publicationDate": "2026-11-20T18:33:16Z", "terms": {"OnDemand": terms}}


class PriceHost(http.server.ThreadingHTTPServer):
    """Serves the JSON documents of a dict by their paths."""

    def __init__(self, documents):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = documents.get(self.path)
                body = json.dumps(found).encode() if found is not None else b"no such key"
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server_port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


def documents(**offers):
    regions = {name: {"regionCode": name, "currentVersionUrl": "/%s/index.json" % name}
               for name in (key.replace("_", "-") for key in offers)}
    return {INDEX: {"formatVersion": "v1.0", "regions": regions},
            **{"/%s/index.json" % key.replace("_", "-"): document for key, document in offers.items()}}


class PricesTest(unittest.TestCase):
    def project(self, *arguments, **named):
        project = Project(*arguments, **named)
        self.addCleanup(project.__exit__)
        return project

    def host(self, **offers):
        host = PriceHost(documents(**offers))
        self.addCleanup(host.stop)
        return host.url


class Update(PricesTest):
    def test_fetched_prices_are_shown_and_kept(self):
        project = self.project()
        before = project.tool("prices")
        self.assertEqual(before.code, 0, before)
        self.assertNotIn("mx-central-1", before.stdout)
        url = self.host(eu_west_1=offer("eu-west-1"), mx_central_1=offer("mx-central-1", x86="0.0000175000"))
        update = project.tool("prices", "update", "--from", url)
        self.assertEqual(update.code, 0, update)
        self.assertIn("mx-central-1: price list of 2026-11-20", update.stdout)
        after = project.tool("prices").stdout.splitlines()
        self.assertEqual(len(after), len(before.stdout.splitlines()) + 1)
        line = [row for row in after if row.startswith("mx-central-1")][0]
        self.assertEqual(line.split()[:5], ["mx-central-1", "0.0000175", "0.0000266668", "0.0000004", "0.0000000309"])
        self.assertTrue(line.endswith("AWS price list of 2026-11-20"), line)
        kept = [row for row in after if row.startswith("us-east-1")]
        self.assertEqual(kept, [row for row in before.stdout.splitlines() if row.startswith("us-east-1")])

    def test_one_region_and_a_list_fetched_by_hand(self):
        project = self.project()
        url = self.host(eu_west_1=offer("eu-west-1"), mx_central_1=offer("mx-central-1"))
        only = project.tool("prices", "update", "--from", url, "--region", "mx-central-1", "--file", "p.json")
        self.assertEqual(only.code, 0, only)
        with open(project.path("p.json"), encoding="utf-8") as f:
            self.assertEqual([p["region"] for p in json.load(f)["prices"]], ["mx-central-1"])
        project.write("offer.json", json.dumps(offer("eu-south-2")))
        again = project.tool("prices", "update", "--from", "offer.json", "--file", "p.json")
        self.assertEqual(again.code, 0, again)
        with open(project.path("p.json"), encoding="utf-8") as f:
            self.assertEqual([p["region"] for p in json.load(f)["prices"]], ["eu-south-2", "mx-central-1"])

    def test_a_region_in_another_currency_is_left_out_with_a_warning(self):
        project = self.project()
        url = self.host(cn_north_1=offer("cn-north-1", currency="CNY"), eu_west_1=offer("eu-west-1"))
        update = project.tool("prices", "update", "--from", url)
        self.assertEqual(update.code, 0, update)
        self.assertIn("cn-north-1: the price list is not in US dollars", update.stderr)
        asked = project.tool("prices", "update", "--from", url, "--region", "cn-north-1")
        self.assertEqual(asked.code, 4, asked)

    def test_failures_leave_the_prices_as_they_were(self):
        project = self.project()
        good = self.host(eu_west_1=offer("eu-west-1"))
        self.assertEqual(project.tool("prices", "update", "--from", good, "--file", "p.json").code, 0)
        with open(project.path("p.json"), "rb") as f:
            before = f.read()
        incomplete = documents(eu_west_1=offer("eu-west-1"), eu_west_2=offer("eu-west-2"))
        del incomplete["/eu-west-2/index.json"]
        lost = PriceHost(incomplete)
        self.addCleanup(lost.stop)
        for source, words in ((lost.url, "eu-west-2: http"), (self.host(eu_west_1={}), "no price list"),
                              (self.host(eu_west_1=offer("eu-west-3")), "that of 'eu-west-3'"),
                              ("http://127.0.0.1:9", "127.0.0.1"), ("no-such-file", "no-such-file")):
            update = project.tool("prices", "update", "--from", source, "--file", "p.json", "--region", "eu-west-1",
                                  "--region", "eu-west-2")
            self.assertNotEqual(update.code, 0, source)
            self.assertIn(words, update.stderr)
            with open(project.path("p.json"), "rb") as f:
                self.assertEqual(f.read(), before, source)
        none = project.tool("prices", "update", "--from", good, "--file", "p.json", "--region", "mars-1")
        self.assertEqual(none.code, 2, none)

    def test_damaged_file_and_wrong_words(self):
        project = self.project()
        os.makedirs(os.path.join(project.base, "config/lambda-perf-gate"))
        path = os.path.join(project.base, "config/lambda-perf-gate/prices.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"schema":"lambda-perf-gate/prices/1","prices":[{"region":"eu-west-1"}]}')
        show = project.tool("prices")
        self.assertEqual(show.code, 4, show)
        self.assertIn(path + ": prices.0.published", show.stderr)
        self.assertEqual(project.tool("prices", "updat").code, 2)


class Use(PricesTest):
    LIMITS = "mean: ['+300%', '+20ms']"

    def cost(self, run):
        return run.metric("cost_per_million")["baseline"]

    def test_a_run_charges_what_was_fetched_and_says_so(self):
        project = self.project(perf_yml(limits=self.LIMITS), baseline=c_side(), candidate=dict(c_side(), note="new"))
        plain = project.run("--region", "eu-west-1")
        self.assertEqual(plain.code, 0, plain)
        self.assertEqual(plain.result["prices"], "AWS price list of 2026-09-19, eu-west-1")
        built_in = self.cost(plain)
        url = self.host(eu_west_1=offer("eu-west-1"))  # twice as dear
        self.assertEqual(project.tool("prices", "update", "--from", url).code, 0)
        again = project.tool("compare", "--json", "--region", "eu-west-1")
        metrics = json.loads(again.stdout)["functions"][0]["metrics"]
        fetched = [m["baseline"] for m in metrics if m["id"] == "cost_per_million"][0]
        self.assertAlmostEqual(fetched / built_in, 2, places=3)

    def test_unknown_region_says_what_to_do(self):
        project = self.project(perf_yml(limits=self.LIMITS), baseline=c_side(), candidate=dict(c_side(), note="new"))
        run = project.run("--region", "mars-north-1")
        self.assertEqual(run.result["prices"], "AWS price list of 2026-09-19, us-east-1")
        self.assertTrue([w for w in run.function["warnings"] if "mars-north-1" in w and "prices update" in w], run)


class Budget(PricesTest):
    ROUNDS = "{ min: 5, max: 40, environments: 1, calls: 4 }"  # 10 invocations a round

    def endpoint(self, project):
        serve = Serve()
        self.addCleanup(serve.stop)
        keys = {"AWS_ACCESS_KEY_ID": serve.access_key, "AWS_SECRET_ACCESS_KEY": serve.secret_key}
        project.others.add(serve.process.pid)
        project.others |= set(project.processes())
        return lambda *arguments: project.run("--endpoint-url", serve.url, *arguments, env=keys)

    def test_invocations_never_exceed_the_limit(self):
        # a limit that nothing can answer: only the budget ends this run
        project = self.project(perf_yml(rounds=self.ROUNDS, limits="p99: '+0.1%'"), baseline=c_side(),
                               candidate=dict(c_side(), note="new"))
        run = project.run("--max-invocations", "79")
        self.assertEqual(run.code, 3, run)
        self.assertEqual(run.result["spend"]["invocations"], 70)
        self.assertTrue([w for w in run.function["warnings"] if "--max-invocations" in w], run)

    def test_no_room_for_one_round(self):
        project = self.project(perf_yml(rounds=self.ROUNDS), baseline=c_side(), candidate=dict(c_side(), note="new"))
        run = project.run("--max-invocations", "9")
        self.assertEqual(run.code, 4, run)
        self.assertEqual(run.result["spend"]["invocations"], 0)
        self.assertIn("no room for one round: 10 invocations", run.stdout)

    def test_functions_share_what_there_is(self):
        both = perf_yml(rounds=self.ROUNDS, limits="p99: '+0.1%'")
        both += "".join(line.replace("  f:", "  g:") + "\n" for line in both.splitlines()[2:])
        project = self.project(both, baseline=c_side(), candidate=dict(c_side(), note="new"))
        run = project.run("--max-invocations", "120")
        self.assertEqual([f["rounds"] for f in run.result["functions"]], [6, 6], run)

    def test_dollars_at_an_endpoint(self):
        # 5 s of timeout and 10 s of init at 1769 MB: $0.000432 an invocation at most, $0.00432 a round
        project = self.project(perf_yml(rounds=self.ROUNDS, limits="p99: '+0.1%'"), baseline=c_side(),
                               candidate=dict(c_side(), note="new"))
        at = self.endpoint(project)
        small = at("--budget-usd", "0.0043")
        self.assertEqual(small.code, 4, small)
        self.assertIn("--budget-usd", small.stdout)
        self.assertEqual(small.result["spend"]["invocations"], 0)
        enough = at("--budget-usd", "0.00433")
        self.assertEqual(enough.code, 3, enough)
        self.assertGreaterEqual(enough.result["spend"]["invocations"], 10)
        self.assertLess(enough.result["spend"]["invocations"], 400)
        self.assertIn("at most 400 invocations, for $0.00433", enough.stderr)


if __name__ == "__main__":
    unittest.main()
