# What schemathesis cannot know of the API: its answers are lines, and the last one is the outcome.
import json

import schemathesis


@schemathesis.deserializer("application/x-ndjson")
def last_line(ctx, response):
    return json.loads(response.text.strip().split("\n")[-1])


@schemathesis.check
def foreseen(ctx, response, case):
    met = [line for line in response.text.splitlines() if "UNFORESEEN" in line]
    if met:
        raise AssertionError(f"a failure that nobody foresaw: {met[0][:300]}")
