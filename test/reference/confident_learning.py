"""Writes confident-learning.json: label issues by cleanlab 2.9.0 (Northcutt et al. 2021), for test/metrics/confident-learning.test.ts.

Logits are those of `wave`, in float32, as test/reference/wave.ts makes them; probabilities are their softmax in float64.
Run: python3 confident_learning.py > confident-learning.json
"""
import json

import numpy as np
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues

from formula import softmax, wave


cases = {}
for name, n, k, phase, scale, every in [("random", 300, 5, 0.3, 3.0, 3), ("few classes", 120, 2, 1.1, 2.0, 4), ("sure", 200, 7, 0.9, 9.0, 5)]:
    logits = wave((n, k), phase, scale).astype(np.float64)
    p = softmax(logits)
    # The likeliest class, but for every few examples the next one: mistakes of whoever labelled.
    labels = np.array([(int(np.argmax(p[i])) + (1 if i % every == 0 else 0)) % k for i in range(n)])
    joint, _ = compute_confident_joint(labels, p, calibrate=False, return_indices_of_off_diagonals=True)
    issues = find_label_issues(labels, p, filter_by="confident_learning", return_indices_ranked_by="normalized_margin")
    thresholds = [float(p[labels == c, c].mean()) for c in range(k)]
    cases[name] = {
        "n": n, "k": k, "phase": phase, "scale": scale,
        "labels": labels.tolist(), "thresholds": thresholds, "joint": joint.tolist(), "issues": [int(i) for i in issues],
    }
print(json.dumps(cases))
