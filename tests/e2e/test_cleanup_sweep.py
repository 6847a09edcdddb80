"""`cleanup --older-than`: out of ten thousand functions exactly those that are ours and expired."""

import json
import random
import re
import unittest

from endpoint_case import HOUR, SEED, EndpointTest, tags


class Sweep(EndpointTest):
    def populate(self, server, total=10000, decoys=200, expired=150, live=50):
        """Names of those that must go. Everything else must stay."""
        rng = random.Random(SEED)

        def run():
            return "%08x" % rng.getrandbits(32)
        mine, its_run = set(), None
        for i in range(expired):
            its_run = run()
            mine.add("lpg-%s-f-%d" % (its_run, i))
            server.add_function("lpg-%s-f-%d" % (its_run, i), tags(its_run, age_s=rng.uniform(2.1, 500) * HOUR))
        for i in range(live):
            its_run = run()
            server.add_function("lpg-%s-live-%d" % (its_run, i),
                                tags(its_run, age_s=rng.uniform(0, 1.9) * HOUR) if i % 2 else
                                tags(its_run, age_s=5 * HOUR, life_s=6 * HOUR))
        for i in range(decoys):
            server.add_function(*self.decoy(rng, run(), i))
        while len(server.functions) < total:
            server.add_function("service-%08x" % rng.getrandbits(32), {"team": "shop"})
        return mine

    def decoy(self, rng, run, i):
        old = tags(run, age_s=100 * HOUR)
        missing = dict(old)
        del missing[rng.choice(sorted(missing))]
        shapes = [
            ("lpg-%s-untagged-%d" % (run, i), {}),
            ("lpg-%s-foreign-%d" % (run, i), {"team": "shop"}),
            ("lpg-%s-partly-%d" % (run, i), missing),
            ("lpg-%s-other-%d" % (run, i), dict(old, **{"lambda-perf-gate:run": "ffffffff"})),
            ("lpg-%s-future-%d" % (run, i), tags(run, age_s=-100 * HOUR)),
            ("lpg-%s-odd-%d" % (run, i), tags(run, age_s=100 * HOUR, life_s=-HOUR)),
            ("lpg-%s-date-%d" % (run, i), dict(old, **{"lambda-perf-gate:expires": "2026-01-01"})),
            ("lpg-%s" % run, old),
            ("lpg-%s-%d" % (run.upper().replace("0", "A") + "G", i), old),
            ("lpg-prod-%d-%s" % (i, run), old),
            ("x-lpg-%s-f-%d" % (run, i), old),
            ("LPG-%s-f-%d" % (run, i), old),
            ("lpgx%s-f-%d" % (run, i), old),
        ]
        return shapes[i % len(shapes)]

    def test_deletes_exactly_what_is_ours_and_expired(self):
        server = self.server([{"call": "ListFunctions", "share": 0.03, "do": "answer", "status": 429},
                              {"call": "ListFunctions", "share": 0.02, "do": "answer", "status": 500},
                              {"call": "ListFunctions", "share": 0.2, "do": "repeat"},
                              {"call": "GetFunction", "share": 0.03, "do": "answer", "status": 429},
                              {"call": "GetFunction", "share": 0.02, "do": "drop", "bytes": "random"},
                              {"call": "DeleteFunction", "share": 0.05, "do": "answer", "status": 503},
                              {"call": "DeleteFunction", "share": 0.05, "do": "drop", "when": "response"}], rate=400)
        project = self.project()
        mine = self.populate(server)
        before = set(server.functions)
        run = self.cleanup(project, server, "--older-than", "2h", "--dry-run")
        self.assert_code(run, 0)
        self.assertEqual(set(re.findall(r"^expired: (\S+)", run.stdout, re.M)), mine)
        self.assertEqual(set(server.functions), before)
        self.assertEqual(server.calls("DeleteFunction"), [])
        run = self.cleanup(project, server, "--older-than", "2h")
        self.assert_code(run, 0)
        self.assertEqual(before - set(server.functions), mine)
        self.assertIn("10000 functions listed: 150 expired, 150 removed, 50 live", run.stderr)
        looked_at = {r.name for r in server.calls("GetFunction")}
        self.assertEqual([name for name in looked_at if not name.startswith("lpg-")], [])

    def test_that_is_not_complete_is_exit_5(self):
        for fault in ({"call": "GetFunction", "name": "unreadable", "do": "answer", "status": 403},
                      {"call": "ListFunctions", "first": 3, "do": "answer", "status": 403},
                      {"call": "ListFunctions", "first": 2, "times": 1, "do": "garble", "body": "[]"}):
            with self.subTest(fault):
                server, project = self.server([fault]), self.project()
                mine = self.populate(server, total=200, decoys=0, expired=5, live=5)
                server.add_function("lpg-00000000-unreadable", tags("00000000", age_s=9 * HOUR))
                before = set(server.functions)
                run = self.cleanup(project, server, "--older-than", "2h")
                self.assert_code(run, 5)
                self.assertIn("not everything could be looked at", run.stderr)
                self.assertLessEqual(before - set(server.functions), mine | {"lpg-00000000-unreadable"})
                if fault["call"] == "GetFunction":
                    self.assertEqual(before - set(server.functions), mine)

    def test_a_list_without_an_end(self):
        server = self.server([{"call": "ListFunctions", "do": "garble", "status": 200,
                               "body": json.dumps({"Functions": [], "NextMarker": "again"})}])
        run = self.cleanup(self.project(), server, "--older-than", "2h")
        self.assert_code(run, 5)
        self.assertIn("does not end", run.stderr)

    def test_usage(self):
        project, server = self.project(), self.server()
        self.assert_code(project.tool("cleanup"), 2)
        for age in ("2", "soon", "-1h", ""):
            self.assert_code(self.cleanup(project, server, "--older-than=" + age), 2)
        self.assert_code(project.tool("cleanup", "--endpoint-url", server.url), 2)  # no keys
        self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
