"""Writes bootstrap.json: percentile intervals of stratified resamples, by numpy and scikit-learn, for test/metrics/bootstrap.test.ts.

Logits are those of `wave`, in float32, as test/reference/wave.ts makes them; probabilities are their softmax in float64.
`sd` is the standard deviation of a metric over resamples, `step` the least by which one that is a count can change.
Run: python3 bootstrap.py > bootstrap.json
"""
import json
import math
import warnings

import numpy as np
import sklearn
from sklearn import metrics

from formula import softmax, wave

warnings.filterwarnings("ignore")
RESAMPLES = 20_000


def ece(p, labels, bins=15):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    place = np.minimum(bins - 1, (confidence * bins).astype(int))
    return sum(abs((right[place == b] - confidence[place == b]).sum()) for b in range(bins)) / len(labels)


def auroc(score, positive):
    """Mann-Whitney, equal to scikit-learn's roc_auc_score, but fast enough for so many resamples."""
    other = np.sort(score[~positive])
    own = score[positive]
    below, upto = np.searchsorted(other, own, "left"), np.searchsorted(other, own, "right")
    return (below + upto).sum() / 2 / len(own) / len(other)


def precision(score, positive):
    """Average precision, equal to scikit-learn's but faster."""
    order = np.argsort(-score, kind="stable")
    score, positive = score[order], positive[order]
    last = np.append(score[1:] != score[:-1], True)
    hits, places = np.cumsum(positive)[last], np.arange(1, len(score) + 1)[last]
    return (np.diff(hits, prepend=0) * hits / places).sum() / hits[-1]


def agreement(matrix):
    n, right = matrix.sum(), np.trace(matrix)
    own, answered = matrix.sum(axis=1), matrix.sum(axis=0)
    chance = own @ answered
    return {
        "kappa": (right * n - chance) / (n * n - chance),
        "mcc": (right * n - chance) / math.sqrt((n * n - own @ own) * (n * n - answered @ answered)),
    }


def statistics(p, labels):
    answers = p.argmax(axis=1)
    k = p.shape[1]
    matrix = np.zeros((k, k))
    np.add.at(matrix, (labels, answers), 1)
    support = matrix.sum(axis=1)
    present = support > 0
    hits = np.diag(matrix)
    return {
        "accuracy": hits.sum() / len(labels),
        "balancedAccuracy": (hits[present] / support[present]).mean(),
        "macroF1": (2 * hits / np.maximum(1, support + matrix.sum(axis=0)))[present].mean(),
        "ece": ece(p, labels),
        "nll": -np.log(p[np.arange(len(labels)), labels]).mean(),
        "auroc": np.mean([auroc(p[:, c], labels == c) for c in np.flatnonzero(present & (support < len(labels)))]),
        "averagePrecision": np.mean([precision(p[:, c], labels == c) for c in np.flatnonzero(present)]),
        "brier": ((p - np.eye(k)[labels]) ** 2).sum(axis=1).mean(),
        **agreement(matrix),
    }


CASES = {
    "random": (120, 5, 0.3, 3.0, lambda i: (i * i + 3 * i) % 5),
    "mostly right": (150, 4, 1.1, 4.0, None),
    "of unequal classes": (90, 3, 0.7, 2.0, lambda i: 0 if i % 9 else 1 + (i // 9) % 2),
    "without one class": (60, 5, 2.0, 2.0, lambda i: i % 4),
}
out = {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "cases": {}}
for name, (n, k, phase, scale, label) in CASES.items():
    p = softmax(wave((n, k), phase, scale).astype(np.float64))
    labels = np.array([label(i) for i in range(n)]) if label else np.where(np.arange(n) % 5 == 0, np.arange(n) % k, p.argmax(axis=1))
    whole = statistics(p, labels)
    answers = p.argmax(axis=1)
    classes = sorted(set(labels))
    assert math.isclose(whole["balancedAccuracy"], metrics.balanced_accuracy_score(labels, answers))
    assert math.isclose(whole["macroF1"], metrics.f1_score(labels, answers, labels=classes, average="macro"))
    assert math.isclose(whole["nll"], metrics.log_loss(labels, p, labels=list(range(k))))
    assert math.isclose(whole["auroc"], np.mean([metrics.roc_auc_score(labels == c, p[:, c]) for c in classes]))
    assert math.isclose(whole["averagePrecision"], np.mean([metrics.average_precision_score(labels == c, p[:, c]) for c in classes]))
    assert math.isclose(whole["kappa"], metrics.cohen_kappa_score(labels, answers))
    assert math.isclose(whole["mcc"], metrics.matthews_corrcoef(labels, answers))
    random = np.random.default_rng(0)
    strata = [np.flatnonzero(labels == c) for c in classes]
    rows = []
    for _ in range(RESAMPLES):
        index = np.concatenate([random.choice(members, len(members)) for members in strata])
        rows.append(statistics(p[index], labels[index]))
    smallest = min(len(members) for members in strata)
    steps = {"accuracy": 1 / n, "kappa": 2 / n, "mcc": 2 / n, "balancedAccuracy": 1 / smallest / len(classes), "macroF1": 1 / smallest / len(classes)}
    out["cases"][name] = {
        "n": n, "k": k, "phase": phase, "scale": scale, "labels": labels.tolist(),
        "found": {
            metric: {
                "sd": float(np.std([row[metric] for row in rows])),
                "interval": [float(np.quantile([row[metric] for row in rows], q)) for q in (0.025, 0.975)],
                "step": steps.get(metric, 0),
            }
            for metric in whole
        },
    }
print(json.dumps(out))
