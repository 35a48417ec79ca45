"""Writes classes.json: metrics of class probabilities by scikit-learn, numpy and scipy, for test/metrics/class-metrics.test.ts.

Logits are those of `wave`, in float32, as test/reference/wave.ts makes them; probabilities are their softmax in float64.
Run: python3 classes.py > classes.json
"""
import json
import warnings

import numpy as np
from scipy.stats import binomtest
from sklearn import metrics

from formula import softmax, wave

warnings.filterwarnings("ignore")


def expected_calibration_error(p, labels, bins=15):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    place = np.minimum(bins - 1, (confidence * bins).astype(int))
    return float(sum(abs((right[place == b] - confidence[place == b]).sum()) for b in range(bins)) / len(labels))


def adaptive(p, labels, ranges=15):
    n, k = p.shape
    errors = []
    for c in range(k):
        order = np.argsort(p[:, c], kind="stable")
        for r in range(ranges):
            part = order[r * n // ranges : (r + 1) * n // ranges]
            if len(part) > 0:
                errors.append(abs(p[part, c].mean() - (labels[part] == c).mean()))
    return float(np.mean(errors))


def number(value):
    return None if value is None or not np.isfinite(value) else float(value)


CASES = {
    # examples, classes, phase, scale of the logits, labels of example i
    "random": (200, 7, 0.3, 3.0, lambda i: (i * i + 3 * i) % 7),
    "mostly right": (150, 4, 1.1, 4.0, None),
    "without one class": (60, 5, 2.0, 2.0, lambda i: i % 4),
    "of ties": (40, 3, 0.0, 0.0, lambda i: i % 3),
    "of one class": (30, 3, 0.7, 2.0, lambda i: 1),
    "one": (1, 3, 0.7, 2.0, lambda i: 2),
    "fewer than ranges": (9, 6, 0.4, 1.0, lambda i: i % 6),
    "two classes": (80, 2, 0.9, 2.0, lambda i: (i // 3) % 2),
}

found = {}
for name, (n, k, phase, scale, label) in CASES.items():
    p = softmax(wave((n, k), phase, scale).astype(np.float64))
    labels = np.array([label(i) for i in range(n)]) if label else np.where(np.arange(n) % 5 == 0, np.arange(n) % k, p.argmax(axis=1))
    answers = p.argmax(axis=1)
    onehot = np.eye(k)[labels]
    present = [c for c in range(k) if 0 < onehot[:, c].sum() < n]
    interval = binomtest(int((answers == labels).sum()), n).proportion_ci(0.95, method="wilson")
    found[name] = {
        "n": n, "k": k, "phase": phase, "scale": scale, "labels": labels.tolist(),
        "accuracy": number(metrics.accuracy_score(labels, answers)),
        "balancedAccuracy": number(metrics.balanced_accuracy_score(labels, answers)),
        # Over the classes that have examples; precision and recall of what is never answered, or not there, are 0.
        "macroF1": number(metrics.f1_score(labels, answers, labels=sorted(set(labels)), average="macro", zero_division=0)),
        "nll": number(metrics.log_loss(labels, p, labels=list(range(k)))),
        "ece": expected_calibration_error(p, labels),
        "classes": [
            [number(v) for v in row]
            for row in zip(*metrics.precision_recall_fscore_support(labels, answers, labels=list(range(k)), zero_division=0))
        ],
        "confusion": metrics.confusion_matrix(labels, answers, labels=list(range(k))).tolist(),
        "kappa": number(metrics.cohen_kappa_score(labels, answers, labels=list(range(k)))),
        "mcc": number(metrics.matthews_corrcoef(labels, answers)),
        "top2": None if scale == 0 else number(metrics.top_k_accuracy_score(labels, p, k=2, labels=list(range(k))) if k > 2 else 1.0),
        "brier": number(((p - onehot) ** 2).sum(axis=1).mean()),
        "ace": adaptive(p, labels),
        "auroc": number(np.mean([metrics.roc_auc_score(onehot[:, c], p[:, c]) for c in present])) if present else None,
        "averagePrecision": number(np.mean([metrics.average_precision_score(onehot[:, c], p[:, c]) for c in present])) if present else None,
        "wilson": [float(interval.low), float(interval.high)],
    }
    if k > 2 and len(set(labels)) > 1:
        library = metrics.brier_score_loss(labels, p, labels=list(range(k)))
        assert abs(library - found[name]["brier"]) < 1e-12, (name, library)
print(json.dumps(found, indent=1))
