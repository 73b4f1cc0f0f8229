"""Scores a bundle on raw data by its own Python snippet. Run in the unpacked bundle: SNIPPET KIND DATA LABEL."""
import csv
import importlib.util
import json
import os
import sys

import numpy as np

snippet, kind, data, label = sys.argv[1:5]
spec = importlib.util.spec_from_file_location("snippet", snippet)
bundle = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bundle)


def samples():
    """Raw samples as the snippet's docstring wants them, with their labels."""
    if kind == "files":
        for name in sorted(os.listdir(data)):
            for file in sorted(os.listdir(os.path.join(data, name))):
                yield os.path.join(data, name, file), name
    elif kind == "listed":
        for row in csv.DictReader(open(os.path.join(data, "labels.csv"), encoding="utf-8", newline="")):
            yield os.path.join(data, row["file"]), row[label]
    elif kind == "csv":
        for row in csv.DictReader(open(data, encoding="utf-8")):
            yield row, row[label]
    elif kind == "jsonl":
        for line in open(data, encoding="utf-8"):
            row = json.loads(line)
            yield (row["text"] if "text" in row else (row["sentence1"], row["sentence2"])), row[label]
    else:
        arrays = dict(np.load(data))
        labels = arrays.pop(label)
        for i in range(len(labels)):
            yield {name: array[i] for name, array in arrays.items()}, labels[i]


def distance(a, b):
    """Levenshtein, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


if hasattr(bundle, "spell"):
    pairs = [(bundle.predict(raw), value) for raw, value in samples()]
    wrong, of = sum(distance(a, b) for a, b in pairs), sum(len(b) for _, b in pairs)
    print(json.dumps({"metric": "cer", "value": wrong / of, "samples": len(pairs)}))
elif hasattr(bundle, "predict") and not os.path.exists("labels.txt"):
    pairs = [(bundle.predict(raw), value == label) for raw, value in samples()]
    right, wrong = sum(a and b for a, b in pairs), sum(a != b for a, b in pairs)
    print(json.dumps({"metric": "eventF1", "value": 2 * right / (2 * right + wrong), "samples": len(pairs)}))
elif hasattr(bundle, "predict"):
    names = open("labels.txt", encoding="utf-8").read().rstrip("\n").split("\n")

    def named(value):
        return value if isinstance(value, str) and value in names else names[int(value)]

    right = [bundle.predict(raw) == named(value) for raw, value in samples()]
    print(json.dumps({"metric": "accuracy", "value": float(np.mean(right)), "samples": len(right)}))
else:
    pairs = [(bundle.run(*bundle.prepare(raw)).reshape(-1), np.reshape(value, -1)) for raw, value in samples()]
    got, want = np.float64([a for a, _ in pairs]), np.float64([b for _, b in pairs])
    r2 = 1 - ((got - want) ** 2).sum(0) / ((want - want.mean(0)) ** 2).sum(0)
    print(json.dumps({"metric": "r2", "value": float(r2.mean()), "samples": len(pairs)}))
