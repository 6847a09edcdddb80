"""A bootstrap built with aws-lambda-go: chunked requests, streamed answers and the trailers of one that breaks."""

import os
import unittest

from interop import need
import support


class Go(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        package = support.zip_program(os.path.join(need("go"), "bootstrap"))
        cls.serve = support.Serve("--unshaped")
        cls.addClassCleanup(cls.serve.stop)
        cls.client = cls.serve.client()
        support.create(cls.client, "go", package, handler="bootstrap", MemorySize=256)

    def call(self, **event):
        return support.invoke(self.client, "go", event)

    def test_answers_with_its_context(self):
        answer = self.call(name="gopher")
        self.assertIsNone(answer.error, answer.raw)
        self.assertEqual(answer.value, {
            "greeting": "hello gopher", "request_id": answer.request_id, "version": "$LATEST", "memory": 256,
            "arn": "arn:aws:lambda:%s:000000000000:function:go" % support.REGION})
        self.assertIn("go says gopher", answer.log)
        self.assertEqual(answer.report["Memory Size"], "256 MB")

    def test_keeps_its_process_between_calls(self):
        self.call()
        self.assertNotIn("Init Duration", self.call().report)

    def test_error(self):
        answer = self.call(fail="error")
        self.assertEqual((answer.status, answer.error), (200, "Unhandled"))
        self.assertEqual(answer.value, {"errorMessage": "asked to fail", "errorType": "errorString"})

    def test_panic_ends_the_process_and_a_new_one_answers(self):
        answer = self.call(fail="panic")
        self.assertEqual(answer.error, "Unhandled")
        self.assertEqual((answer.value["errorMessage"], answer.value["errorType"]), ("asked to panic", "string"))
        self.assertIn("Init Duration", self.call().report)

    def test_streamed_answer_arrives_whole(self):
        for size in (1, 4096, 1000000):
            with self.subTest(size):
                answer = self.call(stream=size)
                self.assertIsNone(answer.error, answer.raw[:200])
                self.assertEqual(answer.raw, b"x" * size)

    def test_stream_that_breaks_is_an_error(self):
        answer = self.call(**{"stream": 100000, "break": True})
        self.assertEqual(answer.error, "Unhandled", answer.raw[:200])


if __name__ == "__main__":
    unittest.main()
