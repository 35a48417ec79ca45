"""Writes curves.json: ROC and precision-recall curves by scikit-learn, for test/metrics/curves.test.ts.

Run: python3 curves.py > curves.json
"""
import json
import math
import warnings

import numpy as np
import sklearn
from sklearn import metrics

from formula import wave

warnings.filterwarnings("ignore")


def scores(n, phase):
    return wave((n,), phase).astype(float)


def plain(values):
    """JSON has neither NaN nor infinity."""
    return [None if math.isnan(v) else ("inf" if math.isinf(v) else float(v)) for v in values]


CASES = {
    "random": (scores(60, 0.3), [(i * i + 3 * i) % 3 == 0 for i in range(60)]),
    "of a straight line": (np.arange(12.0), [i % 2 == 0 for i in range(12)]),
    "of ties": (np.round(2 * scores(50, 1.1)), [(i // 3) % 2 == 0 for i in range(50)]),
    "of one score": (np.full(9, 0.5), [i < 4 for i in range(9)]),
    "perfectly told apart": (np.arange(8.0), [i >= 5 for i in range(8)]),
    "the wrong way round": (-np.arange(8.0), [i >= 5 for i in range(8)]),
    "without the ones looked for": (scores(7, 0.2), [False] * 7),
    "without others": (scores(7, 0.2), [True] * 7),
    "one looked for": (np.array([0.25]), [True]),
    "one other": (np.array([0.25]), [False]),
    "two": (np.array([0.25, 0.5]), [True, False]),
}
found = {"scikit-learn": sklearn.__version__, "cases": {}}
for name, (scores, positive) in CASES.items():
    fpr, tpr, roc_thresholds = metrics.roc_curve(positive, scores)
    precision, recall, thresholds = metrics.precision_recall_curve(positive, scores)
    found["cases"][name] = {
        "scores": plain(scores),
        "positive": [int(p) for p in positive],
        "roc": {"fpr": plain(fpr), "tpr": plain(tpr), "thresholds": plain(roc_thresholds)},
        "precisionRecall": {"precision": plain(precision), "recall": plain(recall), "thresholds": plain(thresholds)},
    }
print(json.dumps(found))
