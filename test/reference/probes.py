"""Writes probes.json: silhouette, nearest neighbours and a linear rule by scikit-learn, for test/metrics/probes.test.ts.

Codes are those of `wave`, in float32, as test/reference/wave.ts makes them, moved by their class where they are told apart.
Run: python3 probes.py > probes.json
"""
import json

import numpy as np
import sklearn
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import silhouette_score
from sklearn.model_selection import LeaveOneOut, PredefinedSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from formula import wave


CASES = {
    # examples, numbers of a code, classes, phase, how far class c is moved along axis c
    "of no class": (120, 6, 4, 0.3, 0.0),
    "a little apart": (150, 8, 5, 1.1, 0.7),
    "far apart": (90, 5, 3, 0.7, 4.0),
    "of more numbers than examples": (40, 60, 3, 2.0, 1.0),
    "two classes": (61, 3, 2, 0.1, 0.5),
}
found = {}
for name, (n, d, k, phase, apart) in CASES.items():
    labels = np.array([(i * i + i // 3) % k for i in range(n)])
    codes = wave((n, d), phase)
    for i, label in enumerate(labels):
        codes[i, label] += np.float32(apart)
    codes = codes.astype(np.float64)
    fold = np.floor(5 * ((np.arange(n) * 0.6180339887) % 1)).astype(int)
    folds = PredefinedSplit(fold)
    ridge = cross_val_score(RidgeClassifier(alpha=1), codes, labels, cv=folds)
    found[name] = {
        "n": n, "d": d, "phase": phase, "apart": apart, "labels": labels.tolist(),
        "silhouette": float(silhouette_score(codes, labels)),
        "neighbours": float(cross_val_score(KNeighborsClassifier(5), codes, labels, cv=LeaveOneOut()).mean()),
        # Folds are of unequal size: weighted by it.
        "linear": float(np.average(ridge, weights=np.bincount(fold))),
    }
print(json.dumps({"scikit-learn": sklearn.__version__, "cases": found}))
