#!/usr/bin/python3
"""Checks files of metrics as strictly as promtool does (the Debian package of which starts a server).

    check_metrics.py FILE...     each file; and that counters do not go down from one to the next

Format: https://prometheus.io/docs/instrumenting/exposition_formats/; naming: promtool's lint.
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"^({NAME})\{{({LABEL}(?:,{LABEL})*)?\}} (\S+)$")
NON_BASE = {"bits": "bytes", "milliseconds": "seconds", "minutes": "seconds", "hours": "seconds", "kilobytes": "bytes",
            "megabytes": "bytes", "percent": "ratio", "ms": "seconds", "us": "seconds", "ns": "seconds"}


def check(name):
    data = open(name, "rb").read()
    assert data.endswith(b"\n"), "the last line has no end"
    samples, helped, types, family = {}, set(), {}, None
    done = set()
    for line in data.decode("utf-8", "strict").split("\n")[:-1]:
        where = f"{name}: {line}"
        comment = re.match(rf"^# (HELP|TYPE) ({NAME}) (.+)$", line)
        if comment:
            kind, metric, rest = comment.groups()
            if kind == "HELP":
                assert metric not in helped, f"{where}: a second HELP"
                helped.add(metric)
            else:
                assert metric in helped, f"{where}: no HELP before"
                assert metric not in types, f"{where}: a second TYPE"
                assert rest in ("counter", "gauge"), where
                types[metric] = rest
                assert metric not in done, f"{where}: families are mixed"
                family = metric
                done.add(metric)
            continue
        match = SAMPLE.match(line)
        assert match, f"{where}: neither sample nor comment"
        metric, value = match.group(1), match.groups()[-1]
        assert metric == family, f"{where}: outside its family"
        labels = re.findall(LABEL, match.group(2) or "")
        assert len({key for key, _ in labels}) == len(labels), f"{where}: a label twice"
        assert ("channel" in dict(labels)), f"{where}: no channel"
        key = (metric, tuple(sorted(labels)))
        assert key not in samples, f"{where}: twice"
        samples[key] = float(value)
        assert samples[key] == samples[key] and abs(samples[key]) != float("inf"), f"{where}: no number"
        words = metric.split("_")
        assert not set(words) & set(NON_BASE), f"{where}: not a base unit"
        assert (types[metric] == "counter") == metric.endswith("_total"), f"{where}: counters, and only they, end in _total"
        assert metric == metric.lower() and metric.startswith("headend_"), where
    assert samples, f"{name}: no samples"
    for metric in types:
        assert any(key[0] == metric for key in samples), f"{name}: {metric} has no samples"
    return {key: value for key, value in samples.items() if types[key[0]] == "counter"}


before = {}
for file in sys.argv[1:]:
    counters = check(file)
    for key, value in before.items():
        assert counters.get(key, value) >= value, f"{file}: {key} went down from {value} to {counters[key]}"
    before = counters
assert sys.argv[1:], __doc__
